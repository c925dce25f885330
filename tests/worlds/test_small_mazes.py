import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.testing import check_world
from alpha_factory.worlds import (
    draw_maze,
    from_text,
    make_maze,
    make_small_mazes,
    pack_maze,
    shortest_walk,
    to_text,
)
from alpha_factory.worlds.levels import tiles
from reference.grid import read_level, solve

KEY = jax.random.key(0)
SIDE = 13
DRAWN = 8192
FRAMES = ("agent", "north")
AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))  # right, down, left, up

draw_many = jax.jit(lambda keys: jax.vmap(lambda key: draw_maze(key=key))(keys))


@pytest.fixture(scope="module")
def mazes():
    return draw_many(jax.random.split(KEY, DRAWN))


def pick(tree, at):
    return jax.tree.map(lambda leaf: leaf[at], tree)


def walk(world, levels, action):
    """What rows of actions lead to: states and outcomes, a row a step."""

    def go(state, action):
        state, outcome = jax.vmap(lambda *args: world.step(*args, key=KEY))(levels, state, action)
        return state, (state, outcome)

    state = jax.vmap(lambda level: world.reset(level, key=KEY))(levels)
    return jax.lax.scan(go, state, action)[1]


def is_even(counts, expected):
    """Pearson's chi-square within five standard deviations of its mean."""
    freedom = counts.size - 1
    distance = ((counts - expected) ** 2 / expected).sum()
    return abs(distance - freedom) < 5 * np.sqrt(2 * freedom)


def test_draw_maze_draws_0_to_25_walls_evenly(mazes):
    walls = (np.asarray(mazes.tile) == tiles.WALL).sum(axis=(1, 2))
    counts = np.bincount(walls, minlength=26)
    assert counts.size == 26
    assert is_even(counts, DRAWN / 26)


def test_draw_maze_draws_every_cell_as_often(mazes):
    tile, start, goal = (np.asarray(part) for part in (mazes.tile, mazes.start, mazes.goal))
    for place in (start, goal):
        assert is_even(np.bincount(place @ (SIDE, 1), minlength=SIDE * SIDE), DRAWN / SIDE**2)
    assert is_even(np.bincount(np.asarray(mazes.heading), minlength=4), DRAWN / 4)
    # Walls of a maze keep out of each other's way, so they are a little evener than chance.
    by_cell = (tile == tiles.WALL).sum(axis=0)
    expected = by_cell.sum() / SIDE**2
    assert ((by_cell - expected) ** 2 / expected).sum() < 168 + 5 * np.sqrt(2 * 168)
    # The goal lies as often in any direction from the start, and never on it.
    apart = (goal - start) @ (2 * SIDE, 1)
    assert (apart != 0).all()
    assert abs((apart > 0).mean() - 0.5) < 0.03


def test_drawn_level_is_the_one_that_its_map_says(mazes):
    for index in range(24):
        level = pick(mazes, index)
        assert eqx.tree_equal(level, from_text(to_text(level), side=SIDE, step_limit=250))


def test_same_key_draws_the_same_maze_alone_and_in_a_batch(mazes):
    one = jax.jit(lambda key: draw_maze(key=key))(jax.random.split(KEY, DRAWN)[7])
    assert eqx.tree_equal(one, pick(mazes, 7))
    tile = np.asarray(mazes.tile)
    is_walled = (tile == tiles.WALL).sum(axis=(1, 2)) > 4  # those with fewer walls may meet
    assert len(np.unique(tile[is_walled], axis=0)) == is_walled.sum()


def test_shortest_walk_tells_mazes_without_a_way(mazes):
    actions = np.asarray(jax.jit(jax.vmap(shortest_walk))(mazes))
    assert 0 < (actions < 0).mean() < 0.05
    lost, found = np.flatnonzero(actions < 0)[:4], np.flatnonzero(actions >= 0)[:12]
    for index in (*lost.tolist(), *found.tolist()):
        plan = solve(read_level(pick(mazes, index)))
        assert actions[index] == (-1 if plan is None else len(plan))


def see_turned(level, position, heading):
    """What `observe` says in words, place by place, nothing turned."""
    kinds, goal = np.asarray(level.tile), np.asarray(level.goal).tolist()
    (down, right), (aside_down, aside_right) = AHEAD[heading], AHEAD[(heading + 1) % 4]
    walls, far, wide = [], [False] * 25, [False] * 25
    for ahead in range(12, -13, -1):
        for aside in range(-12, 13):
            row = position[0] + ahead * down + aside * aside_down
            column = position[1] + ahead * right + aside * aside_right
            is_inside = 0 <= row < SIDE and 0 <= column < SIDE
            walls.append(not is_inside or kinds[row, column] == tiles.WALL)
            if [row, column] == goal:
                far[ahead + 12] = wide[aside + 12] = True
    return [*walls, *far, *wide, *([False] * 5)]


def see_north(level, position, heading):
    walls = (np.asarray(level.tile) == tiles.WALL).ravel().tolist()
    marked = [one for place in (np.asarray(level.goal).tolist(), position) for one in place]
    places = [at == place for place in marked for at in range(SIDE)]
    return [*walls, *places, *(at == heading for at in range(4)), *([False] * 7)]


def put(world, levels, position, heading):
    """A state for each level, the agent somewhere in it."""
    state = jax.vmap(lambda level: world.reset(level, key=KEY))(levels)
    return eqx.tree_at(
        lambda tree: (tree.position, tree.heading),
        state,
        (jnp.asarray(position, jnp.int32), jnp.asarray(heading, jnp.int32)),
    )


@pytest.mark.parametrize(("frame", "see"), [("agent", see_turned), ("north", see_north)])
def test_observation_says_where_walls_goal_and_agent_are(mazes, frame, see):
    draw, levels = np.random.default_rng(0), pick(mazes, slice(0, 500))
    world = make_small_mazes(frame=frame)
    position, heading = draw.integers(SIDE, size=(500, 2)), draw.integers(4, size=500)
    state = put(world, levels, position, heading)
    obs = np.asarray(jax.jit(jax.vmap(world.observe))(levels, state))
    assert obs.dtype == bool
    assert obs.shape[-1] == world.features
    assert world.features % 8 == 0  # as replay packs them
    for index in range(500):
        expected = see(pick(levels, index), position[index].tolist(), int(heading[index]))
        assert obs[index].tolist() == expected


def test_turned_map_can_be_read_back(mazes):
    """Nothing is lost: from the bits, the agent's place and its heading the whole maze follows."""
    draw, levels = np.random.default_rng(1), pick(mazes, slice(0, 500))
    world = make_small_mazes()
    position, heading = draw.integers(SIDE, size=(500, 2)), draw.integers(4, size=500)
    state = put(world, levels, position, heading)
    obs = np.asarray(jax.jit(jax.vmap(world.observe))(levels, state))
    for index, (row, column) in enumerate(position):
        around = np.rot90(obs[index, :625].reshape(25, 25), -(heading[index] + 1))
        kept = around[12 - row : 25 - row, 12 - column : 25 - column]
        np.testing.assert_array_equal(kept, np.asarray(levels.tile[index]) == tiles.WALL)


def test_small_mazes_go_on_as_the_maze_engine_does(mazes):
    levels = pick(mazes, slice(0, 256))
    levels = eqx.tree_at(lambda tree: tree.step_limit, levels, jnp.full(256, 60, jnp.int32))
    action = np.random.default_rng(1).choice(3, (70, 256), p=(0.15, 0.15, 0.7)).astype(np.int32)
    mine = jax.jit(lambda *args: walk(make_small_mazes(), *args))
    other = jax.jit(lambda *args: walk(make_maze(), *args))
    state, outcome = mine(levels, jnp.asarray(action))
    # Packing refuses what is not a plain maze.
    packed, packed_outcome = other(pack_maze(levels), jnp.asarray(action))
    place = np.stack(np.divmod(np.asarray(packed.cell), SIDE), axis=-1)
    np.testing.assert_array_equal(state.position, place)
    np.testing.assert_array_equal(state.heading, packed.heading)
    for got, expected in zip(
        jax.tree.leaves(outcome), jax.tree.leaves(packed_outcome), strict=True
    ):
        np.testing.assert_array_equal(got, expected)
    assert np.asarray(outcome.is_terminated)[-1].any()
    assert np.asarray(outcome.is_truncated)[-1].any()


def test_small_mazes_keep_the_promises_of_a_world(mazes):
    levels = pick(mazes, slice(0, 2))
    levels = eqx.tree_at(lambda tree: tree.step_limit, levels, jnp.full(2, 40, jnp.int32))
    check_world(make_small_mazes(), levels, steps=60, lowest=0.0, key=KEY)


def test_level_of_another_size_is_refused_where_it_is_seen_as_it_lies():
    world, level = make_small_mazes(frame="north"), from_text(">.G", side=14)
    with pytest.raises(ValueError, match="13 x 13 cells, this level 14 x 14"):
        world.observe(level, world.reset(level, key=KEY))


def test_larger_level_is_seen_as_far_as_12_cells():
    world = make_small_mazes()
    level = from_text(">" + "." * 12 + "#G", side=32)
    seen = np.asarray(world.observe(level, world.reset(level, key=KEY)))
    around = seen[:625].reshape(25, 25)
    # Heading right at the corner: ahead is floor as far as 12 cells, to the left all beyond the edge is wall.
    assert not around[:13, 12].any()
    assert around[:, :12].all()
    assert not seen[625:650].any()
    assert np.flatnonzero(seen[650:675]).tolist() == [12]


def test_unknown_frame_is_named_with_the_choices():
    with pytest.raises(UsageError, match=r"Unknown frame 'nort'\. Did you mean 'north'"):
        make_small_mazes(frame="nort")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import InvalidLevel, UsageError
from alpha_factory.worlds.grid.engine import make_grid
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.text import from_text
from alpha_factory.worlds.maze import (
    draw_actions,
    make_maze,
    pack_maze,
    pack_unchecked,
    play_mazes,
    reset,
    show_look,
)

AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))  # right, down, left, up
AGENT = 30  # facing up, as every view shows it
KEY = jax.random.key(0)


class Walker:
    """The plain maze as it is told: no arrays but the map, which ends are walls."""

    def __init__(self, kinds, start, heading, step_limit):
        self.kinds, self.start, self.first_heading = kinds, start, heading
        self.step_limit = step_limit
        self.begin()

    def begin(self):
        self.place, self.heading, self.time = self.start, self.first_heading, 0

    def kind(self, row, column):
        height, width = self.kinds.shape
        inside = 0 <= row < height and 0 <= column < width
        return int(self.kinds[row, column]) if inside else tiles.WALL

    def step(self, action):
        """Reward, terminated, truncated; then it begins again if that ended the episode."""
        if action == 0:
            self.heading = (self.heading - 1) % 4
        elif action == 1:
            self.heading = (self.heading + 1) % 4
        else:
            down, right = AHEAD[self.heading]
            ahead = self.place[0] + down, self.place[1] + right
            if self.kind(*ahead) != tiles.WALL:
                self.place = ahead
        self.time += 1
        is_solved = self.kind(*self.place) == tiles.GOAL
        is_late = self.time >= self.step_limit and not is_solved
        if is_solved or is_late:
            self.begin()
        return float(is_solved), is_solved, is_late

    def view(self):
        """The farthest row first, each from left to right."""
        forward, right = AHEAD[self.heading], AHEAD[(self.heading + 1) % 4]
        cells = []
        for ahead in (4, 3, 2, 1, 0):
            for aside in (-2, -1, 0, 1, 2):
                row = self.place[0] + ahead * forward[0] + aside * right[0]
                column = self.place[1] + ahead * forward[1] + aside * right[1]
                cells.append(AGENT if ahead == aside == 0 else self.kind(row, column))
        return cells


def random_maze(draw, height, width, *, share=0.25):
    """A level with walls at random and a goal near the start that need not be reachable."""
    kinds = np.where(draw.random((height, width)) < share, tiles.WALL, tiles.FLOOR)
    row, column = draw.integers(0, (height, width)).tolist()
    beside = (row + draw.choice((-2, -1, 1, 2))) % height, column
    start, goal = (row, column), beside if beside[0] != row else (row, (column + 1) % width)
    kinds[start], kinds[goal] = tiles.FLOOR, tiles.GOAL
    level = from_text(">G", side=2, step_limit=int(draw.integers(1, 40)))
    return eqx.tree_at(
        lambda tree: (tree.tile, tree.start, tree.heading, tree.goal, tree.size),
        level,
        (
            jnp.asarray(kinds, jnp.uint8),
            jnp.asarray(start, jnp.int32),
            jnp.int32(draw.integers(4)),
            jnp.asarray(goal, jnp.int32),
            jnp.asarray((height, width), jnp.int32),
        ),
    )


def stack(levels):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)


def start(mazes):
    return jax.vmap(lambda maze: reset(maze, key=KEY))(mazes)


def walker_of(level):
    place = tuple(np.asarray(level.start).tolist())
    return Walker(np.asarray(level.tile), place, int(level.heading), int(level.step_limit))


@pytest.mark.parametrize(("height", "width"), [(2, 2), (3, 5), (13, 13), (7, 32), (32, 32)])
def test_play_mazes_does_what_the_rules_say_at_every_step(height, width):
    draw = np.random.default_rng(height * width)
    levels = [random_maze(draw, height, width) for _ in range(24)]
    action = draw.choice(3, (150, 24), p=(0.2, 0.2, 0.6)).astype(np.int32)
    mazes = pack_maze(stack(levels))
    end, seen = jax.tree.map(
        np.asarray, jax.jit(play_mazes)(mazes, start(mazes), jnp.asarray(action))
    )
    for world, level in enumerate(levels):
        walker = walker_of(level)
        for time in range(150):
            reward, is_terminated, is_truncated = walker.step(action[time, world])
            assert seen.reward[time, world] == reward
            assert seen.is_terminated[time, world] == is_terminated
            assert seen.is_truncated[time, world] == is_truncated
            assert seen.heading[time, world] == walker.heading
            assert seen.view[time, :, world].tolist() == walker.view()
        assert divmod(int(end.cell[world]), width) == walker.place
        assert end.heading[world] == walker.heading
        assert end.time[world] == walker.time
    # Both ways to end were met.
    assert seen.is_terminated.any()
    assert seen.is_truncated.any()


@pytest.mark.parametrize("side", [3, 13, 32])
def test_make_maze_is_the_grid_engine_on_plain_levels(side):
    draw = np.random.default_rng(side)
    levels = stack([random_maze(draw, side, side) for _ in range(32)])
    action = jnp.asarray(draw.choice(3, (60, 32), p=(0.2, 0.2, 0.6)), jnp.int32)

    def walk(world, levels):
        def go(state, action):
            state, outcome = jax.vmap(lambda *args: world.step(*args, key=KEY))(
                levels, state, action
            )
            return state, (state, outcome, jax.vmap(world.observe)(levels, state))

        state = jax.vmap(lambda level: world.reset(level, key=KEY))(levels)
        return jax.lax.scan(go, state, action)[1]

    mine = jax.jit(lambda levels: walk(make_maze(), levels))(pack_maze(levels))
    grid = jax.jit(lambda levels: walk(make_grid(observation="view", view=5), levels))(levels)
    (state, outcome, view), (grid_state, grid_outcome, grid_view) = mine, grid
    row, column = np.divmod(np.asarray(state.cell), side)
    np.testing.assert_array_equal(np.stack([row, column], axis=-1), grid_state.position)
    np.testing.assert_array_equal(state.heading, grid_state.heading)
    np.testing.assert_array_equal(state.time, grid_state.time)
    np.testing.assert_array_equal(view, grid_view)
    for got, expected in zip(jax.tree.leaves(outcome), jax.tree.leaves(grid_outcome), strict=True):
        np.testing.assert_array_equal(got, expected)
    # Some worlds finished early, so that staying as they are was looked at.
    assert np.asarray(state.is_terminated)[-1].any()
    assert np.asarray(state.is_truncated)[-1].any()


def test_play_mazes_takes_one_level_for_all_worlds():
    draw = np.random.default_rng(0)
    maze = pack_maze(random_maze(draw, 9, 11))
    mazes = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], 6, axis=0), maze)
    action = draw_actions(50, 6, key=KEY)
    one = jax.jit(play_mazes)(maze, start(mazes), action)
    each = jax.jit(play_mazes)(mazes, start(mazes), action)
    assert eqx.tree_equal(one, each)


def test_view_shows_walls_goal_and_agent():
    level = from_text("...#.\n.#...\n..^G.\n.....", side=5)
    seen = show_look(reset(pack_maze(level), key=KEY).look).reshape(5, 5)
    assert seen.tolist() == [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
        [0, 0, 0, 1, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 30, 2, 0],
    ]


def test_bits_are_walls_goal_and_heading_in_both_engines():
    draw = np.random.default_rng(5)
    levels = [random_maze(draw, 13, 13) for _ in range(40)]
    packed = jax.jit(jax.vmap(pack_unchecked))(stack(levels))
    assert eqx.tree_equal(packed, pack_maze(stack(levels)))
    seen = []
    for world, played in (
        (make_maze(observation="bits"), packed),
        (make_grid(observation="bits"), stack(levels)),
    ):
        assert world.features == 54

        def look(level, world=world):
            state = world.reset(level, key=KEY)
            state, _ = world.step(level, state, jnp.int32(1), key=KEY)
            return world.observe(level, state)

        seen.append(np.asarray(jax.jit(jax.vmap(look))(played)))
    for index, level in enumerate(levels):
        walker = walker_of(level)
        walker.step(1)
        view = walker.view()
        bits = [cell == tiles.WALL for cell in view] + [cell == tiles.GOAL for cell in view]
        bits += [heading == walker.heading for heading in range(4)]
        assert seen[0][index].tolist() == bits
        assert seen[1][index].tolist() == bits
    assert seen[0][:, 25:50].any(), "some goals were in view"


def test_goal_that_was_reached_is_under_the_agent_and_not_shown():
    world = make_maze(observation="bits")
    level = pack_maze(from_text(">G", side=3))
    state, outcome = world.step(level, world.reset(level, key=KEY), jnp.int32(2), key=KEY)
    assert bool(outcome.is_solved)
    assert not world.observe(level, state)[25:50].any()


def test_unknown_observation_of_a_maze_lists_the_choices():
    with pytest.raises(UsageError, match="Choices: bits, view"):
        make_maze(observation="pixels")


def test_draw_actions_are_even_and_independent():
    action = np.asarray(draw_actions(99, 4001, key=KEY))
    assert action.shape == (99, 4001)
    share = np.bincount(action.ravel(), minlength=3) / action.size
    assert np.abs(share - 1 / 3).max() < 0.003  # 4 standard deviations
    for apart in range(1, 6):
        pairs = np.bincount((3 * action[:-apart] + action[apart:]).ravel(), minlength=9)
        assert np.abs(pairs / pairs.sum() - 1 / 9).max() < 0.003
    beside = np.bincount((3 * action[:, :-1] + action[:, 1:]).ravel(), minlength=9)
    assert np.abs(beside / beside.sum() - 1 / 9).max() < 0.003


@pytest.mark.parametrize(
    ("drawing", "settings", "message"),
    [
        (">.\n_G", {}, "tile must be floor, wall or goal in a plain maze; got 'ice in row 2, column 1'"),
        (">.\n[G", {}, "conveyor left in row 2, column 1"),
        (">.\nHG", {}, "opponent must be 0 in a plain maze; got 1"),
        (">G", {"slip": 0.5}, r"physics\.slip must be 0\.0 in a plain maze; got 0\.5"),
        (">G", {"gravity": (3, 0)}, r"physics\.gravity must be 0 in a plain maze; got 3"),
        (">G", {"friction": 100}, r"physics\.friction must be 256 in a plain maze; got 100"),
        (">G", {"step_cost": 0.25}, r"reward\.step_cost must be 0\.0 in a plain maze; got 0\.25"),
        (">G", {"honeypot": True}, r"reward\.is_hidden must be False in a plain maze; got True"),
    ],
)  # fmt: skip
def test_pack_maze_names_what_a_plain_maze_has_not(drawing, settings, message):
    with pytest.raises(InvalidLevel, match=message):
        pack_maze(from_text(drawing, side=3, **settings))


def test_pack_maze_names_rules_in_force():
    level = from_text(">G", side=3)
    ruled = eqx.tree_at(
        lambda tree: (tree.rules.trigger, tree.rules.effect),
        level,
        (level.rules.trigger.at[1].set(1), level.rules.effect.at[1].set(1)),
    )
    with pytest.raises(InvalidLevel, match="rules in force must be False in a plain maze"):
        pack_maze(ruled)


def test_pack_maze_tells_the_largest_size():
    with pytest.raises(InvalidLevel, match=r"at most 32 x 32 .* got '33 x 33'"):
        pack_maze(from_text(">G", side=33))


def test_pack_maze_finds_the_one_odd_level_of_a_batch():
    plain, odd = from_text(">.G", side=3), from_text(">KG", side=3)
    with pytest.raises(InvalidLevel, match="key in row 1, column 2"):
        pack_maze(stack([plain, odd]))

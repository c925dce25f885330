"""Mazes that are made as they are seen: known ones are plain mazes, and what is made stays."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.testing import check_world
from alpha_factory.worlds import (
    KINDS_PLACED,
    UnfoldingLevel,
    begin_unfolding,
    draw_maze,
    find_unknown,
    is_goal_placed,
    make_maze,
    make_unfolding,
    measure_maze,
    pack_unchecked,
    place_tile,
    settle_unfolding,
    show_kinds,
)
from alpha_factory.worlds.levels import tiles

pytestmark = pytest.mark.usefixtures("quick_compilation")

SIDE, LEVELS, STEPS = 6, 8, 40
WORLD, PLAIN = make_unfolding(), make_maze(observation="bits")
KEY = jax.random.key(0)


def know(level) -> UnfoldingLevel:
    """A maze of which all is known."""
    return eqx.tree_at(
        lambda tree: (tree.tile, tree.is_known),
        begin_unfolding(level),
        (level.tile.ravel(), jnp.ones(SIDE * SIDE, bool)),
    )


@pytest.fixture(scope="module")
def mazes(quick_compilation):
    keys = jax.random.split(KEY, LEVELS)
    return jax.jit(jax.vmap(lambda key: draw_maze(side=SIDE, walls=9, step_limit=25, key=key)))(
        keys
    )


@jax.jit
def begin(mazes):
    level = jax.vmap(begin_unfolding)(mazes)
    return level, jax.vmap(lambda one: WORLD.reset(one, key=KEY))(level)


@jax.jit
@jax.vmap
def look(level, state):
    return find_unknown(level, state), show_kinds(level, state), WORLD.observe(level, state)


def test_known_mazes_are_the_plain_engine_step_by_step(mazes):
    @jax.jit
    @jax.vmap
    def walk(maze, key):
        level, packed = know(maze), pack_unchecked(maze)

        def go(states, action):
            one, other = states
            seen = WORLD.observe(level, one), PLAIN.observe(packed, other)
            one, told = WORLD.step(level, one, action, key=KEY)
            other, wanted = PLAIN.step(packed, other, action, key=KEY)
            return (one, other), (*seen, told, wanted)

        first = WORLD.reset(level, key=KEY), PLAIN.reset(packed, key=KEY)
        return jax.lax.scan(go, first, jax.random.choice(key, 3, (STEPS,)))[1]

    seen, wanted_seen, told, wanted = walk(mazes, jax.random.split(KEY, LEVELS))
    np.testing.assert_array_equal(seen, wanted_seen)
    for one, other in zip(jax.tree.leaves(told), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.asarray(told.is_truncated).any()


def test_at_first_nothing_but_the_start_is_known(mazes):
    level, state = begin(mazes)
    start = np.asarray(mazes.start) @ [SIDE, 1]
    assert [np.flatnonzero(one).tolist() for one in level.is_known] == [[one] for one in start]
    unknown, kinds, seen = map(np.asarray, look(level, state))
    assert not unknown[:, 22].any(), "the agent's own cell"
    assert ((kinds == tiles.WALL) <= ~unknown).all(), "walls beyond the edge are known"
    np.testing.assert_array_equal(seen[:, :25], kinds == tiles.WALL)
    assert not seen[:, 25:50].any()


def test_tiles_are_made_where_they_are_seen_and_stay(mazes):
    level, state = begin(mazes)
    place = jax.jit(jax.vmap(place_tile))
    source = np.random.default_rng(0)
    for _ in range(12):
        unknown, kinds, _ = map(np.asarray, look(level, state))
        number = np.array(
            [source.choice(np.flatnonzero(one)) if one.any() else -1 for one in unknown]
        )
        kind = source.integers(0, len(KINDS_PLACED), LEVELS)
        made = place(level, state, jnp.asarray(number, jnp.int32), jnp.asarray(kind, jnp.int32))
        seen = look(made, state)
        for lane in np.flatnonzero(number >= 0):
            wanted = kinds[lane].copy()
            wanted[number[lane]] = KINDS_PLACED[kind[lane]]
            assert np.asarray(seen[1])[lane].tolist() == wanted.tolist()
            left = unknown[lane].copy()
            left[number[lane]] = False
            assert np.asarray(seen[0])[lane].tolist() == left.tolist()
        if (number < 0).any():
            break
        level = made


def test_what_was_made_is_a_level_of_the_grid(mazes):
    settled = jax.jit(jax.vmap(lambda maze: settle_unfolding(maze, know(maze))))(mazes)
    for one, other in zip(jax.tree.leaves(settled), jax.tree.leaves(mazes), strict=True):
        np.testing.assert_array_equal(one, other)


def test_maze_without_a_goal_has_no_way(mazes):
    level, _ = begin(mazes)
    assert not np.asarray(jax.jit(jax.vmap(is_goal_placed))(level)).any()
    path = jax.jit(jax.vmap(lambda maze, one: measure_maze(settle_unfolding(maze, one))[1]))(
        mazes, level
    )
    assert np.isinf(np.asarray(path)).all()


def test_unfolding_mazes_keep_what_is_promised_of_worlds(mazes):
    check_world(WORLD, jax.vmap(know)(mazes), steps=60, key=KEY)

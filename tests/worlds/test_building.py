"""Mazes in the making: what is built by any actions is a maze, and the one that a slow machine builds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.testing import check_world
from alpha_factory.worlds import draw_maze, finish_building, make_building
from alpha_factory.worlds.levels import tiles

pytestmark = pytest.mark.usefixtures("quick_compilation")

SIDE, WALLS = 4, 6
CELLS, STEPS = SIDE * SIDE, WALLS + 2
WORLD = make_building(side=SIDE, walls=WALLS)


@jax.jit
def build(actions, key):
    """What so many actions build, and what was seen before each of them and after the last."""
    room = draw_maze(side=SIDE, walls=0, step_limit=9, key=key)

    def act(state, row):
        action, key = row
        seen = WORLD.observe(room, state)
        state, outcome = WORLD.step(room, state, action, key=key)
        return state, (seen, outcome)

    rows = actions, jax.random.split(key, STEPS)
    state, (seen, outcome) = jax.lax.scan(act, WORLD.reset(room, key=key), rows)
    return room, finish_building(room, state), seen, outcome, WORLD.observe(room, state)


def build_slowly(actions):
    """Walls, goal and start; the start is None where the goal was in its place."""
    *walls, goal, start = actions
    standing = set(walls) - {goal, start}
    return standing, goal, None if start == goal else start


@given(actions=st.lists(st.integers(0, CELLS - 1), min_size=STEPS, max_size=STEPS))
def test_any_actions_build_the_maze_that_they_say(actions):
    room, level, seen, outcome, last = build(jnp.array(actions, jnp.int32), jax.random.key(1))
    walls, goal, start = build_slowly(actions)
    tile = np.asarray(level.tile).ravel()
    place = int(level.start[0]) * SIDE + int(level.start[1])
    if start is None:  # on a free cell
        assert place not in walls | {goal}
    else:
        assert place == start
    assert set(np.flatnonzero(tile == tiles.WALL).tolist()) == walls
    assert np.flatnonzero(tile == tiles.GOAL).tolist() == [goal]
    assert int(level.goal[0]) * SIDE + int(level.goal[1]) == goal != place
    assert int(level.heading) == int(room.heading)
    assert int(level.step_limit) == 9
    assert np.asarray(outcome.is_terminated).tolist() == [False] * (STEPS - 1) + [True]
    assert not np.asarray(outcome.reward).any()
    for step, row in enumerate([*np.asarray(seen), np.asarray(last)]):
        bits, luck = row[: 3 * CELLS].reshape(3, CELLS), row[3 * CELLS + 1 :]
        assert np.flatnonzero(bits[0]).tolist() == sorted(
            set(actions[: min(step, WALLS)]) - set(actions[WALLS:step])
        )
        assert np.flatnonzero(bits[1]).tolist() == ([goal] if step > WALLS else [])
        assert np.flatnonzero(bits[2]).tolist() == ([place] if step == STEPS else [])
        assert row[3 * CELLS] == pytest.approx(step / STEPS)
        assert ((luck >= 0) & (luck < 1)).all()
    assert len({tuple(row[3 * CELLS + 1 :]) for row in np.asarray(seen)}) == STEPS


def test_agent_on_the_goal_goes_to_every_free_cell():
    actions = jnp.array([0, 1, 2, 3, 4, 5, 15, 15], jnp.int32)
    keys = jax.random.split(jax.random.key(0), 200)
    starts = np.asarray(jax.jit(jax.vmap(lambda key: build(actions, key)[1].start))(keys))
    assert set((starts @ [SIDE, 1]).tolist()) == set(range(6, 15))


def test_building_keeps_what_is_promised_of_worlds():
    rooms = jax.vmap(lambda key: draw_maze(side=SIDE, walls=0, key=key))(
        jax.random.split(jax.random.key(0), 2)
    )
    check_world(WORLD, rooms, steps=2 * STEPS, key=jax.random.key(1))


def test_more_walls_than_there_is_room_for_are_refused():
    with pytest.raises(ValueError, match="walls=15 in a maze of 4 x 4 cells: from 0 to 14"):
        make_building(side=SIDE, walls=15)

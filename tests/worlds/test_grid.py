"""The engine against the slow simulator of tests/reference, and against the plain maze."""

import random

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_factory.worlds import public_mazes
from reference import view
from reference.engine import STEPS, VIEW, draw_cells, pad_actions, play, run, take
from reference.grid import Episode, random_level, read_level, solve, write_level
from reference.level import MAZE, NAMES, PATROL, SIDE
from reference.search import AHEAD

SEEDS = st.integers(0, 2**32 - 1)
LEFT, RIGHT, FORWARD = range(3)


def draw_actions(draw, level, controls="turn"):
    """Random actions, mostly forward; every other time along the shortest walk for a while."""
    if controls == "compass":
        return draw.choices(range(4), k=STEPS)
    actions = draw.choices(range(3), weights=(1, 1, 2), k=STEPS)
    plan = (solve(level) or []) if draw.random() < 0.5 else []
    return [*plan[: draw.randint(0, STEPS)], *actions][:STEPS]


def picture(episode):
    """What a state of the engine says of an episode."""
    places = episode.opponents
    return {
        "position": list(episode.cell),
        "offset": list(episode.offset),
        "velocity": list(episode.velocity),
        "heading": episode.heading,
        "has_key": episode.has_key,
        "is_open": episode.is_open,
        "has_pressed": episode.has_pressed,
        "opponent": [list(place) for place, _ in places],
        "patrols": [
            heading
            for (_, heading), one in zip(places, episode.level.opponents, strict=True)
            if one.kind == PATROL
        ],
        "timer": episode.timer,
        "time": episode.time,
        "is_terminated": episode.is_terminated,
        "is_truncated": episode.is_truncated,
        "tile": [[NAMES.index(episode.tile[at, one]) for one in range(SIDE)] for at in range(SIDE)],
        "seen": sorted(map(list, episode.remembered)),
        "visited": sorted(map(list, episode.visited)),
    }


def picture_of(state, level):
    """The same of a state of the engine, which is one of NumPy arrays."""
    names = set(picture(Episode(level))) - {"opponent", "patrols", "seen", "visited"}
    count = len(level.opponents)
    headings = zip(state.opponent_heading.tolist(), level.opponents, strict=False)
    return {name: getattr(state, name).tolist() for name in names} | {
        "opponent": state.opponent[:count].tolist(),
        "patrols": [heading for heading, one in headings if one.kind == PATROL],
        "seen": np.argwhere(np.asarray(state.seen)).tolist(),
        "visited": np.argwhere(np.asarray(state.visited)).tolist(),
    }


def compare(engine, actions, chance, controls):
    """Play the same episode in the engine and in the slow simulator, and compare all there is, step by step."""
    (slips, springs), level = chance, read_level(engine)
    states, (obs, views, alls), outcomes = jax.tree.map(
        np.asarray,
        play(
            engine,
            pad_actions(actions),
            jnp.array(slips),
            jnp.array(springs),
            jnp.bool_(controls == "compass"),
        ),
    )
    episode, was_over = Episode(level, controls=controls), False
    for time in range(STEPS + 1):
        if not was_over:
            assert picture_of(take(states, time), level) == picture(episode), time
            wanted = np.array(episode.observe())
            assert np.flatnonzero(wanted != obs[time]).tolist() == [], time
            np.testing.assert_array_equal(views[time], view.show_view(episode, VIEW))
            np.testing.assert_array_equal(alls[time], view.show_all(episode))
        if time < STEPS:
            was_over = episode.is_over
            reward, *flags = episode.step(
                actions[time], is_slipping=slips[time], is_sprung=springs[time]
            )
            outcome = take(outcomes, time)
            assert float(outcome.reward) == pytest.approx(reward, abs=1e-5), time
            ending = [outcome.is_terminated, outcome.is_truncated, outcome.is_solved]
            assert list(map(bool, ending)) == flags, time


def draw_chance(draw, level):
    """Whether each step slips, and whether a trap entered in it fires."""
    return tuple(
        [draw.random() < odds for _ in range(STEPS)]
        for odds in (level.physics.slip, level.trap_odds)
    )


@given(SEEDS, st.sampled_from(("turn", "compass")))
@settings(max_examples=100)
def test_episode_is_that_of_the_slow_simulator(seed, controls):
    draw = random.Random(seed)
    engine = write_level(random_level(seed, largest=draw.choice((4, 8, 13))))
    level = read_level(engine)
    actions = draw_actions(draw, level, controls)
    compare(engine, actions, draw_chance(draw, level), controls)


class Walker:
    """The plain maze as the field has it: left, right, forward; walls block; the goal ends it."""

    def __init__(self, rows, start, heading, step_limit):
        self.rows, self.cell, self.heading, self.limit = rows, start, heading, step_limit
        self.time, self.is_solved = 0, False

    @property
    def is_over(self):
        return self.is_solved or self.time >= self.limit

    def symbol(self, row, column):
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.rows[0])
        return self.rows[row][column] if inside else "#"

    def step(self, action):
        """Reward, terminated, truncated, solved."""
        if self.is_over:
            return [0.0, self.is_solved, not self.is_solved, False]
        if action == FORWARD:
            row, column = (
                here + step for here, step in zip(self.cell, AHEAD[self.heading], strict=True)
            )
            if self.symbol(row, column) != "#":
                self.cell = row, column
        else:
            self.heading = (self.heading + (1 if action == RIGHT else -1)) % 4
        self.time += 1
        self.is_solved = self.symbol(*self.cell) == "G"
        is_late = self.time >= self.limit and not self.is_solved
        return [float(self.is_solved), self.is_solved, is_late, self.is_solved]


def assert_is_plain(level, actions):
    """The engine walks as a plain maze does, at every step."""
    states, _, outcomes = jax.tree.map(np.asarray, run(level, actions))
    rows = draw_cells(level.tile)
    walker = Walker(rows, tuple(level.start.tolist()), int(level.heading), int(level.step_limit))
    outcomes = np.stack([leaf.astype(float) for leaf in jax.tree.leaves(outcomes)], axis=1)
    for time, action in enumerate([*actions, *[LEFT] * STEPS][:STEPS]):
        assert states.position[time].tolist() == list(walker.cell), time
        assert states.heading[time] == walker.heading, time
        assert not states.offset[time].any()
        assert states.time[time] == walker.time
        assert outcomes[time].tolist() == walker.step(action), time
    assert draw_cells(states.tile[-1]) == rows
    return walker


@given(SEEDS)
@settings(max_examples=50)
def test_world_with_neutral_physics_is_exactly_the_plain_grid(seed):
    level = random_level(seed, is_neutral=True, symbols=MAZE, largest=13)
    engine = eqx.tree_at(
        lambda tree: [
            getattr(tree.reward, name) for name in ("dense", "step_cost", "goal", "is_hidden")
        ],
        write_level(level),
        [jnp.float32(0.0), jnp.float32(0.0), jnp.float32(1.0), jnp.bool_(False)],
    )
    engine = eqx.tree_at(lambda tree: tree.trap_odds, engine, jnp.float32(1.0))
    assert_is_plain(engine, draw_actions(random.Random(seed), level))


@pytest.fixture(scope="module")
def mazes():
    """The public mazes, in arrays of their own size."""

    def cut(maze):
        rows, columns = maze.size.tolist()
        assert rows == columns == SIDE
        return eqx.tree_at(
            lambda tree: (tree.tile, tree.distance),
            maze,
            (maze.tile[:rows, :columns], maze.distance[:rows, :columns]),
        )

    return {name: cut(maze) for name, maze in public_mazes().items()}


@pytest.mark.parametrize("name", public_mazes())
def test_public_maze_is_the_plain_grid(mazes, name):
    for seed in range(3):
        draw = random.Random(seed)
        actions = draw.choices(range(3), weights=(1, 1, 2), k=STEPS)
        walker = assert_is_plain(mazes[name], actions)
        assert walker.time == STEPS or walker.is_solved


@pytest.mark.parametrize("name", public_mazes())
def test_shortest_walk_solves_a_public_maze(mazes, name):
    maze, total, done = mazes[name], 0.0, 0
    plan = solve(read_level(maze))
    walker = Walker(draw_cells(maze.tile), tuple(maze.start.tolist()), int(maze.heading), 250)
    # In stretches of STEPS, each from where the last one ended.
    while done < len(plan):
        stretch = plan[done : done + STEPS]
        place = (jnp.array(walker.cell, jnp.int32), jnp.int32(walker.heading))
        there = eqx.tree_at(lambda tree: (tree.start, tree.heading), maze, place)
        assert_is_plain(there, stretch)
        for action in stretch:
            assert not walker.is_solved
            total += walker.step(action)[0]
        done += len(stretch)
    assert walker.is_solved
    assert total == 1.0


@given(SEEDS)
def test_finished_world_stays_as_it_is_and_pays_nothing(seed):
    draw, level = random.Random(seed), read_level(write_level(random_level(seed, most_steps=30)))
    chance = map(jnp.array, draw_chance(draw, level))
    actions = pad_actions(draw_actions(draw, level))
    played = play(write_level(level), actions, *chance, jnp.bool_(False))
    states, _, outcomes = jax.tree.map(np.asarray, played)
    is_over = outcomes.is_terminated | outcomes.is_truncated
    end = int(np.argmax(is_over))
    assert is_over[end:].all()
    assert (outcomes.reward[end + 1 :] == 0).all()
    assert not outcomes.is_solved[end + 1 :].any()
    for leaf in jax.tree.leaves(states):
        assert (leaf[end + 1 :] == leaf[end + 1]).all()

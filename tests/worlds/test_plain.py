from functools import partial

import jax
import numpy as np
import pytest
from scipy import stats

from alpha_factory.core.errors import UsageError
from alpha_factory.worlds import draw_maze, from_text, measure_maze
from alpha_factory.worlds.levels import tiles

KEY = jax.random.key(0)
MANY, SIDE = 2048, 7


@partial(jax.jit, static_argnames=("count", "side", "walls", "number"))
def draw_many(key, count, side, walls, number):
    draw = partial(draw_maze, side=side, walls=walls, number=number)
    return jax.vmap(lambda one: draw(key=one))(jax.random.split(key, count))


def is_wall(levels):
    return np.asarray(levels.tile) == tiles.WALL


def at(places):
    places = np.asarray(places)
    return np.arange(len(places)), places[:, 0], places[:, 1]


def check_plain(levels):
    """The goal is where it is said to be and nowhere else; the agent is on floor, and so not on the goal."""
    tile = np.asarray(levels.tile)
    assert np.isin(tile, (tiles.FLOOR, tiles.WALL, tiles.GOAL)).all()
    assert ((tile == tiles.GOAL).sum(axis=(1, 2)) == 1).all()
    assert (tile[at(levels.goal)] == tiles.GOAL).all()
    assert (tile[at(levels.start)] == tiles.FLOOR).all()
    assert np.isin(np.asarray(levels.heading), range(4)).all()


def test_mazes_have_the_number_of_walls_asked_for():
    walls = {}
    for number, most in (("at most", 12), ("exactly", SIDE * SIDE - 2), ("overlapping", 12)):
        mazes = draw_many(KEY, MANY, SIDE, most, number)
        check_plain(mazes)
        walls[number] = is_wall(mazes).sum(axis=(1, 2))
    assert stats.chisquare(np.bincount(walls["at most"], minlength=13)).pvalue > 1e-3
    assert (walls["exactly"] == SIDE * SIDE - 2).all()  # room for the agent and the goal only
    # As many as are different among 12 draws of 49 cells, drawn by NumPy.
    drawn = np.sort(np.random.default_rng(0).integers(0, SIDE * SIDE, (MANY, 12)), axis=1)
    different = 1 + (np.diff(drawn, axis=1) > 0).sum(axis=1)
    table = [np.bincount(one, minlength=13)[8:] for one in (walls["overlapping"], different)]
    assert stats.chi2_contingency(np.array(table) + 1).pvalue > 1e-3


def test_empty_room_has_no_walls_and_draws_agent_and_goal_anywhere():
    rooms = draw_many(KEY, MANY, SIDE, 0, "exactly")
    check_plain(rooms)
    assert not is_wall(rooms).any()
    for places in (rooms.start, rooms.goal):
        counts = np.bincount(np.asarray(places) @ (SIDE, 1), minlength=SIDE * SIDE)
        assert stats.chisquare(counts).pvalue > 1e-3


def test_walls_that_leave_no_room_are_refused():
    with pytest.raises(ValueError, match=r"walls=8 in a maze of 3 x 3 cells: from 0 to 7"):
        draw_maze(side=3, walls=8, key=KEY)


def test_unknown_number_of_walls_is_named():
    with pytest.raises(UsageError, match="Did you mean 'exactly'"):
        draw_maze(number="exact", key=KEY)


@pytest.mark.parametrize(
    ("drawing", "walls", "cells"), [(">.G\n...", 0, 2), (">#G\n...", 1, 4), (">#G\n.#.", 2, np.inf)]
)
def test_maze_is_measured_within_its_own_size(drawing, walls, cells):
    found, path = measure_maze(from_text(drawing, side=5))
    assert (int(found), float(path)) == (walls, cells)

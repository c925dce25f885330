import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alpha_factory.worlds import from_text
from reference.engine import WORLD, pad_actions, run
from reference.grid import random_level, write_level

KEY = jax.random.key(0)
OBSERVE = jax.jit(lambda level: WORLD.observe(level, WORLD.reset(level, key=KEY)))
FOG_SYMBOL = "?"
VIEW_BITS, MAP_BITS = 25 * 16, 5 * 121
HAS_KEY, MIRROR, FOG = (VIEW_BITS + MAP_BITS + place for place in range(3))

MAZE = """
.#.G.
..K#.
D.{agent}..
.T..#
#....
"""

# Worked out by hand: the agent stands in the middle of the lowest line and looks up the page.
VIEWS = {
    ">": "##### ##### ...#. G#... .K...",
    "v": "##### ##### ....# #..T. ....D",
    "<": "##### ##### #.D.. .T..# ...K.",
    "^": "##### ##### .#.G. ..K#. D....",
}


def draw_view(obs):
    """The view as lines of text, the farthest first."""
    kinds = np.asarray(obs[:VIEW_BITS]).reshape(5, 5, 16)
    assert (kinds.sum(axis=2) == 1).all()
    symbols = {**dict(enumerate(".#GKDT'")), 15: FOG_SYMBOL}
    lines = ["".join(symbols[int(kind)] for kind in row) for row in kinds.argmax(axis=2)]
    return " ".join(reversed(lines))


def read_map(obs, layer):
    """Places ahead and to the right of the agent that a layer of the map marks."""
    marks = np.asarray(obs[VIEW_BITS : VIEW_BITS + MAP_BITS]).reshape(5, 11, 11)[layer]
    return {(ahead - 5, aside - 5) for ahead, aside in np.argwhere(marks).tolist()}


@pytest.mark.parametrize("agent", VIEWS)
def test_view_is_the_one_worked_out_by_hand(agent):
    level = from_text(MAZE.format(agent=agent))
    assert draw_view(OBSERVE(level)) == VIEWS[agent]


def test_map_marks_what_was_seen_relative_to_the_agent():
    obs = OBSERVE(from_text(MAZE.format(agent=">")))
    # The hand-worked view again, by cells ahead and to the right; beyond the edge of the 13 x 13
    # grid nothing is marked, and the level's own padding is wall.
    wall, way, visited, door, goal = (read_map(obs, layer) for layer in range(5))
    padding = {(ahead, aside) for ahead in (3, 4) for aside in range(-2, 3)}
    assert wall == {(1, -1), (2, 1), *padding}
    everything = {(ahead, aside) for ahead in range(5) for aside in range(-2, 3)}
    assert way == everything - wall
    assert visited == {(0, 0)}
    assert door == set()
    assert goal == {(1, -2)}


def test_map_remembers_what_is_behind():
    level = from_text(MAZE.format(agent="<"))
    _, obs, _ = run(level, pad_actions([0, 0]), KEY)
    # Turned from left to right: the door two cells back was seen at the start.
    assert read_map(obs[2], 3) == {(-2, 0)}
    assert "D" not in draw_view(obs[2])


def test_map_marks_where_the_agent_stood():
    _, obs, _ = run(from_text(">...G"), pad_actions([2, 2]), KEY)
    assert read_map(obs[2], 2) == {(0, 0), (-1, 0), (-2, 0)}


def test_fog_hides_all_but_the_nearest_cells_in_every_other_period():
    level = from_text(MAZE.format(agent=">"), fog_period=1)
    _, obs, _ = run(level, pad_actions([0, 1]), KEY)
    up = "????? ????? ????? ?.K#? ?...?"
    assert [draw_view(one) for one in obs[:3]] == [VIEWS[">"], up, VIEWS[">"]]
    assert obs[:3, FOG].tolist() == [False, True, False]
    # Row 0, two ahead when facing up, was seen before the fog came; row 1 left of column 1 was not.
    known = read_map(obs[1], 0) | read_map(obs[1], 1)
    assert (2, 0) in known
    assert (1, -2) not in known


def test_key_and_mirror_are_shown():
    level = from_text(">KG", mirror_period=1)
    _, obs, _ = run(level, pad_actions([2]), KEY)
    assert obs[:2, HAS_KEY].tolist() == [False, True]
    assert obs[:2, MIRROR].tolist() == [False, True]


def test_slip_and_time_are_shown_in_marks():
    _, obs, _ = run(from_text(">.G", slip=0.13, step_limit=8), pad_actions([]), KEY)
    slip, time = np.asarray(obs[:, FOG + 1 : FOG + 5]), np.asarray(obs[:, FOG + 5 : FOG + 13])
    assert slip[0].tolist() == [True, True, True, False]
    assert time[:9].sum(axis=1).tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert not np.asarray(obs[:, FOG + 13 :]).any()


@given(st.integers(0, 2**32 - 1))
def test_cell_never_seen_makes_no_difference(seed):
    """Whatever lies where no view of the episode reached, every observation is the same."""
    draw = np.random.default_rng(seed)
    level = random_level(seed)
    actions = pad_actions(draw.choice(3, 30).tolist())
    states, obs, _ = run(write_level(level), actions, KEY)
    unseen = [cell for cell in level.tile if not states.seen[-1][cell] and cell != level.goal]
    assume(unseen)
    for index in draw.choice(len(unseen), min(20, len(unseen)), replace=False):
        level.tile[unseen[index]] = int(draw.integers(0, 7))
    changed = write_level(level)
    assert not np.array_equal(changed.tile, states.tile[0]) or len(unseen) < 5
    _, obs_changed, _ = run(changed, actions, KEY)
    np.testing.assert_array_equal(obs, obs_changed)


def test_distance_and_reward_of_the_level_are_not_observed():
    level = from_text(MAZE.format(agent=">"))
    other = from_text(MAZE.format(agent=">"), dense=0.5, trap_odds=0.1, trap_penalty=0.7)
    assert jnp.array_equal(OBSERVE(level), OBSERVE(other))

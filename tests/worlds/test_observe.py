import random
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alpha_factory.core.errors import UsageError
from alpha_factory.worlds import from_text, make_grid
from reference import search, view
from reference.engine import STEPS, WORLD, pad_actions, play, run
from reference.grid import Episode, random_level, read_level, write_level
from reference.level import NAMES, SCATTERED, SIDE, SYMBOLS
from reference.view import GROUPS, LOOKS

KEY = jax.random.key(0)
OBSERVE = jax.jit(lambda level: WORLD.observe(level, WORLD.reset(level, key=KEY)))
VIEW_BITS, MAP_BITS = 25 * 20, 121 * 4
HAS_KEY, GATES = 984, 985
TIME, SLIP, SPEED, GRAVITY, WIND, RULES = 986, 994, 998, 1006, 1010, 1014
BLOCKS, WAY, VISITED, GOAL = range(4)

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
SYMBOL = {
    **{frozenset([name]): SYMBOLS[NAMES.index(name)] for name in NAMES if name in LOOKS},
    **{frozenset([way]): SYMBOLS[NAMES.index(f"one-way {way}")] for way in search.HEADINGS},
    **{
        frozenset(["conveyor", way]): SYMBOLS[NAMES.index(f"conveyor {way}")]
        for way in search.HEADINGS
    },
    frozenset(): ".",
    frozenset(["opponent"]): "C",
    frozenset(["opponent", "coin"]): "c",
    frozenset(["hidden"]): "x",
}


def small(text, **settings):
    return from_text(text, side=SIDE, **settings)


def draw_view(obs):
    """The view as lines of text, the farthest first; x is hidden, c an opponent on a coin."""
    cells = np.asarray(obs[:VIEW_BITS]).reshape(5, 5, 20)
    lines = [
        "".join(SYMBOL[frozenset(LOOKS[bit] for bit in np.flatnonzero(cell))] for cell in row)
        for row in cells
    ]
    return " ".join(reversed(lines))


def read_map(obs, layer):
    """Places ahead and to the right of the agent that a bit of the map marks."""
    marks = np.asarray(obs[VIEW_BITS : VIEW_BITS + MAP_BITS]).reshape(11, 11, 4)[..., layer]
    return {(ahead - 5, aside - 5) for ahead, aside in np.argwhere(marks).tolist()}


@pytest.mark.parametrize("agent", VIEWS)
def test_view_is_the_one_worked_out_by_hand(agent):
    assert draw_view(OBSERVE(small(MAZE.format(agent=agent)))) == VIEWS[agent]


def test_every_tile_has_its_look():
    everything = "K'_!$\nT~.|B\nOD.?O\n#....\n..^.G"
    assert draw_view(OBSERVE(small(everything))) == "K._!$ T~.|B OD.?O #.... ....G"


DIRECTED = """
G.)].
..nA.
{agent}....
..uU.
..([.
"""


def test_directions_turn_with_the_agent():
    seen = draw_view(OBSERVE(small(DIRECTED.format(agent=">"))))
    # Right on the page is ahead, which is up in the view; up on the page is left, and so on.
    assert seen == "..... A[.]U n(.)u ..... G...."


def test_map_marks_what_was_seen_relative_to_the_agent():
    obs = OBSERVE(small(MAZE.format(agent=">")))
    # The hand-worked view again, by cells ahead and to the right; what pads the level is wall.
    blocks, way, visited, goal = (read_map(obs, layer) for layer in range(4))
    padding = {(ahead, aside) for ahead in (3, 4) for aside in range(-2, 3)}
    assert blocks == {(1, -1), (2, 1), *padding}
    everything = {(ahead, aside) for ahead in range(5) for aside in range(-2, 3)}
    assert way == everything - blocks
    assert visited == {(0, 0)}
    assert goal == {(1, -2)}


def test_map_remembers_what_is_behind():
    _, obs, _ = run(small(MAZE.format(agent="<")), [0, 0])
    # Turned from left to right: the door two cells back was seen at the start. It blocks and is a way.
    assert (-2, 0) in read_map(obs[2], BLOCKS) & read_map(obs[2], WAY)
    assert "D" not in draw_view(obs[2])


def test_map_marks_where_the_agent_stood():
    _, obs, _ = run(small(">...G"), [2, 2])
    assert read_map(obs[2], VISITED) == {(0, 0), (-1, 0), (-2, 0)}


def test_map_is_wiped_when_memory_fades():
    level = small("....G\n>....\n.....", rules=("from step 2: memory fades",))
    _, obs, _ = run(level, [2, 2, 2, 2])
    behind = [{place for place in read_map(one, WAY) if place[0] < 0} for one in obs[:5]]
    # Wiped in the third step, which keeps what was in view before it.
    assert [min(place[0] for place in places) for places in behind[1:]] == [-1, -2, -1, -1]


def test_fog_hides_all_but_the_nearest_cells():
    level = small(MAZE.format(agent=">"), rules=("in turns of 1 steps: fog falls",))
    _, obs, _ = run(level, [0, 1])
    up = "xxxxx xxxxx xxxxx x.K#x x...x"
    assert [draw_view(one) for one in obs[:3]] == [VIEWS[">"], up, VIEWS[">"]]
    # Row 0, two ahead when facing up, was seen before the fog came; row 1 left of column 1 was not.
    known = read_map(obs[1], BLOCKS) | read_map(obs[1], WAY)
    assert (2, 0) in known
    assert (1, -2) not in known


def test_darkness_leaves_the_agents_own_cell():
    level = small(MAZE.format(agent=">"), rules=("always: darkness falls",))
    assert draw_view(OBSERVE(level)) == "xxxxx xxxxx xxxxx xxxxx xx.xx"


def test_mirrored_view_swaps_sides_of_view_and_map():
    level = small(MAZE.format(agent=">"), rules=("always: the view is mirrored",))
    obs = OBSERVE(level)
    assert draw_view(obs) == " ".join(line[::-1] for line in VIEWS[">"].split())
    assert read_map(obs, GOAL) == {(1, 2)}


def test_opponents_are_seen_where_they_stand():
    level = small("....H\n.>..C\n...$.\n....G")
    assert draw_view(OBSERVE(level)) == "##### #CC.G #..$. #.... #...."


def test_opponent_is_seen_above_what_it_walks_on():
    _, obs, _ = run(small("....\n>.$C\n....\n...G", chaser_pace=1), [0, 1])
    assert draw_view(obs[0]) == "##### #.C.G #.$.. #.... #...."
    # It walked onto the coin, and then on.
    assert draw_view(obs[2]) == "##### #...G #.$.. #.C.. #...."


def test_open_gate_looks_like_floor():
    _, obs, _ = run(small(">!|G"), [2])
    assert draw_view(obs[0]).split()[-3:] == ["##|##", "##!##", "##.##"]
    assert draw_view(obs[1]).split()[-3:] == ["##G##", "##.##", "##!##"]
    assert obs[:2, GATES].tolist() == [False, True]
    assert (2, 0) in read_map(obs[0], BLOCKS)
    assert (1, 0) not in read_map(obs[1], BLOCKS)


def test_key_slip_and_time_are_shown_in_marks():
    _, obs, _ = run(small(">KG", step_limit=8), [2])
    assert obs[:2, HAS_KEY].tolist() == [False, True]
    assert np.asarray(obs[:9, TIME:SLIP]).sum(axis=1).tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert OBSERVE(small(">.G", slip=0.13))[SLIP:SPEED].tolist() == [True, True, True, False]


def test_velocity_gravity_and_wind_are_relative_to_the_agent():
    level = small("...\nv..\n...\n..G", gravity=(0, 4), wind=(-2, 0), friction=128)
    _, obs, _ = run(level, [2])
    # Facing down: right on the page is left of the agent; the order is ahead, right, back, left.
    assert obs[1, GRAVITY:WIND].tolist() == [False, False, False, True]
    assert obs[1, WIND:RULES].tolist() == [False, False, True, False]
    # Half of a push, 8, and gravity, 4: above 0, and not above 8.
    assert obs[1, SPEED:GRAVITY].tolist() == [True, False, False, True, *[False] * 4]
    _, obs, _ = run(small("...\nv..\n...\n..G"), [2])
    assert obs[1, SPEED:GRAVITY].tolist() == [True, False, False, False] * 2


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_rules_in_force_are_shown_in_groups(group):
    for phrase in GROUPS[group]:
        told = phrase.replace("{direction}", "up").replace("{n}", "1")
        marks = OBSERVE(small(">.G", rules=(f"always: {told}",)))[RULES:]
        assert np.flatnonzero(marks).tolist() == [group], phrase


@given(st.integers(0, 2**32 - 1))
def test_cell_never_seen_makes_no_difference(seed):
    """Whatever lies where no view of the episode reached, every observation is the same."""
    draw = random.Random(seed)
    level = read_level(write_level(random_level(seed, is_neutral=True, most_steps=30, largest=13)))
    actions = draw.choices(range(3), k=30)
    chance = jnp.zeros((2, STEPS), bool)

    def watch(level):
        return play(write_level(level), pad_actions(actions), *chance, jnp.bool_(False))[1][0]

    last, seen = Episode(level), set()
    for action in [*actions, *[0] * STEPS]:
        seen |= view.in_view(last)
        last.step(action, is_slipping=False, is_sprung=False)
    own = [(row, column) for row in range(level.size[0]) for column in range(level.size[1])]
    unseen = [cell for cell in own if cell not in seen and level.tile[cell] != "goal"]
    assume(unseen)
    tile = dict(level.tile)
    for cell in draw.sample(unseen, min(20, len(unseen))):
        tile[cell] = NAMES[SYMBOLS.index(draw.choice(SCATTERED))]
    assert tile != level.tile or len(unseen) < 5
    np.testing.assert_array_equal(watch(level), watch(replace(level, tile=tile)))


def test_distance_and_reward_of_the_level_are_not_observed():
    level = small(MAZE.format(agent=">"))
    other = small(MAZE.format(agent=">"), dense=0.5, trap_odds=0.1, penalty=0.7)
    assert jnp.array_equal(OBSERVE(level), OBSERVE(other))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"observation": "view", "view": 4}, "odd number"),
        ({"observation": "view", "view": -1}, "odd number"),
        ({"observation": "view", "view": None}, "cells a side"),
        ({"observation": "symbolic", "view": 7}, "view of 5"),
    ],
)
def test_observation_without_a_meaning_is_refused(wanted, message):
    with pytest.raises(UsageError, match=message):
        make_grid(**wanted)

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import InvalidLevel, InvalidRule
from alpha_factory.genome import from_hex
from alpha_factory.worlds import (
    SIDE,
    decode,
    from_text,
    from_texts,
    shortest_walk,
    to_settings,
    to_text,
)
from alpha_factory.worlds.levels import tiles
from reference.grid import read_level

DECODE = jax.jit(decode)

MAP = """\
>..#
.K#G
..D."""
EVERYTHING = """\
.#GKDT'~_
O!|$B?).u
n(]U[A.HV
O..C...>."""


def assert_same(level, other):
    """The same level, up to the order of opponents and of empty rules, and to float rounding of the goal's pay."""
    plain, other = read_level(level), read_level(other)
    for name in ("opponents", "teleport"):
        one, two = (sorted(map(str, getattr(each, name))) for each in (plain, other))
        assert one == two, name
    told = [[rule for rule in each.rules if rule.effect] for each in (plain, other)]
    assert told[0] == told[1]
    pays = [dataclasses.asdict(each.pay) for each in (plain, other)]
    assert pays[0].pop("goal") == pytest.approx(pays[1].pop("goal"), abs=1e-5)
    assert pays[0] == pays[1]
    rest = {"opponents": (), "teleport": (), "rules": (), "pay": None}
    assert dataclasses.replace(plain, **rest) == dataclasses.replace(other, **rest)


@given(st.integers(0, 2**512 - 1))
def test_level_of_any_genome_survives_its_text_and_settings(bits):
    level = DECODE(jnp.asarray(from_hex(f"{bits:0128x}")))
    settings = json.loads(json.dumps(to_settings(level)))
    assert_same(level, from_text(to_text(level), **settings))


def test_map_of_everything_survives():
    settings = {
        "step_limit": 99,
        "dense": 0.2,
        "coin": 0.1,
        "decoy": 0.3,
        "hint": 0.05,
        "step_cost": 0.001,
        "penalty": 0.7,
        "honeypot": True,
        "trap_odds": 0.25,
        "gravity": [1, -2],
        "wind": [0, 3],
        "drag": 5,
        "friction": 100,
        "restitution": 200,
        "slip": 0.125,
        "patrol_pace": 3,
        "chaser_pace": 4,
        "crow": True,
        "rules": ["every 7 steps: left and right swap", "always: fog falls"],
    }
    level = from_text(EVERYTHING, **settings)
    assert to_text(level) == EVERYTHING
    assert to_settings(level) == settings
    assert_same(level, from_text(to_text(level), **to_settings(level)))


def test_map_becomes_tiles_padded_with_walls():
    level = from_text(MAP)
    assert level.tile.shape == (SIDE, SIDE)
    assert level.size.tolist() == [3, 4]
    assert level.tile[:3, :4].tolist() == [
        [tiles.FLOOR, tiles.FLOOR, tiles.FLOOR, tiles.WALL],
        [tiles.FLOOR, tiles.KEY, tiles.WALL, tiles.GOAL],
        [tiles.FLOOR, tiles.FLOOR, tiles.DOOR, tiles.FLOOR],
    ]
    assert (np.asarray(level.tile)[3:] == tiles.WALL).all()
    assert (np.asarray(level.tile)[:, 4:] == tiles.WALL).all()
    assert (level.start.tolist(), level.goal.tolist()) == ([0, 0], [1, 3])
    assert int(level.heading) == tiles.HEADINGS.index("right")


def test_maps_read_together_are_those_read_apart():
    rows = [(">.G", {}), ("G..\n..<", {"slip": 0.25, "rules": ("always: fog falls",)})]
    together = from_texts(rows, side=5)
    for at, (text, settings) in enumerate(rows):
        apart = from_text(text, side=5, **settings)
        pairs = zip(jax.tree.leaves(together), jax.tree.leaves(apart), strict=True)
        for stacked, leaf in pairs:
            assert stacked.dtype == leaf.dtype
            assert np.array_equal(stacked[at], leaf)
    assert jax.tree.structure(together) == jax.tree.structure(apart)


def test_arrays_are_as_large_as_asked():
    assert from_text(MAP, side=5).tile.shape == (5, 5)
    assert from_text(">G", side=101).distance.shape == (101, 101)


def test_opponents_and_teleporters_are_found_in_the_order_of_the_map():
    level = from_text("H.O\n>CG\nO.V", patrol_pace=2, chaser_pace=3)
    assert level.opponent.tolist() == [tiles.PATROL, tiles.CHASER, tiles.PATROL, tiles.NOBODY]
    assert level.opponent_start[:3].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert level.opponent_pace[:3].tolist() == [2, 3, 2]
    headings = [tiles.HEADINGS[code] for code in level.opponent_heading.tolist()]
    assert (headings[0], headings[2]) == ("right", "down")
    assert level.teleport.tolist() == [[0, 2], [2, 0]]


def test_distance_counts_cells_with_doors_open_or_as_the_crow_flies():
    level = from_text(MAP)
    assert int(level.distance[0, 0]) == 6
    assert int(level.distance[2, 2]) == 2
    assert from_text(MAP, crow=True).distance[:3, :4].tolist() == [
        [4, 3, 2, 1],
        [3, 2, 1, 0],
        [4, 3, 2, 1],
    ]


def test_settings_go_into_the_level():
    level = from_text(
        ">K$\n.$G", step_limit=450, dense=0.5, coin=0.1, hint=0.2, slip=0.25, gravity=(0, -3)
    )
    assert int(level.step_limit) == 450
    assert (float(level.reward.dense), float(level.physics.slip)) == (0.5, 0.25)
    # Two coins and one kind of hint.
    assert float(level.reward.goal) == pytest.approx(1 - 0.5 - 0.2 - 0.2, abs=1e-6)
    assert level.physics.gravity.tolist() == [0, -3]


def test_rules_go_into_the_level():
    level = from_text(MAP, rules=("in turns of 12 steps: left and right swap",))
    assert [leaf.tolist() for leaf in jax.tree.leaves(level.rules)] == [
        [3, 0, 0, 0],
        [12, 0, 0, 0],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_settings_are_neutral_by_default():
    level = from_text(MAP)
    plain = read_level(level)
    assert to_settings(level) == {}
    assert plain.step_limit == 250
    assert plain.physics == type(plain.physics)()
    assert plain.pay == type(plain.pay)()
    assert not any(map(any, plain.rules))


def test_settings_tell_numbers_as_short_as_they_can():
    told = to_settings(from_text(MAP, dense=0.1, slip=0.3, trap_odds=1 / 256))
    assert told == {"dense": 0.1, "slip": 0.3, "trap_odds": 0.00390625}


def test_text_shows_own_size_only():
    assert to_text(from_text(MAP)) == MAP
    walled = ".>.#\n.G.#\n####"
    assert to_text(from_text(walled)) == walled


@pytest.mark.parametrize("symbol", tiles.HEADING_SYMBOLS)
def test_agent_faces_where_its_symbol_points(symbol):
    level = from_text(f"{symbol}G")
    assert tiles.HEADING_SYMBOLS[int(level.heading)] == symbol


def test_line_endings_and_empty_lines_around_a_map_do_not_matter():
    assert to_text(from_text("\r\n>.\r\n.G\r\n\r\n")) == ">.\n.G"
    assert to_text(from_text("  \n\t\n>.\n.G\n     \n \n")) == ">.\n.G"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "map must be at least one row of symbols"),
        (
            ">.G\n..",
            "line 2, column 3 must be a symbol, as line 1 has 3 of them; got 'the end of the line'",
        ),
        (">.G\n\n...", "line 2, column 1 must be a symbol, as line 1 has 3 of them"),
        (
            ">.G\n...\n....#",
            "line 3, column 4 must be the end of the line, as line 1 has 3 symbols; got '.'",
        ),
        (">.G\n..  ", "line 2, column 4 must be the end of the line.*got ' '"),
        (">.\n.x\nG.", r"line 2, column 2 must be one of .* got 'x'"),
        ("..\n.G", "agent must be shown exactly once.*none"),
        (">.\n<G", "agent must be shown exactly once.*2 times: line 1 column 1, line 2 column 1"),
        (">.\n..", "goal must be shown exactly once, by G; got 'none'"),
        (">G\n.G", "goal must be shown exactly once, by G; got '2 times: line 1 column 2"),
        (">OG", "teleporters must be none or two; got '1: line 1 column 2'"),
        (">OOOG", "teleporters must be none or two; got '3: "),
        (">HHVCHG", "opponents must be at most 4; got 'line 1 column 2, "),
        (f">{'.' * SIDE}G", "map must be at most 32 x 32 cells .* got '1 x 34'"),
        ("\n".join([">G", *[".."] * SIDE]), "map must be at most 32 x 32 cells .* got '33 x 2'"),
    ],
)
def test_bad_map_is_refused_with_field_rule_and_value(text, message):
    with pytest.raises(InvalidLevel, match=message):
        from_text(text)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"slip": 1.5}, "slip must be a number from 0 to 1; got 1.5"),
        ({"trap_odds": float("nan")}, "trap_odds must be a number from 0 to 1; got nan"),
        ({"dense": "much"}, "dense must be a number from 0 to 1; got 'much'"),
        ({"step_limit": 0}, "step_limit must be a whole number from 1 to 32767; got 0"),
        ({"friction": 257}, "friction must be a whole number from 0 to 256; got 257"),
        ({"drag": 0.5}, "drag must be a whole number from 0 to 256; got 0.5"),
        ({"gravity": (0, 17)}, "gravity must be a whole number from -16 to 16; got 17"),
        ({"gravity": 3}, "gravity must be two whole numbers"),
        ({"wind": (1, 2, 3)}, "wind must be two whole numbers"),
        ({"honeypot": 1}, "honeypot must be true or false; got 1"),
        ({"rules": ("always: fog falls",) * 5}, "rules must be a list of at most 4"),
        ({"rules": "always: fog falls"}, "rules must be a list of at most 4"),
        ({"colour": "red"}, "colour must be one of the settings chaser_pace, .* got 'red'"),
        ({"dense": 0.6, "hint": 0.5}, "dense, coin and hint must be at most 1 together; got 1.1"),
        ({"side": 121}, "side must be at most 120; got 121"),
    ],
)
def test_bad_setting_is_refused(setting, message):
    with pytest.raises(InvalidLevel, match=message):
        from_text(MAP, **setting)


def test_rule_that_does_not_parse_is_refused():
    with pytest.raises(InvalidRule, match="column 9"):
        from_text(MAP, rules=("always: frog falls",))


def test_door_without_key_is_legal_and_unsolvable():
    assert int(jax.jit(shortest_walk)(from_text(">DG"))) < 0


def test_agent_on_a_tile_that_text_cannot_show_is_refused():
    level = from_text(">.G")
    on_goal = dataclasses.replace(level, start=level.goal)
    with pytest.raises(InvalidLevel, match="start must be on a floor tile; got 'G'"):
        to_text(on_goal)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.genome import from_hex
from alpha_factory.worlds import SIDE, decode, from_text, shortest_walk, tiles, to_text

_decode = jax.jit(decode)

MAP = """\
>..#
.K#G
..D."""


@given(st.integers(0, 2**512 - 1))
def test_level_of_any_genome_survives_its_text(bits):
    level = _decode(jnp.asarray(from_hex(f"{bits:0128x}")))
    again = from_text(to_text(level))
    for name in ("tile", "start", "goal", "heading", "distance"):
        assert np.array_equal(getattr(again, name), getattr(level, name)), name


def test_map_becomes_tiles_padded_with_walls():
    level = from_text(MAP)
    assert level.tile.shape == (SIDE, SIDE)
    assert level.tile[:3, :4].tolist() == [
        [tiles.FLOOR, tiles.FLOOR, tiles.FLOOR, tiles.WALL],
        [tiles.FLOOR, tiles.KEY, tiles.WALL, tiles.GOAL],
        [tiles.FLOOR, tiles.FLOOR, tiles.DOOR, tiles.FLOOR],
    ]
    assert (np.asarray(level.tile)[3:] == tiles.WALL).all()
    assert (np.asarray(level.tile)[:, 4:] == tiles.WALL).all()
    assert (level.start.tolist(), level.goal.tolist()) == ([0, 0], [1, 3])
    assert int(level.heading) == tiles.HEADINGS.index("right")


def test_distance_counts_cells_with_doors_open():
    level = from_text(MAP)
    assert int(level.distance[0, 0]) == 6
    assert int(level.distance[2, 2]) == 2


def test_settings_go_into_the_level():
    level = from_text(MAP, step_limit=450, dense=0.5, slip=0.25, mirror_period=12, fog_period=7)
    assert int(level.step_limit) == 450
    assert (float(level.dense), float(level.slip)) == (0.5, 0.25)
    assert (int(level.mirror_period), int(level.fog_period)) == (12, 7)


def test_settings_are_neutral_by_default():
    level = from_text(MAP)
    assert int(level.step_limit) == 250
    assert float(level.dense) == float(level.slip) == float(level.trap_penalty) == 0.0
    assert int(level.mirror_period) == int(level.fog_period) == 0


def test_text_shows_own_size_only():
    assert to_text(from_text(MAP)) == MAP
    assert to_text(from_text(".>.#\n.G.#\n####")) == ".>.\n.G."


@pytest.mark.parametrize("symbol", tiles.HEADING_SYMBOLS)
def test_agent_faces_where_its_symbol_points(symbol):
    level = from_text(f"{symbol}G")
    assert tiles.HEADING_SYMBOLS[int(level.heading)] == symbol


def test_line_endings_and_empty_lines_around_a_map_do_not_matter():
    assert to_text(from_text("\r\n>.\r\n.G\r\n\r\n")) == ">.\n.G"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "map must be at least one row of symbols"),
        (">.G\n..", "line 2 must be 3 symbols long, as line 1 is; got '..'"),
        (">.\n.x\nG.", r"line 2, column 2 must be one of .* got 'x'"),
        ("..\n.G", "agent must be shown exactly once.*none"),
        (">.\n<G", "agent must be shown exactly once.*2 times: line 1 column 1, line 2 column 1"),
        (">.\n..", "goal must be shown exactly once, by G; got 'none'"),
        (">G\n.G", "goal must be shown exactly once, by G; got '2 times: line 1 column 2"),
        (f">{'.' * 13}G", "map must be at most 13 x 13 cells .* got '1 x 15'"),
        ("\n".join([">G", *[".."] * 13]), "map must be at most 13 x 13 cells .* got '14 x 2'"),
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
        ({"step_limit": 0}, "step_limit must be a whole number from 1 up; got 0"),
        ({"fog_period": -1}, "fog_period must be a whole number from 0 up; got -1"),
    ],
)
def test_bad_setting_is_refused(setting, message):
    with pytest.raises(InvalidLevel, match=message):
        from_text(MAP, **setting)


def test_door_without_key_is_legal_and_unsolvable():
    assert int(jax.jit(shortest_walk)(from_text(">DG"))) < 0


def test_agent_on_a_tile_that_text_cannot_show_is_refused():
    level = from_text(">.G")
    on_goal = jax.tree.map(lambda leaf: leaf, level)
    object.__setattr__(on_goal, "start", level.goal)
    with pytest.raises(InvalidLevel, match="start must be on a floor tile; got 'G'"):
        to_text(on_goal)

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from alpha_factory.worlds import (
    draw_contact_sheet,
    draw_level,
    from_text,
    make_grid,
    write_gif,
)
from alpha_factory.worlds.grid.state import SEEN_BIT
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import UNIT
from alpha_factory.worlds.render import visible_cells
from alpha_factory.worlds.sprites import draw_opponent, draw_tile

MAP = """\
....#.
.>K.D.
....#.
.T..#G"""
FRAME = 6  # pixels of outer wall at 24 pixels a tile
RIGHT, FORWARD = tiles.TURN_RIGHT, tiles.FORWARD


def _play(level, actions) -> list:
    """Host copies of the states of an episode, the first one included."""
    world = make_grid()
    step = jax.jit(world.step)
    state = world.reset(level, key=jax.random.key(0))
    states = [state]
    for action in actions:
        state, _ = step(level, state, jnp.int32(action), key=jax.random.key(1))
        states.append(state)
    return [jax.tree.map(np.asarray, state) for state in states]


def _replace(state, **changes):
    """The state with other values in these fields."""
    return eqx.tree_at(
        lambda tree: [getattr(tree, name) for name in changes], state, list(changes.values())
    )


def _cell(picture, row, column) -> np.ndarray:
    pixels = np.asarray(picture)
    return pixels[FRAME + 24 * row :][:24, FRAME + 24 * column :][:, :24]


def test_picture_is_cropped_to_the_level():
    picture = draw_level(from_text(MAP))
    assert picture.mode == "RGB"
    assert picture.size == (6 * 24 + 2 * FRAME, 4 * 24 + 2 * FRAME)
    assert draw_level(from_text(MAP), tile_pixels=32).size == (6 * 32 + 16, 4 * 32 + 16)


def test_every_kind_of_tile_looks_different():
    for is_tinted in (False, True):
        looks = [draw_tile(kind, 24, is_tinted=is_tinted).tobytes() for kind in range(tiles.KINDS)]
        looks.append(draw_tile(tiles.GATE, 24, is_tinted=is_tinted, is_open=True).tobytes())
        assert len(set(looks)) == tiles.KINDS + 1


def test_picture_holds_the_sprite_of_every_tile():
    picture = draw_level(from_text(".#KDT'\n~_O!|$\nB?)u(n\n]U[AO.\nG>...."))
    shown = [tiles.SYMBOLS.index(symbol) for symbol in ".#KDT'~_O!|$B?)u(n]U[AO.G"]
    for index, kind in enumerate(shown):
        expected = np.asarray(draw_tile(kind, 24))
        assert np.array_equal(_cell(picture, index // 6, index % 6), expected), tiles.NAMES[kind]


def test_honeypot_looks_like_any_other_level():
    assert (
        draw_level(from_text(MAP, honeypot=True)).tobytes() == draw_level(from_text(MAP)).tobytes()
    )


@pytest.mark.parametrize(("symbol", "kind"), [("H", tiles.PATROL), ("C", tiles.CHASER)])
def test_opponents_are_drawn_where_they_are(symbol, kind):
    level = from_text(f">...\n...{symbol}\nG...")
    expected = draw_tile(tiles.FLOOR, 24).copy()
    expected.paste(draw_opponent(kind, 24), (0, 0), draw_opponent(kind, 24))
    assert np.array_equal(_cell(draw_level(level), 1, 3), expected)
    state = _replace(_play(level, [])[0], opponent=np.array([[2, 2]] * 4, np.int32))
    moved = draw_level(level, state)
    drawn = draw_tile(tiles.FLOOR, 24, is_tinted=True).copy()
    drawn.paste(draw_opponent(kind, 24), (0, 0), draw_opponent(kind, 24))
    assert np.array_equal(_cell(moved, 2, 2), drawn)
    assert (_cell(moved, 1, 3) != np.asarray(expected)).any()


def test_gates_are_drawn_open_once_they_are():
    level = from_text(">.|!G")
    state = _play(level, [])[0]
    for is_open in (False, True):
        expected = draw_tile(tiles.GATE, 24, is_tinted=True, is_open=is_open)
        moment = _replace(state, is_open=np.bool_(is_open))
        assert np.array_equal(_cell(draw_level(level, moment), 0, 2), expected)


def test_agent_is_drawn_between_cells_where_it_is_between_them():
    level = from_text(".....\n.>...\n....G")
    state = _play(level, [])[0]
    half = _replace(state, offset=np.array([0, -UNIT // 2], np.int32))
    blue = np.array([0, 114, 178])
    places = [
        np.argwhere((np.asarray(draw_level(level, moment)) == blue).all(axis=-1)).mean(axis=0)
        for moment in (state, half)
    ]
    assert np.round(places[1] - places[0], 6).tolist() == [0.0, -12.0]


@pytest.mark.parametrize("heading", range(4))
def test_agent_turns_with_its_heading(heading):
    symbols = tiles.HEADING_SYMBOLS
    facing_right = _cell(draw_level(from_text(">G"), tile_pixels=24), 0, 0)
    turned = _cell(draw_level(from_text(f"{symbols[heading]}G"), tile_pixels=24), 0, 0)
    blue = np.array([0, 114, 178])
    expected = np.rot90((facing_right == blue).all(axis=-1), -heading)
    assert expected.sum() > 50
    # The cell's grid lines move the sprite by no pixel, so the blue part turns exactly but for the averaging.
    assert ((turned == blue).all(axis=-1) ^ expected).sum() < 0.15 * expected.sum()


def test_state_shows_where_the_agent_went_and_what_it_took():
    level = from_text(MAP)
    states = _play(level, [FORWARD, FORWARD, FORWARD])
    before, after = draw_level(level, states[0]), draw_level(level, states[3])
    purple = np.array([204, 121, 167])
    assert (_cell(after, 1, 1) == purple).all(axis=-1).sum() > 5
    assert not (_cell(before, 1, 2) == purple).all(axis=-1).any()
    orange = np.array([230, 159, 0])
    key_gone = (_cell(after, 1, 2) == orange).all(axis=-1).sum()
    assert key_gone == 0 < (_cell(before, 1, 2) == orange).all(axis=-1).sum()
    assert (_cell(after, 1, 4) != _cell(before, 1, 4)).any()  # the door stands open


def test_view_is_tinted_only_with_a_state():
    level = from_text(MAP)
    state = _play(level, [])[0]
    tinted = (_cell(draw_level(level), 0, 1) != _cell(draw_level(level, state), 0, 1)).any()
    outside = (_cell(draw_level(level), 0, 0) != _cell(draw_level(level, state), 0, 0)).any()
    assert (tinted, outside) == (True, False)


@pytest.mark.parametrize("rules", [(), ("always: fog falls",), ("always: darkness falls",)])
@pytest.mark.parametrize("turns", range(4))
def test_visible_cells_are_those_that_the_engine_marks_as_seen(turns, rules):
    rows = [".......", ".......", ".......", "...>...", ".......", "......G"]
    level = from_text("\n".join(rows), rules=rules)
    world = make_grid()
    step = jax.jit(world.step)
    state = world.reset(level, key=jax.random.key(0))
    for _ in range(turns):
        state, _ = step(level, state, jnp.int32(RIGHT), key=jax.random.key(1))
    state = _replace(state, cell=state.cell & ~jnp.uint8(SEEN_BIT))
    # A step marks what was seen before it.
    later, _ = step(level, state, jnp.int32(RIGHT), key=jax.random.key(1))
    assert np.array_equal(visible_cells(level, state), later.seen)


def test_sheet_draws_smaller_levels_with_larger_cells():
    wide = from_text("\n".join(["." * 30] * 28 + [">" + "." * 28 + "G"]))
    sheet = draw_contact_sheet(
        [from_text(">.......\n.......G"), wide], ["small\nno rules", "large"]
    )
    inside = np.asarray(sheet)
    assert inside.shape[1] == 3 * 26 + 2 * (30 * (400 // 30) + 2 * 3)
    for part in (inside[:, : inside.shape[1] // 2], inside[:, inside.shape[1] // 2 :]):
        columns = np.flatnonzero((part[:430] < 255).any(axis=(0, 2)))
        assert columns[-1] - columns[0] > 320


def test_sheet_holds_every_level_and_caption():
    levels = [from_text(MAP), from_text(">G"), from_text(".\n^\nG")]
    sheet = draw_contact_sheet(levels, ["one", "two", "three"], columns=2)
    assert sheet.mode == "RGB"
    white = np.asarray(sheet) == 255
    rows, columns = ~white.all(axis=(1, 2)), ~white.all(axis=(0, 2))
    assert rows.any()
    assert columns.any()
    longer = draw_contact_sheet([*levels, levels[0], levels[1]], list("abcde"), columns=2)
    assert (longer.width, longer.height > sheet.height) == (sheet.width, True)


def test_sheet_refuses_a_missing_caption():
    with pytest.raises(ValueError, match="levels=2 and captions=1"):
        draw_contact_sheet([from_text(">G")] * 2, ["one"])


def test_gif_has_a_frame_for_each_state_and_holds_the_last(tmp_path):
    level = from_text(">...G")
    states = _play(level, [FORWARD] * 4)
    write_gif(tmp_path / "film.gif", level, states, milliseconds=80)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 5
        assert film.size == draw_level(level).size
        assert film.info["loop"] == 0
        durations = []
        for index in range(film.n_frames):
            film.seek(index)
            durations.append(film.info["duration"])
            drawn = np.asarray(draw_level(level, states[index])).astype(int)
            assert np.abs(np.asarray(film.convert("RGB")) - drawn).mean() < 3
    assert durations == [80, 80, 80, 80, 1000]


def test_gif_ends_where_the_episode_does(tmp_path):
    level = from_text(">.G")
    states = _play(level, [FORWARD] * 6)
    write_gif(tmp_path / "film.gif", level, states)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3


def test_gif_is_the_same_bytes_every_time_and_small(tmp_path):
    level = from_text(MAP)
    states = _play(level, [FORWARD, RIGHT, FORWARD, FORWARD] * 10)
    for name in ("one.gif", "two.gif"):
        write_gif(tmp_path / name, level, states)
    content = (tmp_path / "one.gif").read_bytes()
    assert content == (tmp_path / "two.gif").read_bytes()
    assert len(content) < 60_000


def test_gif_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="states is empty"):
        write_gif(tmp_path / "film.gif", from_text(">G"), [])

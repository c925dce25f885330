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
    tiles,
    write_gif,
)
from alpha_factory.worlds.render import visible_cells

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


def _cell(picture, row, column) -> np.ndarray:
    pixels = np.asarray(picture)
    return pixels[FRAME + 24 * row :][:24, FRAME + 24 * column :][:, :24]


def test_picture_is_cropped_to_the_level():
    picture = draw_level(from_text(MAP))
    assert picture.mode == "RGB"
    assert picture.size == (6 * 24 + 2 * FRAME, 4 * 24 + 2 * FRAME)
    assert draw_level(from_text(MAP), tile_pixels=32).size == (6 * 32 + 16, 4 * 32 + 16)


def test_every_kind_of_tile_looks_different():
    picture = draw_level(from_text(".#K\nDT'\nG.>"))
    looks = [_cell(picture, index // 3, index % 3).tobytes() for index in range(9)]
    assert len(set(looks)) == 8
    assert looks[0] == looks[7]


def test_every_kind_of_tile_differs_in_lightness_too():
    picture = draw_level(from_text(".#K\nDT'\nG.>")).convert("L")
    looks = [
        _cell(picture, index // 3, index % 3).astype(int) for index in (0, 1, 2, 3, 4, 5, 6, 8)
    ]
    for first in range(len(looks)):
        for second in range(first):
            assert np.abs(looks[first] - looks[second]).mean() > 4, (first, second)


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


@pytest.mark.parametrize("fog_period", [0, 2])
@pytest.mark.parametrize("turns", range(4))
def test_visible_cells_are_those_that_the_engine_marks_as_seen(turns, fog_period):
    level = from_text(
        "\n".join([".......", ".......", ".......", "...>...", ".......", "......G"]),
        fog_period=fog_period,
    )
    world = make_grid()
    step, blank = jax.jit(world.step), jnp.zeros(level.tile.shape, bool)
    state = world.reset(level, key=jax.random.key(0))
    for _ in range(turns):
        object.__setattr__(state, "seen", blank)
        state, _ = step(level, state, jnp.int32(RIGHT), key=jax.random.key(1))
    assert np.array_equal(visible_cells(level, state), state.seen)


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

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from alpha_factory.core.errors import UsageError
from alpha_factory.worlds import from_text, make_grid
from alpha_factory.worlds.grid.pixels import PIXELS, draw_atlas, draw_codes, make_pixels
from alpha_factory.worlds.grid.view import AGENT_SHOWN, GLYPHS, show_all, show_view
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.sprites import EDGE

CODES = GLYPHS + 4
MAP = """\
.#GKDT'~_
O!|$B?).u
n(]U[A.HV
O..C...>."""

# Machado, Oliveira and Fernandes (2009): what people see who lack one kind of cone, in linear light.
BLINDNESS = {
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def _compose(codes, side) -> np.ndarray:
    """The slow way: every cell's sprite pasted in its place."""
    rows, columns = codes.shape
    pixels = side // max(rows, columns)
    left, top = (side - columns * pixels) // 2, (side - rows * pixels) // 2
    picture = Image.new("RGB", (side, side), EDGE)
    for (row, column), code in np.ndenumerate(codes):
        sprite = Image.fromarray(draw_atlas(pixels)[code])
        picture.paste(sprite, (left + column * pixels, top + row * pixels))
    return np.asarray(picture)


def _start(level):
    return make_grid().reset(level, key=jax.random.key(0))


def _as_seen(sprites, weights) -> np.ndarray:
    light = (sprites / 255.0) ** 2.2
    seen = light if weights is None else np.clip(light @ np.array(weights).T, 0, 1)
    return 255 * seen ** (1 / 2.2)


@pytest.mark.parametrize("shape", [(5, 5), (7, 7), (13, 13), (32, 32), (6, 10), (101, 101)])
def test_frame_is_that_of_a_slow_composition_byte_for_byte(shape):
    codes = np.random.default_rng(0).integers(0, CODES, shape, dtype=np.uint8)
    frame = jax.jit(draw_codes)(jnp.asarray(codes))
    assert (frame.shape, frame.dtype) == ((PIXELS, PIXELS, 3), jnp.uint8)
    assert np.array_equal(frame, _compose(codes, PIXELS))


def test_frames_of_a_batch_are_those_of_its_worlds():
    codes = jnp.asarray(np.random.default_rng(0).integers(0, CODES, (3, 9, 9), dtype=np.uint8))
    together = jax.jit(jax.vmap(draw_codes))(codes)
    for index in range(3):
        assert np.array_equal(together[index], _compose(np.asarray(codes[index]), PIXELS))


@pytest.mark.parametrize("view", [None, 1, 5, 11])
def test_pixels_show_what_the_codes_say(view):
    level = from_text(MAP)
    state = _start(level)
    codes = show_all(level, state) if view is None else show_view(level, state, view)
    frame = jax.jit(make_pixels(view))(level, state)
    assert np.array_equal(frame, _compose(np.asarray(codes), PIXELS))


def test_frame_can_have_another_size():
    level = from_text(MAP)
    frame = make_pixels(7, side=64)(level, _start(level))
    assert frame.shape == (64, 64, 3)


def test_agent_with_a_key_looks_different_in_its_own_cell_only():
    level = from_text("...\n.>K\n..G")
    state, world = _start(level), make_grid()
    moved, _ = world.step(level, state, jnp.int32(tiles.FORWARD), key=jax.random.key(0))
    frame = np.asarray(make_pixels(5)(level, moved))
    codes = np.asarray(show_view(level, moved, 5)).copy()
    assert bool(moved.has_key)
    assert not np.array_equal(frame, _compose(codes, PIXELS))
    codes[4, 2] += GLYPHS - AGENT_SHOWN
    assert np.array_equal(frame, _compose(codes, PIXELS))


@pytest.mark.parametrize("pixels", [4, 5, 9, 18, 25])
def test_every_code_looks_different(pixels):
    atlas = draw_atlas(pixels)
    assert atlas.shape == (CODES, pixels, pixels, 3)
    assert len({sprite.tobytes() for sprite in atlas}) == CODES


@pytest.mark.parametrize("blindness", [None, *BLINDNESS])
def test_codes_can_be_told_apart_without_a_kind_of_cone(blindness):
    seen = _as_seen(draw_atlas(18), BLINDNESS.get(blindness))
    for first, second in itertools.combinations(range(CODES), 2):
        apart = np.abs(seen[first] - seen[second]).max(axis=-1)
        # Opposite arrows, and an agent with and without a key, share all but 26 of their 324 pixels.
        assert (apart > 60).sum() >= 24, (first, second)


def test_kinds_differ_by_more_than_hue():
    """In grey alone, every two kinds differ in at least an eighth of their pixels."""
    grey = draw_atlas(18).astype(float) @ np.array([0.299, 0.587, 0.114])
    kinds = [code for code in range(AGENT_SHOWN + 1) if not _is_turned(code)]
    for first, second in itertools.combinations(kinds, 2):
        assert (np.abs(grey[first] - grey[second]) > 30).mean() > 1 / 8, (first, second)


def _is_turned(code) -> bool:
    """A heading of a kind that another code stands for."""
    return tiles.ONE_WAY < code < tiles.CONVEYOR or tiles.CONVEYOR < code < tiles.KINDS


def test_more_cells_than_pixels_are_refused():
    with pytest.raises(UsageError, match="129 cells a side do not fit into 128 pixels"):
        make_pixels(129)
    with pytest.raises(UsageError, match="20 cells a side do not fit into 16 pixels"):
        draw_codes(jnp.zeros((4, 20), jnp.uint8), side=16)

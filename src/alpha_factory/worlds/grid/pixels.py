"""A state as pixels, put together on the device from sprites that the host draws once.

Level and state in, red, green and blue bytes out. A cell is a copy of its sprite, so that a frame costs what writing
it costs; the pictures of `worlds.render` are made of the same sprites.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt8
from PIL import Image, ImageColor

from alpha_factory.core.errors import UsageError
from alpha_factory.worlds import sprites
from alpha_factory.worlds.grid.settle import settle
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.grid.view import (
    AGENT_SHOWN,
    CHASER_SHOWN,
    GLYPHS,
    HIDDEN,
    OPEN_GATE_SHOWN,
    PATROL_SHOWN,
    show_all,
    show_view,
)
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel

PIXELS = 128
"""Pixels a side of a frame."""

_CODES = GLYPHS + 4  # the last four: the agent by heading, with a key


def make_pixels(
    view: int | None, side: int = PIXELS
) -> Callable[[GridLevel, GridState], UInt8[Array, "side side 3"]]:
    """The function from level and state to a frame of `side` x `side` pixels of red, green, blue.

    A cell is as large as the frame allows, the picture in the middle of the frame, the edge's
    colour around it. From 4 pixels a cell on every kind looks different.

    Args:
        view: shows so many cells ahead of the agent and across, ahead at the top; None shows the
            whole level, walls that pad it included, north at the top.

    Raises:
        UsageError: more cells than pixels; for a whole level, once its size is known.
    """
    if view is not None:
        _cell_pixels(view, side)

    def render(level: GridLevel, state: GridState) -> UInt8[Array, "side side 3"]:
        shown = show_all(level, state) if view is None else show_view(level, state, view)
        with_key = shown + jnp.uint8(GLYPHS - AGENT_SHOWN)
        return draw_codes(
            jnp.where((shown >= AGENT_SHOWN) & state.has_key, with_key, shown), side=side
        )

    return render


def draw_codes(
    code: UInt8[Array, "rows columns"], *, side: int = PIXELS
) -> UInt8[Array, "side side 3"]:
    """A frame of these codes of `worlds.grid.view`, or `GLYPHS` + heading for an agent with a key."""
    rows, columns = code.shape
    pixels = _cell_pixels(max(rows, columns), side)
    atlas = jnp.asarray(draw_atlas(pixels)).reshape(_CODES, pixels, pixels * 3)
    # Settled, or the compiler would work out a cell's code again for each of its bytes.
    start = settle(code.astype(jnp.int32))[..., None]
    # Whole rows of a sprite, in the order in which they lie in the frame: the fastest way found on a CPU. Gathering
    # 32-bit words and taking them apart into bytes took up to three times as long.
    copied = jax.lax.gather(
        atlas,
        start,
        jax.lax.GatherDimensionNumbers(
            offset_dims=(1, 3), collapsed_slice_dims=(0,), start_index_map=(0,)
        ),
        (1, pixels, pixels * 3),
        mode=jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )
    drawn = copied.reshape(rows * pixels, columns * pixels, 3)
    return _surround(_surround(drawn, side, axis=1), side, axis=0)


@functools.cache
def draw_atlas(pixels: int) -> UInt8[np.ndarray, "codes pixels pixels 3"]:
    """The sprite of each code, at so many pixels a cell; read-only."""
    floor = sprites.draw_tile(tiles.FLOOR, pixels)

    def on_floor(sprite: Image.Image) -> Image.Image:
        ground = floor.copy()
        ground.paste(sprite, (0, 0), sprite)
        return ground

    looks = {kind: sprites.draw_tile(kind, pixels) for kind in range(tiles.KINDS)}
    looks[OPEN_GATE_SHOWN] = sprites.draw_tile(tiles.GATE, pixels, is_open=True)
    looks[PATROL_SHOWN] = on_floor(sprites.draw_opponent(tiles.PATROL, pixels))
    looks[CHASER_SHOWN] = on_floor(sprites.draw_opponent(tiles.CHASER, pixels))
    looks[HIDDEN] = sprites.draw_hidden(pixels)
    for heading in range(4):
        for first, has_key in ((AGENT_SHOWN, False), (GLYPHS, True)):
            looks[first + heading] = on_floor(sprites.draw_agent(heading, has_key, pixels))
    atlas = np.stack([np.asarray(looks[code]) for code in range(_CODES)])
    atlas.flags.writeable = False
    return atlas


def _cell_pixels(cells: int, side: int) -> int:
    if cells > side:
        raise UsageError(
            f"{cells} cells a side do not fit into {side} pixels. Show at most {side} cells."
        )
    return side // cells


def _surround(
    drawn: UInt8[Array, "rows columns 3"], side: int, *, axis: int
) -> UInt8[Array, "..."]:
    """The picture in the middle of an axis `side` long, the edge's colour before and after it."""
    missing = side - drawn.shape[axis]
    if not missing:
        return drawn
    edge = jnp.asarray(ImageColor.getrgb(sprites.EDGE), jnp.uint8)

    def strip(width: int) -> Array:
        shape = (width, drawn.shape[1]) if axis == 0 else (drawn.shape[0], width)
        return jnp.broadcast_to(edge, (*shape, 3))

    before = missing // 2
    return jnp.concatenate([strip(before), drawn, strip(missing - before)], axis=axis)

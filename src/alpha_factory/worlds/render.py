"""Pictures of levels and episodes: a level, or host states of an episode, in; an image or a GIF out.

Made of the sprites of `worlds.sprites`, so that they can be told apart with any common colour blindness. Physics and
rules can't be seen: a caption has to tell. Host code: nothing here runs under `jit` but a look at the rules in force.
"""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, Bool, Int32
from PIL import Image, ImageColor, ImageDraw, ImageFont

from alpha_factory.worlds import sprites
from alpha_factory.worlds.grid.force import find_force
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.grid.view import is_gate_open, view_bounds
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import UNIT, GridLevel
from alpha_factory.worlds.levels.text import own_size
from alpha_factory.worlds.pen import INK, PAPER

_FRAME_SHARE = 0.25  # width of the outer wall, in tiles
_SHEET_CELL = 400  # pixels that the longer side of a level takes on a contact sheet
_LARGEST_TILE = 40
_GIF_COLOURS = 128
_FILM_TILE = 24
_LAST_FRAME_MS = 1000


def draw_level(
    level: GridLevel, state: GridState | None = None, *, tile_pixels: int = 24
) -> Image.Image:
    """A picture of a level, cropped to its own size.

    Args:
        state: draws this moment of an episode: the agent and its opponents where they are, keys
            taken, doors and gates open, a dot where the agent has been, and the cells of its view
            tinted. Without it, the start of the episode, without the tint.
        tile_pixels: width of a cell.
    """
    height, width = own_size(level)
    tile = np.asarray(level.tile if state is None else state.tile)[:height, :width]
    is_tinted, is_open = np.zeros(tile.shape, bool), False
    if state is not None:
        is_tinted = visible_cells(level, state)[:height, :width]
        is_open = bool(_look(level, state)[0])
    frame = _frame_width(tile_pixels)
    size = (width * tile_pixels + 2 * frame, height * tile_pixels + 2 * frame)
    picture = Image.new("RGB", size, sprites.EDGE)
    for (row, column), kind in np.ndenumerate(tile):
        sprite = sprites.draw_tile(
            int(kind), tile_pixels, is_tinted=bool(is_tinted[row, column]), is_open=is_open
        )
        picture.paste(sprite, _place(row, column, tile_pixels))
    if state is not None:
        dot = sprites.draw_dot(tile_pixels)
        for row, column in np.argwhere(np.asarray(state.visited)[:height, :width]).tolist():
            _stamp(picture, dot, _place(row, column, tile_pixels))
    _stamp_opponents(picture, level, state, tile_pixels)
    _stamp_agent(picture, level, state, tile_pixels)
    return picture


def draw_contact_sheet(
    levels: Sequence[GridLevel], captions: Sequence[str], columns: int = 6
) -> Image.Image:
    """Many levels in one picture, row by row, each with its caption of one or more lines below it.

    Each level is drawn as large as its place allows, so the cells of a larger level are smaller.
    """
    if not levels or len(levels) != len(captions):
        raise ValueError(
            f"levels={len(levels)} and captions={len(captions)}: give at least one level "
            "and a caption for each."
        )
    columns = min(columns, len(levels))
    pictures = [draw_level(level, tile_pixels=_fitting_tile(level)) for level in levels]
    cell = max(max(picture.size) for picture in pictures)
    font, line, gap = ImageFont.load_default(15), 21, 26
    lines = [caption.split("\n") for caption in captions]
    height = cell + 10 + line * max(map(len, lines))
    rows = math.ceil(len(levels) / columns)
    sheet = Image.new("RGB", (gap + columns * (cell + gap), gap + rows * (height + gap)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (picture, caption) in enumerate(zip(pictures, lines, strict=True)):
        left = gap + index % columns * (cell + gap)
        top = gap + index // columns * (height + gap)
        across, down = (cell - picture.width) // 2, (cell - picture.height) // 2
        sheet.paste(picture, (left + across, top + down))
        for number, text in enumerate(caption):
            place = (left + cell / 2, top + cell + 10 + (number + 0.5) * line)
            pen.text(place, _fit(text, font, cell), fill=INK, font=font, anchor="mm")
    return sheet


def write_gif(
    path: Path, level: GridLevel, states: Sequence[GridState], *, milliseconds: int = 120
) -> None:
    """Write an episode as a GIF that repeats for ever; its last frame stays for a second.

    The same states give the same bytes.

    Args:
        states: host copies of the states, the start first. What follows the first finished one is left out.
        milliseconds: how long a frame stays.
    """
    frames = [draw_level(level, state, tile_pixels=_FILM_TILE) for state in _until_over(states)]
    palette = _shared_palette(_FILM_TILE)
    indexed = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [milliseconds] * (len(frames) - 1) + [_LAST_FRAME_MS]
    indexed[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=indexed[1:],
        duration=durations,
        loop=0,
        optimize=True,
        disposal=1,
    )


def visible_cells(level: GridLevel, state: GridState) -> Bool[np.ndarray, "height width"]:
    """Which cells of the level the agent's view holds now, under the rules in force."""
    _, first, last = _look(level, state)
    rows, columns = np.ogrid[: level.tile.shape[0], : level.tile.shape[1]]
    is_near_row = (rows >= int(first[0])) & (rows <= int(last[0]))
    return is_near_row & (columns >= int(first[1])) & (columns <= int(last[1]))


@jax.jit
def _look(
    level: GridLevel, state: GridState
) -> tuple[Bool[Array, ""], Int32[Array, "2"], Int32[Array, "2"]]:
    """Whether the gates are open, and the first and last row and column in view."""
    force = find_force(level, state)
    first, last = view_bounds(state, force)
    return is_gate_open(state, force), first, last


def _stamp_opponents(
    picture: Image.Image, level: GridLevel, state: GridState | None, pixels: int
) -> None:
    places = np.asarray(level.opponent_start if state is None else state.opponent)
    for kind, (row, column) in zip(np.asarray(level.opponent), places, strict=True):
        if kind != tiles.NOBODY:
            sprite = sprites.draw_opponent(int(kind), pixels)
            _stamp(picture, sprite, _place(int(row), int(column), pixels))


def _stamp_agent(
    picture: Image.Image, level: GridLevel, state: GridState | None, pixels: int
) -> None:
    """The agent where it really is, which may be between two cells."""
    if state is None:
        row, column = (float(place) for place in level.start)
        heading, has_key = int(level.heading), False
    else:
        place = np.asarray(state.position) + np.asarray(state.offset) / UNIT
        row, column = place.tolist()
        heading, has_key = int(state.heading), bool(state.has_key)
    sprite = sprites.draw_agent(heading, has_key, pixels)
    _stamp(picture, sprite, _place(row, column, pixels))


def _until_over(states: Sequence[GridState]) -> list[GridState]:
    kept = []
    for state in states:
        kept.append(state)
        if bool(state.is_terminated) or bool(state.is_truncated):
            break
    if not kept:
        raise ValueError("states is empty: a GIF needs at least the first state of an episode.")
    return kept


def _shared_palette(pixels: int) -> Image.Image:
    """One palette for all frames of all films, made from every sprite.

    A palette a frame would make colours flicker and spoil the encoder's comparison of frames.
    """
    looks = []
    overlays = [sprites.draw_agent(tiles.HEADINGS.index("right"), True, pixels)]
    overlays += [sprites.draw_opponent(kind, pixels) for kind in (tiles.PATROL, tiles.CHASER)]
    overlays.append(sprites.draw_dot(pixels))
    for is_tinted in (False, True):
        looks += [
            sprites.draw_tile(kind, pixels, is_tinted=is_tinted) for kind in range(tiles.KINDS)
        ]
        for overlay in overlays:
            ground = sprites.draw_tile(tiles.FLOOR, pixels, is_tinted=is_tinted).copy()
            ground.paste(overlay, (0, 0), overlay)
            looks.append(ground)
    seen: Counter[tuple[int, ...]] = Counter({ImageColor.getrgb(sprites.EDGE): pixels**2})
    for look in looks:
        seen.update(map(tuple, np.asarray(look).reshape(-1, 3).tolist()))
    # Plain colours cover the most pixels; what is left out are shades between two of them.
    common = sorted(seen, key=lambda colour: (-seen[colour], colour))[:_GIF_COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in common for part in colour])
    return palette


def _frame_width(pixels: int) -> int:
    return max(2, round(_FRAME_SHARE * pixels))


def _fitting_tile(level: GridLevel) -> int:
    """Pixels a cell for a level on a contact sheet."""
    pixels = min(_SHEET_CELL // max(own_size(level)), _LARGEST_TILE)
    return max(1, pixels)


def _place(row: int | float, column: int | float, pixels: int) -> tuple[int, int]:
    frame = _frame_width(pixels)
    return frame + round(column * pixels), frame + round(row * pixels)


def _stamp(picture: Image.Image, sprite: Image.Image, place: tuple[int, int]) -> None:
    picture.paste(sprite, place, sprite)


def _fit(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The caption, its end replaced by … where it is too wide."""
    if font.getlength(caption) <= width:
        return caption
    while caption and font.getlength(f"{caption}…") > width:
        caption = caption[:-1]
    return f"{caption}…"

"""Pictures of levels and episodes: a level, or host states of an episode, in; an image or a GIF out.

The colours are those of Okabe and Ito, which people with any common colour blindness tell apart, and no two kinds of
tile differ by colour alone. Host code: nothing here runs under `jit`.
"""

import functools
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from alpha_factory.worlds import tiles
from alpha_factory.worlds.level import GridLevel
from alpha_factory.worlds.observe import VIEW
from alpha_factory.worlds.state import GridState
from alpha_factory.worlds.text import own_size

_FLOOR, _GRID, _WALL, _EDGE = "#FBF8F1", "#E7E1D3", "#3B4252", "#2B303C"
_WALL_LIGHT, _WALL_DARK = "#4C566A", "#2E3440"
_INK, _PAPER = "#23272F", "#FFFFFF"
_ORANGE, _SKY, _GREEN, _BLUE = "#E69F00", "#56B4E9", "#009E73", "#0072B2"
_VERMILLION, _PURPLE = "#D55E00", "#CC79A7"

_SAMPLES = 4  # drawn this many times larger and then averaged: no jagged edges
_FRAME_SHARE = 0.25  # width of the outer wall, in tiles
_GIF_COLOURS = 64
_FILM_TILE = 24
_LAST_FRAME_MS = 1000
_FOG_REACH = (
    1  # cells ahead and aside that fog leaves visible; a test compares with what the engine shows
)

_Length = int | float  # share of a tile's side
_Box = tuple[_Length, _Length, _Length, _Length]
_Point = tuple[_Length, _Length]


def draw_level(
    level: GridLevel, state: GridState | None = None, *, tile_pixels: int = 24
) -> Image.Image:
    """A picture of a level, cropped to its own size.

    Args:
        state: draws this moment of an episode: the agent where it stands, keys taken and doors opened, a dot where
            it has been, and the cells of its view tinted. Without it, the start of the episode, without the tint.
        tile_pixels: width of a cell.
    """
    height, width = own_size(level)
    tile = np.asarray(level.tile if state is None else state.tile)[:height, :width]
    frame = max(2, round(_FRAME_SHARE * tile_pixels))
    size = (width * tile_pixels + 2 * frame, height * tile_pixels + 2 * frame)
    picture = Image.new("RGB", size, _EDGE)
    is_shown = None if state is None else visible_cells(level, state)
    for (row, column), kind in np.ndenumerate(tile):
        is_tinted = is_shown is not None and bool(is_shown[row, column])
        picture.paste(_tile(int(kind), is_tinted, tile_pixels), _place(row, column, tile_pixels))
    if state is not None:
        trail = np.asarray(state.visited)[:height, :width]
        for row, column in np.argwhere(trail).tolist():
            _stamp(picture, _dot(tile_pixels), row, column, tile_pixels)
    holder = level if state is None else state
    row, column = (int(at) for at in (level.start if state is None else state.position))
    has_key = state is not None and bool(state.has_key)
    _stamp(picture, _agent(int(holder.heading), has_key, tile_pixels), row, column, tile_pixels)
    return picture


def draw_contact_sheet(
    levels: Sequence[GridLevel], captions: Sequence[str], columns: int = 6
) -> Image.Image:
    """Many levels in one picture, row by row, each with its caption below it."""
    if not levels or len(levels) != len(captions):
        raise ValueError(
            f"levels={len(levels)} and captions={len(captions)}: give at least one level "
            "and a caption for each."
        )
    columns = min(columns, len(levels))
    pictures = [draw_level(level, tile_pixels=18) for level in levels]
    cell = max(max(picture.size) for picture in pictures)
    font = ImageFont.load_default(13)
    gap, line = 18, 24
    rows = math.ceil(len(levels) / columns)
    size = (gap + columns * (cell + gap), gap + rows * (cell + line + gap))
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = gap + index % columns * (cell + gap)
        top = gap + index // columns * (cell + line + gap)
        across, down = (cell - picture.width) // 2, cell - picture.height
        sheet.paste(picture, (left + across, top + down))
        place = (left + cell / 2, top + cell + line / 2)
        pen.text(place, _fit(caption, font, cell), fill=_INK, font=font, anchor="mm")
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


def visible_cells(level: GridLevel, state: GridState) -> np.ndarray:
    """Which cells of the level the agent's view holds now, as booleans of the level's shape."""
    rows, columns = np.mgrid[: level.tile.shape[0], : level.tile.shape[1]]
    heading = int(state.heading)
    down, across = tiles.ROW_STEP[heading], tiles.COLUMN_STEP[heading]
    row, column = (int(place) for place in state.position)
    ahead = (rows - row) * down + (columns - column) * across
    aside = np.abs((rows - row) * across - (columns - column) * down)
    period, time = int(level.fog_period), int(state.time)
    is_foggy = period > 0 and time // period % 2 == 1
    farthest, widest = (_FOG_REACH, _FOG_REACH) if is_foggy else (VIEW - 1, VIEW // 2)
    return (ahead >= 0) & (ahead <= farthest) & (aside <= widest)


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
    sprites = [
        _tile(kind, is_tinted, pixels) for kind in range(tiles.KINDS) for is_tinted in (False, True)
    ]
    for is_tinted in (False, True):
        for overlay in (_agent(tiles.HEADINGS.index("right"), True, pixels), _dot(pixels)):
            ground = _tile(tiles.FLOOR, is_tinted, pixels).copy()
            ground.paste(overlay, (0, 0), overlay)
            sprites.append(ground)
    seen: Counter[tuple[int, ...]] = Counter({ImageColor.getrgb(_EDGE): pixels**2})
    for sprite in sprites:
        seen.update(map(tuple, np.asarray(sprite).reshape(-1, 3).tolist()))
    # Plain colours cover the most pixels; what is left out are shades between two of them.
    common = sorted(seen, key=lambda colour: (-seen[colour], colour))[:_GIF_COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in common for part in colour])
    return palette


def _place(row: int, column: int, pixels: int) -> tuple[int, int]:
    frame = max(2, round(_FRAME_SHARE * pixels))
    return frame + column * pixels, frame + row * pixels


def _stamp(picture: Image.Image, sprite: Image.Image, row: int, column: int, pixels: int) -> None:
    picture.paste(sprite, _place(row, column, pixels), sprite)


@functools.cache
def _tile(kind: int, is_tinted: bool, pixels: int) -> Image.Image:
    """A tile as it looks without the agent."""
    large = Image.new("RGB", (pixels * _SAMPLES, pixels * _SAMPLES), _FLOOR)
    pen = _Pen(large)
    if kind == tiles.WALL:
        pen.box((0, 0, 1, 1), _WALL)
        pen.box((0, 0, 1, 0.07), _WALL_LIGHT)
        pen.box((0, 0, 0.07, 1), _WALL_LIGHT)
        pen.box((0, 0.93, 1, 1), _WALL_DARK)
        pen.box((0.93, 0, 1, 1), _WALL_DARK)
    else:
        if is_tinted:
            pen.box((0, 0, 1, 1), _blend(_FLOOR, _SKY, 0.34))
        pen.box((0, 0.96, 1, 1), _blend(_GRID, _SKY, 0.45) if is_tinted else _GRID)
        pen.box((0.96, 0, 1, 1), _blend(_GRID, _SKY, 0.45) if is_tinted else _GRID)
    if kind in _DRAWERS:
        _DRAWERS[kind](pen)
    if kind == tiles.WALL and is_tinted:
        large = Image.blend(large, Image.new("RGB", large.size, _SKY), 0.22)
    return large.resize((pixels, pixels), Image.Resampling.BOX)


@functools.cache
def _agent(heading: int, has_key: bool, pixels: int) -> Image.Image:
    """The agent, transparent around it: an arrowhead, with a small key on it once it holds one."""
    large = Image.new("RGBA", (pixels * _SAMPLES, pixels * _SAMPLES))
    pen = _Pen(large)
    outer = [(1.0, 0.49), (0.06, 0.96), (0.26, 0.49), (0.06, 0.02)]
    inner = [(0.86, 0.49), (0.18, 0.83), (0.335, 0.49), (0.18, 0.15)]
    pen.shape([_turn(point, heading) for point in outer], _PAPER)
    pen.shape([_turn(point, heading) for point in inner], _BLUE)
    if has_key:
        across, down = _turn((0.5, 0.5), heading)
        pen.disc((across, down), 0.13, _PAPER)
        pen.disc((across, down), 0.10, _ORANGE)
    return large.resize((pixels, pixels), Image.Resampling.BOX)


@functools.cache
def _dot(pixels: int) -> Image.Image:
    """The mark of a cell where the agent has been."""
    large = Image.new("RGBA", (pixels * _SAMPLES, pixels * _SAMPLES))
    _Pen(large).disc((0.48, 0.48), 0.11, _PURPLE)
    return large.resize((pixels, pixels), Image.Resampling.BOX)


def _draw_goal(pen: "_Pen") -> None:
    pen.rounded((0.06, 0.06, 0.90, 0.90), 0.16, _GREEN)
    star = []
    for corner in range(10):
        angle, reach = math.pi * (corner / 5 - 0.5), 0.335 if corner % 2 == 0 else 0.145
        star.append((0.48 + reach * math.cos(angle), 0.495 + reach * math.sin(angle)))
    pen.shape(star, _PAPER)


def _draw_key(pen: "_Pen") -> None:
    for grow, colour in ((0.045, _INK), (0.0, _ORANGE)):
        pen.disc((0.30, 0.48), 0.19 + grow, colour)
        pen.box((0.44 - grow, 0.43 - grow, 0.88 + grow, 0.53 + grow), colour)
        pen.box((0.62 - grow, 0.50 - grow, 0.71 + grow, 0.66 + grow), colour)
        pen.box((0.79 - grow, 0.50 - grow, 0.88 + grow, 0.70 + grow), colour)
    pen.disc((0.30, 0.48), 0.115, _INK)
    pen.disc((0.30, 0.48), 0.075, _FLOOR)


def _draw_door(pen: "_Pen") -> None:
    pen.box((0, 0, 1, 1), _INK)
    pen.rounded((0.09, 0.09, 0.91, 0.91), 0.08, _ORANGE)
    pen.box((0.485, 0.09, 0.515, 0.91), _blend(_ORANGE, _INK, 0.25))
    pen.disc((0.5, 0.43), 0.155, _INK)
    pen.shape([(0.5, 0.40), (0.62, 0.74), (0.38, 0.74)], _INK)


def _draw_open_door(pen: "_Pen") -> None:
    pen.box((0, 0, 0.13, 1), _INK)
    pen.box((0.87, 0, 1, 1), _INK)
    pen.box((0.03, 0.06, 0.10, 0.94), _ORANGE)
    pen.box((0.90, 0.06, 0.97, 0.94), _ORANGE)


def _draw_trap(pen: "_Pen") -> None:
    pen.rounded((0.06, 0.06, 0.90, 0.90), 0.12, _blend(_FLOOR, _VERMILLION, 0.22))
    for left in (0.13, 0.49):
        for tip in (0.14, 0.49):
            foot = tip + 0.32
            pen.shape([(left + 0.17, tip), (left + 0.33, foot), (left + 0.01, foot)], _VERMILLION)


_DRAWERS = {
    tiles.GOAL: _draw_goal,
    tiles.KEY: _draw_key,
    tiles.DOOR: _draw_door,
    tiles.OPEN_DOOR: _draw_open_door,
    tiles.TRAP: _draw_trap,
}


class _Pen:
    """Draws on a square image in shares of its side."""

    def __init__(self, image: Image.Image) -> None:
        self._side = image.width
        self._draw = ImageDraw.Draw(image)

    def box(self, box: _Box, colour: str) -> None:
        self._draw.rectangle(self._corners(box), fill=colour)

    def rounded(self, box: _Box, radius: _Length, colour: str) -> None:
        self._draw.rounded_rectangle(self._corners(box), radius * self._side, fill=colour)

    def disc(self, centre: _Point, radius: _Length, colour: str) -> None:
        across, down = centre
        box = (across - radius, down - radius, across + radius, down + radius)
        self._draw.ellipse(self._corners(box), fill=colour)

    def shape(self, points: list[_Point], colour: str) -> None:
        self._draw.polygon([(x * self._side, y * self._side) for x, y in points], fill=colour)

    def _corners(self, box: _Box) -> _Box:
        """Pillow counts the last pixel in."""
        left, top, right, bottom = (round(edge * self._side) for edge in box)
        return left, top, right - 1, bottom - 1


def _turn(point: _Point, heading: int) -> _Point:
    """A point of a cell turned by quarters about its middle; heading 0 leaves it."""
    across, down = point
    for _ in range(heading):
        across, down = 1 - down, across
    return across, down


def _blend(below: str, above: str, share: float) -> str:
    mixed = (
        round((1 - share) * int(below[at : at + 2], 16) + share * int(above[at : at + 2], 16))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02X}" for part in mixed)


def _fit(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The caption, its end replaced by … where it is too wide."""
    if font.getlength(caption) <= width:
        return caption
    while caption and font.getlength(f"{caption}…") > width:
        caption = caption[:-1]
    return f"{caption}…"

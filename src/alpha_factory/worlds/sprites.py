"""What a cell looks like: a kind of tile, the agent or an opponent in, a small square picture out.

No two of them differ by colour alone. Levels, films and the pixels that an agent sees are put
together from these sprites, so all of them look alike. Host code: nothing here runs under `jit`.
"""

import functools
import math

from PIL import Image

from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.pen import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    Pen,
    Point,
    blend,
    star,
    turn,
)

EDGE = "#2B303C"
"""What surrounds a level."""

_FLOOR, _GRID = "#FBF8F1", "#E7E1D3"
_WALL, _WALL_LIGHT, _WALL_DARK = "#3B4252", "#4C566A", "#2E3440"
_STEEL = blend(PAPER, INK, 0.38)
_TINT, _WALL_TINT = 0.34, 0.22  # how much of a cell in view is sky
_MIDDLE = 0.48  # of what a cell leaves beside its grid lines


@functools.cache
def draw_tile(
    kind: int, pixels: int, *, is_tinted: bool = False, is_open: bool = False
) -> Image.Image:
    """A tile as it looks without the agent.

    Args:
        pixels: width of the picture.
        is_tinted: the tile lies in the agent's view.
        is_open: the gates are open; other kinds look the same.
    """
    if kind == tiles.WALL:
        return _draw_wall(pixels, is_tinted)
    pen = Pen(pixels, blend(_FLOOR, SKY, _TINT) if is_tinted else _FLOOR)
    lines = blend(_GRID, SKY, 0.45) if is_tinted else _GRID
    pen.box((0, 0.96, 1, 1), lines)
    pen.box((0.96, 0, 1, 1), lines)
    if kind >= tiles.CONVEYOR:
        _draw_conveyor(pen, kind - tiles.CONVEYOR)
    elif kind >= tiles.ONE_WAY:
        _draw_one_way(pen, kind - tiles.ONE_WAY)
    elif kind == tiles.GATE and is_open:
        _draw_open_gate(pen)
    elif kind != tiles.FLOOR:
        _DRAWERS[kind](pen)
    return pen.finish()


@functools.cache
def draw_agent(heading: int, has_key: bool, pixels: int) -> Image.Image:
    """The agent, transparent around it: an arrowhead, with a spot of gold once it holds a key."""
    pen = Pen(pixels, None)
    outer: list[Point] = [(1.0, 0.49), (0.06, 0.96), (0.26, 0.49), (0.06, 0.02)]
    inner: list[Point] = [(0.86, 0.49), (0.18, 0.83), (0.335, 0.49), (0.18, 0.15)]
    pen.shape(turn(outer, heading), PAPER)
    pen.shape(turn(inner, heading), BLUE)
    if has_key:
        (middle,) = turn([(0.5, 0.49)], heading)
        pen.disc(middle, 0.155, PAPER)
        pen.disc(middle, 0.115, ORANGE)
    return pen.finish()


@functools.cache
def draw_opponent(kind: int, pixels: int) -> Image.Image:
    """An opponent, transparent around it: a patrol is a ghost, a chaser has horns and a temper."""
    pen = Pen(pixels, None)
    if kind == tiles.PATROL:
        _draw_patrol(pen)
    else:
        _draw_chaser(pen)
    return pen.finish()


@functools.cache
def draw_dot(pixels: int) -> Image.Image:
    """The mark of a cell where the agent has been, transparent around it."""
    pen = Pen(pixels, None)
    pen.disc((_MIDDLE, _MIDDLE), 0.11, PURPLE)
    return pen.finish()


@functools.cache
def draw_hidden(pixels: int) -> Image.Image:
    """A cell that fog or darkness hides."""
    pen = Pen(pixels, "#8D93A1")
    for shift in (-0.5, 0.0, 0.5, 1.0):
        band: list[Point] = [(shift, 1), (shift + 0.25, 1), (shift + 0.75, 0), (shift + 0.5, 0)]
        pen.shape(band, "#A9AEBA")
    return pen.finish()


def _draw_wall(pixels: int, is_tinted: bool) -> Image.Image:
    pen = Pen(pixels, _WALL)
    pen.box((0, 0, 1, 0.07), _WALL_LIGHT)
    pen.box((0, 0, 0.07, 1), _WALL_LIGHT)
    pen.box((0, 0.93, 1, 1), _WALL_DARK)
    pen.box((0.93, 0, 1, 1), _WALL_DARK)
    if is_tinted:
        pen.wash(SKY, _WALL_TINT)
    return pen.finish()


def _draw_goal(pen: Pen) -> None:
    pen.rounded((0.06, 0.06, 0.90, 0.90), 0.16, GREEN)
    pen.shape(star((_MIDDLE, 0.495), 0.335, tips=5, waist=0.43), PAPER)


def _draw_decoy(pen: Pen) -> None:
    pen.rounded((0.06, 0.06, 0.90, 0.90), 0.16, PURPLE)
    pen.disc((_MIDDLE, _MIDDLE), 0.32, INK)
    pen.disc((_MIDDLE + 0.14, _MIDDLE - 0.08), 0.26, PURPLE)


def _draw_key(pen: Pen) -> None:
    for grow, colour in ((0.045, INK), (0.0, ORANGE)):
        pen.disc((0.30, _MIDDLE), 0.19 + grow, colour)
        pen.box((0.44 - grow, 0.43 - grow, 0.88 + grow, 0.53 + grow), colour)
        pen.box((0.62 - grow, 0.50 - grow, 0.71 + grow, 0.66 + grow), colour)
        pen.box((0.79 - grow, 0.50 - grow, 0.88 + grow, 0.70 + grow), colour)
    pen.disc((0.30, _MIDDLE), 0.115, INK)
    pen.disc((0.30, _MIDDLE), 0.075, _FLOOR)


def _draw_door(pen: Pen) -> None:
    pen.box((0, 0, 1, 1), INK)
    pen.rounded((0.09, 0.09, 0.91, 0.91), 0.08, ORANGE)
    pen.box((0.485, 0.09, 0.515, 0.91), blend(ORANGE, INK, 0.25))
    pen.disc((0.5, 0.43), 0.155, INK)
    pen.shape([(0.5, 0.40), (0.62, 0.74), (0.38, 0.74)], INK)


def _draw_open_door(pen: Pen) -> None:
    pen.box((0, 0, 0.13, 1), INK)
    pen.box((0.87, 0, 1, 1), INK)
    pen.box((0.03, 0.06, 0.10, 0.94), ORANGE)
    pen.box((0.90, 0.06, 0.97, 0.94), ORANGE)


def _draw_trap(pen: Pen) -> None:
    pen.rounded((0.06, 0.06, 0.90, 0.90), 0.12, blend(_FLOOR, VERMILLION, 0.22))
    for left in (0.13, 0.49):
        for tip in (0.14, 0.49):
            foot = tip + 0.32
            pen.shape([(left + 0.17, tip), (left + 0.33, foot), (left + 0.01, foot)], VERMILLION)


def _draw_lava(pen: Pen) -> None:
    pen.box((0, 0, 1, 1), VERMILLION)
    for middle in (0.20, 0.52, 0.84):
        points: list[Point] = [
            (x / 16, middle + 0.075 * math.sin(math.pi * x / 4)) for x in range(-1, 18)
        ]
        pen.line(points, 0.11, YELLOW)


def _draw_ice(pen: Pen) -> None:
    pen.box((0, 0, 1, 1), blend(PAPER, SKY, 0.80))
    pen.box((0, 0.94, 1, 1), blend(SKY, BLUE, 0.55))
    pen.box((0.94, 0, 1, 1), blend(SKY, BLUE, 0.55))
    pen.line([(0.14, 0.58), (0.58, 0.14)], 0.11, PAPER)
    pen.line([(0.42, 0.80), (0.80, 0.42)], 0.11, PAPER)
    pen.line([(0.16, 0.80), (0.34, 0.62)], 0.09, BLUE)
    pen.line([(0.52, 0.44), (0.80, 0.16)], 0.09, BLUE)


def _draw_teleporter(pen: Pen) -> None:
    for radius, colour in ((0.46, INK), (0.38, PURPLE), (0.27, PAPER), (0.19, PURPLE), (0.1, INK)):
        pen.disc((_MIDDLE, _MIDDLE), radius, colour)


def _draw_button(pen: Pen) -> None:
    pen.rounded((0.07, 0.07, 0.89, 0.89), 0.10, _STEEL)
    pen.rounded((0.13, 0.13, 0.83, 0.83), 0.07, blend(PAPER, INK, 0.14))
    pen.disc((_MIDDLE, 0.53), 0.255, INK)
    pen.disc((_MIDDLE, 0.44), 0.255, INK)
    pen.disc((_MIDDLE, 0.43), 0.205, BLUE)
    pen.disc((_MIDDLE - 0.07, 0.36), 0.06, blend(PAPER, BLUE, 0.2))


def _draw_gate(pen: Pen) -> None:
    for left in (0.06, 0.30, 0.54, 0.78):
        pen.box((left - 0.01, 0, left + 0.17, 1), INK)
        pen.box((left + 0.03, 0, left + 0.13, 1), BLUE)
    for top in (0.16, 0.66):
        pen.box((0, top, 1, top + 0.18), INK)
        pen.box((0, top + 0.04, 1, top + 0.14), BLUE)


def _draw_open_gate(pen: Pen) -> None:
    pen.box((0, 0, 1, 0.16), INK)
    pen.box((0, 0.03, 1, 0.11), BLUE)
    for left in (0.06, 0.30, 0.54, 0.78):
        tip: list[Point] = [(left, 0.14), (left + 0.16, 0.14), (left + 0.08, 0.32)]
        pen.shape(tip, INK)
    pen.box((0, 0.86, 1, 1), INK)
    pen.box((0, 0.90, 1, 0.97), BLUE)


def _draw_coin(pen: Pen) -> None:
    pen.disc((_MIDDLE, _MIDDLE), 0.33, INK)
    pen.disc((_MIDDLE, _MIDDLE), 0.27, YELLOW)
    pen.rounded((_MIDDLE - 0.06, 0.32, _MIDDLE + 0.06, 0.64), 0.05, INK)


def _draw_box(pen: Pen) -> None:
    wood, dark = blend(ORANGE, INK, 0.40), blend(ORANGE, INK, 0.72)
    pen.box((0.05, 0.05, 0.91, 0.91), dark)
    pen.box((0.10, 0.10, 0.86, 0.86), wood)
    pen.line([(0.20, 0.20), (0.76, 0.76)], 0.21, dark)
    pen.line([(0.76, 0.20), (0.20, 0.76)], 0.21, dark)
    light = blend(ORANGE, PAPER, 0.35)
    pen.line([(0.18, 0.18), (0.78, 0.78)], 0.11, light)
    pen.line([(0.78, 0.18), (0.18, 0.78)], 0.11, light)


def _draw_one_way(pen: Pen, heading: int) -> None:
    """A road sign: a black arrow on yellow."""
    pen.box((0, 0, 1, 1), INK)
    pen.rounded((0.07, 0.07, 0.93, 0.93), 0.08, YELLOW)
    arrow: list[Point] = [
        *((0.14, 0.40), (0.46, 0.40), (0.46, 0.20), (0.88, 0.50)),
        *((0.46, 0.80), (0.46, 0.60), (0.14, 0.60)),
    ]
    pen.shape(turn(arrow, heading), INK)


def _draw_conveyor(pen: Pen, heading: int) -> None:
    """A grey belt between two rails, with two chevrons."""
    pen.box((0, 0, 1, 1), blend(PAPER, INK, 0.45))
    for rail in (0.06, 0.94):
        pen.line(turn([(-0.1, rail), (1.1, rail)], heading), 0.12, INK)
    for back in (0.10, 0.54):
        chevron: list[Point] = [
            *((back, 0.20), (back + 0.13, 0.20), (back + 0.38, 0.50)),
            *((back + 0.13, 0.80), (back, 0.80), (back + 0.25, 0.50)),
        ]
        pen.shape(turn(chevron, heading), PAPER)


def _draw_patrol(pen: Pen) -> None:
    for grow, colour in ((0.06, INK), (0.0, PURPLE)):
        pen.disc((0.48, 0.42), 0.30 + grow, colour)
        pen.box((0.18 - grow, 0.42, 0.78 + grow, 0.76 + grow / 2), colour)
        for foot in (0.28, 0.48, 0.68):
            pen.disc((foot, 0.77), 0.10 + grow, colour)
    for eye in (0.36, 0.60):
        pen.disc((eye, 0.42), 0.105, PAPER)
        pen.disc((eye, 0.44), 0.055, INK)


def _draw_chaser(pen: Pen) -> None:
    horns: list[Point] = [
        *((0.04, 0.02), (0.34, 0.18), (0.62, 0.18), (0.92, 0.02), (0.88, 0.48)),
        *((0.48, 0.98), (0.08, 0.48)),
    ]
    inner: list[Point] = [
        *((0.12, 0.12), (0.33, 0.25), (0.63, 0.25), (0.84, 0.12), (0.81, 0.46)),
        *((0.48, 0.87), (0.15, 0.46)),
    ]
    pen.shape(horns, INK)
    pen.shape(inner, VERMILLION)
    pen.shape([(0.20, 0.34), (0.44, 0.46), (0.40, 0.57), (0.25, 0.53)], PAPER)
    pen.shape([(0.76, 0.34), (0.52, 0.46), (0.56, 0.57), (0.71, 0.53)], PAPER)


_DRAWERS = {
    tiles.GOAL: _draw_goal,
    tiles.KEY: _draw_key,
    tiles.DOOR: _draw_door,
    tiles.TRAP: _draw_trap,
    tiles.OPEN_DOOR: _draw_open_door,
    tiles.LAVA: _draw_lava,
    tiles.ICE: _draw_ice,
    tiles.TELEPORT: _draw_teleporter,
    tiles.BUTTON: _draw_button,
    tiles.GATE: _draw_gate,
    tiles.COIN: _draw_coin,
    tiles.BOX: _draw_box,
    tiles.DECOY: _draw_decoy,
}

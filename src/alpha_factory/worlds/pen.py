"""Drawing in shares of a cell's side, and the colours to draw with.

The colours are those of Okabe and Ito, which people with any common colour blindness tell apart.
"""

import math

from PIL import Image, ImageDraw

INK, PAPER = "#23272F", "#FFFFFF"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

Length = int | float
"""A share of the cell's side."""
Box = tuple[Length, Length, Length, Length]
"""Left, top, right, bottom."""
Point = tuple[Length, Length]
"""Across from the left, down from the top."""

_SAMPLES = 4  # drawn this many times larger and then averaged: no jagged edges


class Pen:
    """Draws on a square picture of one cell in shares of its side."""

    def __init__(self, pixels: int, ground: str | None) -> None:
        """A picture of one colour, transparent if `ground` is None, to be `pixels` wide when done."""
        mode = "RGBA" if ground is None else "RGB"
        self._pixels, self._side = pixels, pixels * _SAMPLES
        self._image = Image.new(mode, (self._side, self._side), ground or (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def finish(self) -> Image.Image:
        """The picture at its own size."""
        return self._image.resize((self._pixels, self._pixels), Image.Resampling.BOX)

    def box(self, box: Box, colour: str) -> None:
        self._draw.rectangle(self._corners(box), fill=colour)

    def rounded(self, box: Box, radius: Length, colour: str) -> None:
        self._draw.rounded_rectangle(self._corners(box), radius * self._side, fill=colour)

    def disc(self, centre: Point, radius: Length, colour: str) -> None:
        across, down = centre
        box = (across - radius, down - radius, across + radius, down + radius)
        self._draw.ellipse(self._corners(box), fill=colour)

    def shape(self, points: list[Point], colour: str) -> None:
        self._draw.polygon([(x * self._side, y * self._side) for x, y in points], fill=colour)

    def line(self, points: list[Point], width: Length, colour: str) -> None:
        """A line with round ends and corners."""
        spots = [(x * self._side, y * self._side) for x, y in points]
        self._draw.line(spots, fill=colour, width=round(width * self._side))
        for point in points:
            self.disc(point, width / 2, colour)

    def wash(self, colour: str, share: float) -> None:
        """Blend all that is drawn so far with a colour."""
        above = Image.new(self._image.mode, self._image.size, colour)
        self._image.paste(Image.blend(self._image, above, share))

    def _corners(self, box: Box) -> Box:
        """Pillow counts the last pixel in."""
        left, top, right, bottom = (round(edge * self._side) for edge in box)
        return left, top, max(left, right - 1), max(top, bottom - 1)


def turn(points: list[Point], heading: int) -> list[Point]:
    """Points of a cell turned by quarters about its middle, clockwise; heading 0 leaves them."""
    for _ in range(heading):
        points = [(1 - down, across) for across, down in points]
    return points


def star(centre: Point, reach: Length, *, tips: int, waist: float) -> list[Point]:
    """The outline of a star, one tip at the top.

    Args:
        waist: how near the middle the corners between tips lie, as a share of `reach`.
    """
    points: list[Point] = []
    for corner in range(2 * tips):
        angle, far = math.pi * (corner / tips - 0.5), reach * (waist if corner % 2 else 1)
        points.append((centre[0] + far * math.cos(angle), centre[1] + far * math.sin(angle)))
    return points


def blend(below: str, above: str, share: float) -> str:
    """The colour that a share of `above` over `below` looks like."""
    mixed = (
        round((1 - share) * int(below[at : at + 2], 16) + share * int(above[at : at + 2], 16))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02X}" for part in mixed)

"""Whether a level made by hand can be played at all. Host code."""

import numpy as np

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel

_BLOCKING = (tiles.WALL, tiles.DOOR, tiles.GATE, tiles.BOX)


def check_level(level: GridLevel) -> None:
    """Raise unless a level can be played: one goal, room for it, and an agent that stands somewhere.

    Raises:
        InvalidLevel: naming the field, the rule and the value; rows and columns count from 1.
    """
    tile, size = np.asarray(level.tile), np.asarray(level.size)
    height, width = tile.shape
    if not (1 <= size[0] <= height and 1 <= size[1] <= width):
        raise InvalidLevel("size", f"within the arrays of {height} x {width} cells", size.tolist())
    if not (tile < tiles.KINDS).all():
        raise InvalidLevel("tile", f"codes below {tiles.KINDS}", int(tile.max()))
    own = tile[: size[0], : size[1]]
    if not np.isin(own, _BLOCKING, invert=True).any():
        raise InvalidLevel("tile", "free in at least one cell", "nothing but what blocks")
    start = _check_place("start", level.start, size)
    if tile[start] in _BLOCKING:
        raise InvalidLevel("start", "on a tile that does not block", _tell(tile, start))
    goals = np.argwhere(own == tiles.GOAL).tolist()
    if len(goals) != 1:
        raise InvalidLevel("goal", "the tile of exactly one cell", f"{len(goals)} of them")
    goal = _check_place("goal", level.goal, size)
    if tile[goal] != tiles.GOAL:
        raise InvalidLevel("goal", "where the goal's tile is", _tell(tile, goal))
    if int(level.step_limit) < 1:
        raise InvalidLevel("step_limit", "1 or more", int(level.step_limit))


def _check_place(name: str, place: object, size: np.ndarray) -> tuple[int, int]:
    row, column = np.asarray(place).tolist()
    if not (0 <= row < size[0] and 0 <= column < size[1]):
        raise InvalidLevel(
            name, f"within {size[0]} x {size[1]} cells", f"row {row + 1}, column {column + 1}"
        )
    return row, column


def _tell(tile: np.ndarray, place: tuple[int, int]) -> str:
    return f"{tiles.NAMES[tile[place]]} at row {place[0] + 1}, column {place[1] + 1}"

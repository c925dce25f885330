"""A level as a text map and back: one symbol a cell, the agent shown by its heading.

The symbols are those of `worlds.tiles`; the agent stands on floor. Cells beyond the map are walls, so a map
needs no border, and trailing rows and columns of walls are left out when one is written. Host code.
"""

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.worlds import tiles
from alpha_factory.worlds.decode import SIDE, STEP_LIMIT
from alpha_factory.worlds.level import GridLevel, distance_to_goal

_measure = jax.jit(distance_to_goal)


def to_text(level: GridLevel) -> str:
    """The map of a level, one line a row, without the walls beyond its own size.

    What has no symbol (step limit, rewards, rules) is left out.

    Raises:
        InvalidLevel: the agent stands on something else than floor, which a map has no symbol for.
    """
    tile = np.asarray(level.tile)
    row, column = (int(place) for place in level.start)
    if tile[row, column] != tiles.FLOOR:
        raise InvalidLevel("start", "on a floor tile", tiles.SYMBOLS[tile[row, column]])
    height, width = own_size(level)
    lines = [[tiles.SYMBOLS[kind] for kind in line] for line in tile[:height, :width]]
    lines[row][column] = tiles.HEADING_SYMBOLS[int(level.heading)]
    return "\n".join(map("".join, lines))


def from_text(
    text: str,
    *,
    step_limit: int = STEP_LIMIT,
    dense: float = 0.0,
    trap_odds: float = 1.0,
    trap_penalty: float = 0.0,
    slip: float = 0.0,
    mirror_period: int = 0,
    fog_period: int = 0,
) -> GridLevel:
    """The level that a map shows, with the settings of `GridLevel` that a map can't.

    A level whose goal can't be reached is legal: `worlds.oracle` tells.

    Raises:
        InvalidLevel: naming the field, the rule and the value. Lines and columns count from 1, empty lines
            before the map left out.
    """
    _check_settings(
        step_limit=step_limit,
        dense=dense,
        trap_odds=trap_odds,
        trap_penalty=trap_penalty,
        slip=slip,
        mirror_period=mirror_period,
        fog_period=fog_period,
    )
    lines = text.strip("\r\n").splitlines()
    _check_shape(lines)
    drawn = np.full((SIDE, SIDE), tiles.WALL, np.uint8)
    agents, goals = [], []
    for row, line in enumerate(lines):
        for column, symbol in enumerate(line):
            drawn[row, column] = _read_symbol(symbol, row, column)
            if symbol in tiles.HEADING_SYMBOLS:
                agents.append((row, column))
            elif drawn[row, column] == tiles.GOAL:
                goals.append((row, column))
    start = _the_only("agent", f"shown exactly once, by one of {tiles.HEADING_SYMBOLS}", agents)
    shown_goal = _the_only("goal", f"shown exactly once, by {tiles.SYMBOLS[tiles.GOAL]}", goals)
    tile, goal = jnp.asarray(drawn), jnp.asarray(shown_goal, jnp.int32)
    return GridLevel(
        tile=tile,
        start=jnp.asarray(start, jnp.int32),
        heading=jnp.int32(tiles.HEADING_SYMBOLS.index(lines[start[0]][start[1]])),
        goal=goal,
        distance=_measure(tile, goal),
        step_limit=jnp.int32(step_limit),
        dense=jnp.float32(dense),
        trap_odds=jnp.float32(trap_odds),
        trap_penalty=jnp.float32(trap_penalty),
        slip=jnp.float32(slip),
        mirror_period=jnp.int32(mirror_period),
        fog_period=jnp.int32(fog_period),
    )


def own_size(level: GridLevel) -> tuple[int, int]:
    """Rows and columns of a level without the walls that pad it."""
    is_own = np.asarray(level.tile) != tiles.WALL
    rows, columns = np.flatnonzero(is_own.any(axis=1)), np.flatnonzero(is_own.any(axis=0))
    return int(rows[-1]) + 1, int(columns[-1]) + 1


def _check_shape(lines: list[str]) -> None:
    width = len(lines[0]) if lines else 0
    if not width:
        raise InvalidLevel("map", "at least one row of symbols", "\n".join(lines))
    for number, line in enumerate(lines, start=1):
        if len(line) != width:
            raise InvalidLevel(f"line {number}", f"{width} symbols long, as line 1 is", line)
    if len(lines) > SIDE or width > SIDE:
        raise InvalidLevel(
            "map", f"at most {SIDE} x {SIDE} cells (rows x columns)", f"{len(lines)} x {width}"
        )


def _read_symbol(symbol: str, row: int, column: int) -> int:
    """The code of the tile that a symbol shows; the agent stands on floor."""
    if symbol in tiles.HEADING_SYMBOLS:
        return tiles.FLOOR
    if symbol not in tiles.SYMBOLS:
        known = f"one of {tiles.SYMBOLS} or, for the agent, {tiles.HEADING_SYMBOLS}"
        raise InvalidLevel(f"line {row + 1}, column {column + 1}", known, symbol)
    return tiles.SYMBOLS.index(symbol)


def _the_only(field: str, rule: str, places: list[tuple[int, int]]) -> tuple[int, int]:
    if len(places) != 1:
        where = ", ".join(f"line {row + 1} column {column + 1}" for row, column in places)
        raise InvalidLevel(field, rule, f"{len(places)} times: {where}" if places else "none")
    return places[0]


def _check_settings(**settings: int | float) -> None:
    for name in ("dense", "trap_odds", "trap_penalty", "slip"):
        if not 0.0 <= settings[name] <= 1.0:
            raise InvalidLevel(name, "a number from 0 to 1", settings[name])
    for name, least in (("step_limit", 1), ("mirror_period", 0), ("fog_period", 0)):
        if settings[name] < least:
            raise InvalidLevel(name, f"a whole number from {least} up", settings[name])

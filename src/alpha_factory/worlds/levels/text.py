"""A level as a text map and back: one symbol a cell, the agent shown by its heading.

The symbols are those of `worlds.levels.tiles`; the agent and opponents stand on floor. Cells beyond the
map are walls, so a map needs no border. What a map can't show are settings. Host code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.genome import SLOTS, Rule, parse_rule
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel, Physics, Reward, Rules
from alpha_factory.worlds.levels.settings import Settings, measure_ways, read_settings
from alpha_factory.worlds.levels.walls import SIDE

LARGEST_SIDE = 120
"""Places a little beyond the edge still fit into the signed bytes of `worlds.grid.marks`."""


def from_text(text: str, *, side: int = SIDE, **settings: Any) -> GridLevel:
    """The level that a map shows, with `Settings` by name.

    A level whose goal can't be reached is legal: `worlds.oracle` tells.

    Args:
        side: rows and columns of the arrays, which may be more than those of the map.

    Raises:
        InvalidLevel: naming the field, the rule and the value. Lines and columns count from 1, blank lines
            before the map left out.
        InvalidRule: one of the rules does not parse.
    """
    return _form(jax.device_put(_read(text, side, settings)))


def from_texts(rows: Sequence[tuple[str, Mapping[str, Any]]], *, side: int = SIDE) -> GridLevel:
    """The levels that maps with their settings show, stacked, as `from_text` reads each.

    Raises:
        As `from_text`.
    """
    read = [_read(text, side, settings) for text, settings in rows]
    # Moved to the device at once: an array at a time, hundreds of levels would take seconds.
    return jax.vmap(_form)(jax.device_put(jax.tree.map(lambda *leaves: np.stack(leaves), *read)))


def to_text(level: GridLevel) -> str:
    """The map of a level, one line a row; what it can't show is in `to_settings`.

    Raises:
        InvalidLevel: the agent stands on something else than floor, which a map has no symbol for.
    """
    tile = np.asarray(level.tile)
    row, column = (int(place) for place in level.start)
    if tile[row, column] != tiles.FLOOR:
        raise InvalidLevel("start", "on a floor tile", tiles.SYMBOLS[tile[row, column]])
    height, width = own_size(level)
    lines = [[tiles.SYMBOLS[kind] for kind in line] for line in tile[:height, :width]]
    for symbol, place in _opponent_symbols(level):
        lines[place[0]][place[1]] = symbol
    lines[row][column] = tiles.HEADING_SYMBOLS[int(level.heading)]
    return "\n".join(map("".join, lines))


def split_map(text: str) -> list[str]:
    """The rows of a map; lines of nothing but blanks around them count for nothing."""
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    top = next((at for at, line in enumerate(lines) if line.strip()), 0)
    return lines[top:]


def own_size(level: GridLevel) -> tuple[int, int]:
    """Rows and columns of a level without the walls that pad it."""
    rows, columns = (int(side) for side in level.size)
    return rows, columns


@dataclass(frozen=True)
class _Places:
    """Row and column of what a map shows."""

    agents: list[tuple[int, int]]
    goals: list[tuple[int, int]]
    teleporters: list[tuple[int, int]]
    opponents: list[tuple[tuple[int, int], str]]


def _read(text: str, side: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a level, on the host."""
    chosen = read_settings(settings)
    lines = split_map(text)
    _check_shape(lines, side)
    drawn, places = np.full((side, side), tiles.WALL, np.uint8), _Places([], [], [], [])
    for row, line in enumerate(lines):
        for column, symbol in enumerate(line):
            drawn[row, column] = _read_symbol(symbol, row, column, places)
    start = _the_only(
        "agent", f"shown exactly once, by one of {tiles.HEADING_SYMBOLS}", places.agents
    )
    goal = _the_only("goal", f"shown exactly once, by {tiles.SYMBOLS[tiles.GOAL]}", places.goals)
    if len(places.teleporters) not in (0, 2):
        where = _say_where(places.teleporters)
        raise InvalidLevel("teleporters", "none or two", f"{len(places.teleporters)}: {where}")
    if len(places.opponents) > tiles.OPPONENTS:
        where = _say_where([place for place, _ in places.opponents])
        raise InvalidLevel("opponents", f"at most {tiles.OPPONENTS}", where)
    return _assemble(chosen, drawn, lines, start, goal, places)


def _form(fields: dict[str, Any]) -> GridLevel:
    parts = {
        "physics": Physics(**fields["physics"]),
        "reward": Reward(**fields["reward"]),
        "rules": Rules(*fields["rules"]),
    }
    return GridLevel(**(fields | parts))


def _assemble(
    chosen: Settings,
    drawn: np.ndarray,
    lines: Sequence[str],
    start: tuple[int, int],
    goal: tuple[int, int],
    places: _Places,
) -> dict[str, Any]:
    row, column = np.mgrid[: drawn.shape[0], : drawn.shape[1]]
    by_air = abs(row - goal[0]) + abs(column - goal[1])
    coins = int((drawn == tiles.COIN).sum())
    hinted = int((drawn == tiles.KEY).any()) + int((drawn == tiles.BUTTON).any())
    left = 1.0 - chosen.dense - chosen.coin * coins - chosen.hint * hinted
    if left < 0.0:
        raise InvalidLevel("dense, coin and hint", "at most 1 together", 1.0 - left)
    who = [tiles.OPPONENT_SYMBOLS.index(symbol) for _, symbol in places.opponents]
    empty = tiles.OPPONENTS - len(who)
    kinds = [tiles.CHASER if one == 2 else tiles.PATROL for one in who]
    paces = [chosen.chaser_pace if kind == tiles.CHASER else chosen.patrol_pace for kind in kinds]
    held = [parse_rule(rule) for rule in chosen.rules]
    held += [Rule(0, 0, 0, 0, 0)] * (SLOTS - len(held))
    ways = by_air.astype(np.int16) if chosen.crow else measure_ways(drawn, np.array(goal, np.int32))
    return {
        "tile": drawn,
        "start": np.array(start, np.int32),
        "heading": np.int32(tiles.HEADING_SYMBOLS.index(lines[start[0]][start[1]])),
        "size": np.array([len(lines), len(lines[0])], np.int32),
        "goal": np.array(goal, np.int32),
        "distance": ways,
        "teleport": np.array(places.teleporters or [(0, 0), (0, 0)], np.int32),
        "opponent": np.array(kinds + [tiles.NOBODY] * empty, np.int32),
        "opponent_start": np.array([at for at, _ in places.opponents] + [(0, 0)] * empty, np.int32),
        "opponent_heading": np.array([one % 2 for one in who] + [0] * empty, np.int32),
        "opponent_pace": np.array(paces + [1] * empty, np.int32),
        "step_limit": np.int32(chosen.step_limit),
        "trap_odds": np.float32(chosen.trap_odds),
        "physics": {
            "gravity": np.array(chosen.gravity, np.int32),
            "wind": np.array(chosen.wind, np.int32),
            "drag": np.int32(chosen.drag),
            "friction": np.int32(chosen.friction),
            "restitution": np.int32(chosen.restitution),
            "slip": np.float32(chosen.slip),
        },
        "reward": {
            "goal": np.float32(left),
            "dense": np.float32(chosen.dense),
            "coin": np.float32(chosen.coin),
            "decoy": np.float32(chosen.decoy),
            "hint": np.float32(chosen.hint),
            "step_cost": np.float32(chosen.step_cost),
            "penalty": np.float32(chosen.penalty),
            "is_hidden": np.bool_(chosen.honeypot),
        },
        "rules": tuple(np.array(part, np.int32) for part in zip(*held, strict=True)),
    }


def _opponent_symbols(level: GridLevel) -> list[tuple[str, tuple[int, int]]]:
    shown = []
    for who, place, heading in zip(
        np.asarray(level.opponent).tolist(),
        np.asarray(level.opponent_start).tolist(),
        np.asarray(level.opponent_heading).tolist(),
        strict=True,
    ):
        if who != tiles.NOBODY:
            symbol = tiles.OPPONENT_SYMBOLS[2 if who == tiles.CHASER else heading % 2]
            shown.append((symbol, (place[0], place[1])))
    return shown


def _check_shape(lines: Sequence[str], side: int) -> None:
    width = len(lines[0]) if lines else 0
    if not width:
        raise InvalidLevel("map", "at least one row of symbols", "\n".join(lines))
    for number, line in enumerate(lines, start=1):
        if len(line) < width:
            place = f"line {number}, column {len(line) + 1}"
            rule = f"a symbol, as line 1 has {width} of them"
            raise InvalidLevel(place, rule, "the end of the line")
        if len(line) > width:
            place = f"line {number}, column {width + 1}"
            rule = f"the end of the line, as line 1 has {width} symbols"
            raise InvalidLevel(place, rule, line[width])
    if side > LARGEST_SIDE:
        raise InvalidLevel("side", f"at most {LARGEST_SIDE}", side)
    if len(lines) > side or width > side:
        raise InvalidLevel(
            "map", f"at most {side} x {side} cells (rows x columns)", f"{len(lines)} x {width}"
        )


def _read_symbol(symbol: str, row: int, column: int, places: _Places) -> int:
    """The code of the tile that a symbol shows; the agent and opponents stand on floor."""
    if symbol in tiles.HEADING_SYMBOLS:
        places.agents.append((row, column))
        return tiles.FLOOR
    if symbol in tiles.OPPONENT_SYMBOLS:
        places.opponents.append(((row, column), symbol))
        return tiles.FLOOR
    if symbol not in tiles.SYMBOLS:
        known = (
            f"one of {tiles.SYMBOLS} or, for the agent, {tiles.HEADING_SYMBOLS} or, for opponents, "
            f"{tiles.OPPONENT_SYMBOLS}"
        )
        raise InvalidLevel(f"line {row + 1}, column {column + 1}", known, symbol)
    kind = tiles.SYMBOLS.index(symbol)
    if kind == tiles.GOAL:
        places.goals.append((row, column))
    elif kind == tiles.TELEPORT:
        places.teleporters.append((row, column))
    return kind


def _the_only(what: str, rule: str, places: list[tuple[int, int]]) -> tuple[int, int]:
    if len(places) != 1:
        found = f"{len(places)} times: {_say_where(places)}" if places else "none"
        raise InvalidLevel(what, rule, found)
    return places[0]


def _say_where(places: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"line {row + 1} column {column + 1}" for row, column in places)

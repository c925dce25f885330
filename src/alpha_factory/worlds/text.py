"""A level as a text map and back: one symbol a cell, the agent shown by its heading.

The symbols are those of `worlds.tiles`; the agent and opponents stand on floor. Cells beyond the
map are walls, so a map needs no border. What a map can't show are settings. Host code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.genome import SLOTS, Rule, parse_rule, print_rule
from alpha_factory.worlds import tiles
from alpha_factory.worlds.level import GridLevel, Physics, Reward, Rules
from alpha_factory.worlds.motion import UNIT, WHOLE
from alpha_factory.worlds.reach import find_steps, flood_back
from alpha_factory.worlds.walls import SIDE

LARGEST_SIDE = 120
"""Places a little beyond the edge still fit into the signed bytes of `worlds.marks`."""
_ACCURACY = 6  # decimals of settings that are written

_measure = jax.jit(lambda tile, goal: flood_back(find_steps(tile), goal))


@dataclass(frozen=True)
class Settings:
    """What a map can't show; the defaults are the plain maze."""

    step_limit: int = 250
    dense: float = 0.0
    """Reward paid on the way."""
    coin: float = 0.0
    """Reward for each coin. The goal pays what dense reward, coins and hints leave of 1."""
    decoy: float = 0.0
    """Reward for a decoy."""
    hint: float = 0.0
    """Reward for the first key and, again, for the first button."""
    step_cost: float = 0.0
    penalty: float = 0.0
    """What a trap that fires, lava or an opponent costs."""
    honeypot: bool = False
    """The goal pays in evaluation only."""
    trap_odds: float = 1.0
    gravity: tuple[int, int] = (0, 0)
    """Rows and columns, in 1/16 of a cell, added to the velocity at every step."""
    wind: tuple[int, int] = (0, 0)
    """The same in every other four steps."""
    drag: int = 0
    """Share of the speed lost a step at full speed, in 1/256."""
    friction: int = WHOLE
    """Grip of the legs, in 1/256."""
    restitution: int = 0
    """Speed that a wall gives back, in 1/256."""
    slip: float = 0.0
    """Chance of a push doing nothing."""
    patrol_pace: int = 1
    """Steps for each of a patrol's."""
    chaser_pace: int = 2
    crow: bool = False
    """Dense reward goes by the crow, not by the way."""
    rules: tuple[str, ...] = field(default=())
    """At most four, as `genome.parse_rule` reads them."""


def from_text(text: str, *, side: int = SIDE, **settings: Any) -> GridLevel:
    """The level that a map shows, with `Settings` by name.

    A level whose goal can't be reached is legal: `worlds.oracle` tells.

    Args:
        side: rows and columns of the arrays, which may be more than those of the map.

    Raises:
        InvalidLevel: naming the field, the rule and the value. Lines and columns count from 1, empty lines
            before the map left out.
        InvalidRule: one of the rules does not parse.
    """
    chosen = _read_settings(settings)
    lines = text.strip("\r\n").splitlines()
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


def to_settings(level: GridLevel) -> dict[str, Any]:
    """The settings of a level that differ from the plain maze's, as `from_text` takes them."""
    physics, reward, rules = level.physics, level.reward, level.rules
    paces = {
        int(who): int(pace) for who, pace in zip(level.opponent, level.opponent_pace, strict=True)
    }
    walked = np.asarray(_measure(level.tile, level.goal))
    slots = zip(*(np.asarray(part).tolist() for part in jax.tree.leaves(rules)), strict=True)
    told = [Rule(*codes) for codes in slots]
    found = Settings(
        step_limit=int(level.step_limit),
        **{
            name: round(float(getattr(reward, name)), _ACCURACY)
            for name in ("dense", "coin", "decoy", "hint", "step_cost", "penalty")
        },
        honeypot=bool(reward.is_hidden),
        trap_odds=round(float(level.trap_odds), _ACCURACY),
        gravity=tuple(int(part) for part in physics.gravity),
        wind=tuple(int(part) for part in physics.wind),
        drag=int(physics.drag),
        friction=int(physics.friction),
        restitution=int(physics.restitution),
        slip=round(float(physics.slip), _ACCURACY),
        patrol_pace=paces.get(tiles.PATROL, 1),
        chaser_pace=paces.get(tiles.CHASER, 2),
        crow=not np.array_equal(walked, np.asarray(level.distance)),
        rules=tuple(print_rule(rule) for rule in told if rule.effect),
    )
    plain = Settings()
    values = {one.name: getattr(found, one.name) for one in fields(Settings)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value != getattr(plain, name)
    }


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


def _assemble(
    chosen: Settings,
    drawn: np.ndarray,
    lines: Sequence[str],
    start: tuple[int, int],
    shown_goal: tuple[int, int],
    places: _Places,
) -> GridLevel:
    tile, goal = jnp.asarray(drawn), jnp.asarray(shown_goal, jnp.int32)
    row, column = np.mgrid[: drawn.shape[0], : drawn.shape[1]]
    by_air = abs(row - shown_goal[0]) + abs(column - shown_goal[1])
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
    return GridLevel(
        tile=tile,
        start=jnp.asarray(start, jnp.int32),
        heading=jnp.int32(tiles.HEADING_SYMBOLS.index(lines[start[0]][start[1]])),
        size=jnp.array([len(lines), len(lines[0])], jnp.int32),
        goal=goal,
        distance=jnp.asarray(by_air, jnp.int16) if chosen.crow else _measure(tile, goal),
        teleport=jnp.array(places.teleporters or [(0, 0), (0, 0)], jnp.int32),
        opponent=jnp.array(kinds + [tiles.NOBODY] * empty, jnp.int32),
        opponent_start=jnp.array([at for at, _ in places.opponents] + [(0, 0)] * empty, jnp.int32),
        opponent_heading=jnp.array([one % 2 for one in who] + [0] * empty, jnp.int32),
        opponent_pace=jnp.array(paces + [1] * empty, jnp.int32),
        step_limit=jnp.int32(chosen.step_limit),
        trap_odds=jnp.float32(chosen.trap_odds),
        physics=Physics(
            gravity=jnp.array(chosen.gravity, jnp.int32),
            wind=jnp.array(chosen.wind, jnp.int32),
            drag=jnp.int32(chosen.drag),
            friction=jnp.int32(chosen.friction),
            restitution=jnp.int32(chosen.restitution),
            slip=jnp.float32(chosen.slip),
        ),
        reward=Reward(
            goal=jnp.float32(left),
            dense=jnp.float32(chosen.dense),
            coin=jnp.float32(chosen.coin),
            decoy=jnp.float32(chosen.decoy),
            hint=jnp.float32(chosen.hint),
            step_cost=jnp.float32(chosen.step_cost),
            penalty=jnp.float32(chosen.penalty),
            is_hidden=jnp.bool_(chosen.honeypot),
        ),
        rules=Rules(*(jnp.array(part, jnp.int32) for part in zip(*held, strict=True))),
    )


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
        if len(line) != width:
            raise InvalidLevel(f"line {number}", f"{width} symbols long, as line 1 is", line)
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


def _read_settings(given: Mapping[str, Any]) -> Settings:
    """The settings given, each within its bounds."""
    known = {one.name for one in fields(Settings)}
    for name in given:
        if name not in known:
            raise InvalidLevel(name, f"one of the settings {', '.join(sorted(known))}", given[name])
    chosen = Settings(**given)
    for name in ("dense", "coin", "decoy", "hint", "step_cost", "penalty", "trap_odds", "slip"):
        _check_number(name, getattr(chosen, name), 0, 1)
    for name in ("drag", "friction", "restitution"):
        _check_whole(name, getattr(chosen, name), 0, WHOLE)
    for name in ("step_limit", "patrol_pace", "chaser_pace"):
        _check_whole(name, getattr(chosen, name), 1, None)
    for name in ("gravity", "wind"):
        value = getattr(chosen, name)
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
            raise InvalidLevel(name, "two whole numbers, for rows and columns", value)
        for part in value:
            _check_whole(name, part, -UNIT, UNIT)
    if isinstance(chosen.rules, str) or len(chosen.rules) > SLOTS:
        raise InvalidLevel("rules", f"a list of at most {SLOTS}", chosen.rules)
    return chosen


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidLevel(name, f"a number from {least} to {most}", value)


def _check_whole(name: str, value: Any, least: int, most: int | None) -> None:
    bounds = f"from {least} up" if most is None else f"from {least} to {most}"
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        raise InvalidLevel(name, f"a whole number {bounds}", value)

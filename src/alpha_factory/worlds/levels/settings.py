"""What a map of a level can't show, by name: read, checked, and told apart from the plain maze. Host code."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float32, Int32

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.genome import SLOTS, Rule, print_rule
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import UNIT, WHOLE, GridLevel
from alpha_factory.worlds.levels.reach import find_steps, flood_back

LONGEST_LIMIT = 32_767
"""Steps that an episode may take: the most that 16 bits count."""
SLOWEST_PACE = 255
"""Steps that an opponent may take for each of its own."""

measure_ways = jax.jit(lambda tile, goal: flood_back(find_steps(tile), goal))
"""`measure_ways(tile, goal)`: steps from each cell to the goal, compiled once for all callers."""


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


def read_settings(given: Mapping[str, Any]) -> Settings:
    """The settings given, each within its bounds."""
    known = {one.name for one in fields(Settings)}
    for name in given:
        if name not in known:
            raise InvalidLevel(name, f"one of the settings {', '.join(sorted(known))}", given[name])
    values = vars(Settings()) | {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    for name in ("dense", "coin", "decoy", "hint", "step_cost", "penalty", "trap_odds", "slip"):
        _check_number(name, values[name], 0, 1)
        values[name] = float(values[name])
    for name in ("drag", "friction", "restitution"):
        _check_whole(name, values[name], 0, WHOLE)
    _check_whole("step_limit", values["step_limit"], 1, LONGEST_LIMIT)
    for name in ("patrol_pace", "chaser_pace"):
        _check_whole(name, values[name], 1, SLOWEST_PACE)
    for name in ("gravity", "wind"):
        value = values[name]
        if not isinstance(value, tuple) or len(value) != 2:
            raise InvalidLevel(name, "two whole numbers, for rows and columns", value)
        for part in value:
            _check_whole(name, part, -UNIT, UNIT)
    for name in ("honeypot", "crow"):
        if not isinstance(values[name], bool):
            raise InvalidLevel(name, "true or false", values[name])
    rules = values["rules"]
    is_list = isinstance(rules, tuple) and all(isinstance(rule, str) for rule in rules)
    if not is_list or len(rules) > SLOTS:
        raise InvalidLevel("rules", f"a list of at most {SLOTS}", rules)
    return Settings(**values)


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidLevel(name, f"a number from {least} to {most}", value)


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidLevel(name, f"a whole number from {least} to {most}", value)


def to_settings(level: GridLevel) -> dict[str, Any]:
    """The settings of a level that differ from the plain maze's, as `from_text` takes them."""
    physics, reward, rules = level.physics, level.reward, level.rules
    paces = {
        int(who): int(pace) for who, pace in zip(level.opponent, level.opponent_pace, strict=True)
    }
    walked = np.asarray(measure_ways(level.tile, level.goal))
    slots = zip(*(np.asarray(part).tolist() for part in jax.tree.leaves(rules)), strict=True)
    told = [Rule(*codes) for codes in slots]
    found = Settings(
        step_limit=int(level.step_limit),
        **{
            name: _tell(getattr(reward, name))
            for name in ("dense", "coin", "decoy", "hint", "step_cost", "penalty")
        },
        honeypot=bool(reward.is_hidden),
        trap_odds=_tell(level.trap_odds),
        gravity=_tell_pair(physics.gravity),
        wind=_tell_pair(physics.wind),
        drag=int(physics.drag),
        friction=int(physics.friction),
        restitution=int(physics.restitution),
        slip=_tell(physics.slip),
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


def _tell(number: Float32[Array, ""]) -> float:
    """The number of fewest digits that is this one in 32 bits."""
    return float(str(np.float32(number)))


def _tell_pair(numbers: Int32[Array, "2"]) -> tuple[int, int]:
    rows, columns = (int(part) for part in numbers)
    return rows, columns

"""What of time, chance and the rules matters in a level: host code of the oracle.

A step depends on the time in three ways: by rules whose triggers speak of it, by the wind, and by
the pace of opponents. The last is kept as the clock of a state, time modulo the paces. The others
make a handful of kinds of moments, each shown by one time of that kind; the step limit itself is
kept by the caller, who counts time anyway.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.motion import WIND_STEPS
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import WHOLE, GridLevel
from alpha_factory.worlds.oracle.expand import Relevance

_LAST = 2  # units of time that a step may take, the last one beyond the step limit
_SHOWN_ONLY = (dsl.NOTHING, dsl.FOG, dsl.DARK, dsl.SQUINT, dsl.FORGET)
_NEEDS = {
    dsl.LIFT: (tiles.GATE,),
    dsl.SHUT: (tiles.GATE,),
    dsl.JAM: (tiles.DOOR,),
    dsl.ARM: (tiles.TRAP,),
    dsl.DISARM: (tiles.TRAP,),
    dsl.RETURN: tuple(range(tiles.CONVEYOR, tiles.KINDS)),
    dsl.HALT: tuple(range(tiles.CONVEYOR, tiles.KINDS)),
    dsl.CHILL: (tiles.LAVA,),
    dsl.GLOOM: (tiles.COIN,),
    dsl.WEIGH: (tiles.BOX,),
    dsl.UNPLUG: (tiles.TELEPORT,),
}
"""Kinds of tile without which an effect changes nothing."""
_OF_OPPONENTS = (dsl.CALM, dsl.HURRY, dsl.FLEE, dsl.PEACE)


class Moments(NamedTuple):
    """The kinds of moments of one level."""

    period: int  # of the clock
    kind: np.ndarray  # [time]: which of the kinds of its clock each time is of
    times: tuple[np.ndarray, ...]  # [clock][kind]: a time of that kind
    is_double: bool  # a step may count as two


class Odds(NamedTuple):
    """What a step leaves to chance, by case of a push (slips or not) and of a trap (fires or not)."""

    slips: tuple[float, ...]  # chances of not slipping and of slipping
    traps: tuple[int, ...]  # the cases that occur: 0 doesn't fire, 1 does
    springs: tuple[float, ...]  # their chances

    @property
    def is_certain(self) -> bool:
        """Nothing is left to chance."""
        return len(self.slips) == 1 and len(self.springs) == 1


def hush(level: GridLevel) -> GridLevel:
    """The level without the rules that can't change what happens in it.

    Args:
        level: arrays of numpy.
    """
    present = np.bincount(level.tile.ravel(), minlength=tiles.KINDS) > 0
    is_idle = [
        _is_idle(level, present, int(trigger), int(effect))
        for trigger, effect in zip(level.rules.trigger, level.rules.effect, strict=True)
    ]
    rules = jax.tree.map(lambda part: np.where(is_idle, 0, part).astype(np.int32), level.rules)
    return eqx.tree_at(lambda level: level.rules, level, rules)


def strip_coins(level: GridLevel, *, is_free: bool) -> GridLevel | None:
    """The level with floor for coins, or None if coins do more than pay.

    A coin is floor to all but a box, which is not pushed onto it, and a rule that names it.

    Args:
        level: hushed.
        is_free: coins that pay something count as well.
    """
    is_named = (level.rules.where == tiles.COIN) & np.isin(
        level.rules.trigger, (dsl.ON, dsl.ENTERING)
    )
    has_box = bool(np.any(level.tile == tiles.BOX))
    if is_named.any() or has_box or (float(level.reward.coin) > 0 and not is_free):
        return None
    tile = np.where(level.tile == tiles.COIN, tiles.FLOOR, level.tile).astype(np.uint8)
    return eqx.tree_at(lambda level: level.tile, level, tile)


def find_moments(level: GridLevel) -> Moments:
    """The kinds of moments of a hushed level."""
    limit = max(int(level.step_limit), 1)
    time = np.arange(limit)
    marks = []
    if level.physics.wind.any():
        marks.append(time // WIND_STEPS % 2 == 1)
    for slot in range(len(level.rules.trigger)):
        count = max(int(level.rules.number[slot]), 1)
        marks += {
            dsl.EVERY: [time % count == count - 1],
            dsl.TURNS: [time // count % 2 == 1],
            dsl.FROM: [time >= count],
            dsl.UNTIL: [time < count],
            dsl.LAST: [time >= limit - count],
        }.get(int(level.rules.trigger[slot]), [])
    signature = sum((mark.astype(np.int64) << bit for bit, mark in enumerate(marks)), 0 * time)
    is_there = level.opponent != tiles.NOBODY
    paces = [max(int(pace), 1) for pace in level.opponent_pace[is_there]]
    # However long the paces take to fall together again, no episode lasts longer.
    period = min(math.lcm(1, *paces), limit + _LAST)
    kind, times = np.zeros(limit, np.int32), []
    for clock in range(period):
        _, first, which = np.unique(
            signature[clock::period], return_index=True, return_inverse=True
        )
        kind[clock::period] = which
        # A clock beyond the limit has no times: no step starts there.
        times.append((clock + period * first).astype(np.int32))
    return Moments(period, kind, tuple(times), bool(np.any(level.rules.effect == dsl.WARP)))


def unroll(moments: Moments) -> Moments:
    """The same with a longer clock, each of whose times is of one kind."""
    limit = len(moments.kind)
    by_clock = moments.kind
    period = moments.period
    # Kinds are numbered by clock, so the whole pattern repeats once clocks and kinds do.
    while period < limit and not np.array_equal(by_clock[period:], by_clock[:-period]):
        period += moments.period
    if period >= limit or moments.is_double:
        # The whole time, and what a last step may take beyond it, where no step starts.
        period = limit + _LAST
        times = [np.array([time] if time < limit else [], np.int32) for time in range(period)]
        return Moments(period, np.zeros(limit, np.int32), tuple(times), moments.is_double)
    times = [np.array([time], np.int32) for time in range(period)]
    return Moments(period, np.zeros(limit, np.int32), tuple(times), moments.is_double)


def find_odds(level: GridLevel) -> Odds:
    """What is left to chance in a hushed level; what can't happen has no case."""
    slip, trap = _chance(level.physics.slip), _chance(level.trap_odds)
    if not np.any(level.tile == tiles.TRAP):
        trap = 0.0
    cases = {0: 1.0 - trap, 1: trap}
    traps = tuple(case for case, chance in cases.items() if chance > 0)
    return Odds(
        # A push that always slips is rare enough to keep the case that it doesn't, at chance 0.
        slips=(1.0 - slip, slip) if slip > 0 else (1.0,),
        traps=traps,
        springs=tuple(cases[case] for case in traps),
    )


def find_relevance(level: GridLevel, moments: Moments, controls: str) -> dict[str, Any]:
    """The fields of `Relevance` for a hushed level."""
    trigger, effect = level.rules.trigger, level.rules.effect
    is_turning = bool(np.any(trigger == dsl.TURNING) or np.any(effect == dsl.STIFF))
    return {
        "velocity": int(level.physics.friction) != WHOLE or bool(np.any(effect == dsl.GLAZE)),
        "heading": controls != "compass" or is_turning,
        "is_open": bool(np.any(level.tile == tiles.GATE) or np.any(trigger == dsl.OPEN)),
        "has_pressed": float(level.reward.hint) != 0,
        "period": moments.period,
    }


def stack_relevance(found: list[dict[str, Any]]) -> Relevance:
    """Those of several levels together."""
    period = jnp.array([one["period"] for one in found], jnp.int32)
    truths = {
        name: jnp.array([one[name] for one in found], bool) for name in found[0] if name != "period"
    }
    return Relevance(**truths, period=period)


def _chance(share: Any) -> float:
    """The chance that a number drawn by `jax.random.uniform`, which has 23 bits, is below a share."""
    return min(max(math.ceil(float(share) * 2**23) / 2**23, 0.0), 1.0)


def _is_idle(level: GridLevel, present: np.ndarray, trigger: int, effect: int) -> bool:
    if trigger == dsl.NEVER or effect in _SHOWN_ONLY:
        return True
    if effect in _NEEDS and not present[list(_NEEDS[effect])].any():
        return True
    if effect in _OF_OPPONENTS and not np.any(level.opponent != tiles.NOBODY):
        return True
    return (
        (effect == dsl.FLEE and not np.any(level.opponent == tiles.CHASER))
        or (effect == dsl.FLIP and not level.physics.gravity.any())
        or (effect == dsl.DROP and not level.physics.wind.any())
        or (effect == dsl.TOLL and float(level.reward.step_cost) == 0.0)
    )

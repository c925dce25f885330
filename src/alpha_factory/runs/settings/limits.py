"""What settings may be: a config in; nothing out, or what is wrong with it and the nearest that works."""

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.curriculum import PARENTS_BY, PRIORITISATIONS
from alpha_factory.learn import FISHER_AT_A_TIME
from alpha_factory.nets import MEMORIES
from alpha_factory.runs.settings.config import (
    EMBEDDING,
    FIXED,
    MUZERO,
    PATA_EC,
    POET,
    PPO,
    RANDOM,
    RunConfig,
)
from alpha_factory.runs.settings.replay import count_rows
from alpha_factory.runs.settings.text import list_settings
from alpha_factory.worlds import NUMBERS_OF_WALLS


class Limit(NamedTuple):
    """Values that a setting can have, whatever the others are."""

    words: str  # what to give instead
    is_met: Callable[[Any], bool]  # False for NaN


MAZE_SIDE = 13
"""Cells a side of the mazes that selectors choose from, as in the field's benchmark."""
MAZE, FRUITS = "maze", "fruits"
"""What selectors choose levels of."""
DRIFTS = ("clip", "dpo")
GENERATORS = ("walls", "empty")

_SIZE = Limit("1 or more", lambda value: value >= 1)
_SIZES = Limit("sizes of 1 or more", lambda value: all(size >= 1 for size in value))
_BINS = Limit("2 or more", lambda value: value >= 2)
_FINITE = Limit("a finite number", math.isfinite)
_POSITIVE = Limit("a finite number above 0", lambda value: 0 < value < math.inf)
_TEMPERATURE = Limit(
    "a number above 0 whose inverse is finite", lambda value: value > 0 and 1 / value < math.inf
)
_WEIGHT = Limit("0 or a finite number above it", lambda value: 0 <= value < math.inf)
_SHARE = Limit("0 to 1", lambda value: 0 <= value <= 1)
_DISCOUNT = Limit("a number above 0, and 1 at most", lambda value: 0 < value <= 1)
_RANGE = Limit(
    "a finite number and a greater one", lambda value: -math.inf < value[0] < value[1] < math.inf
)
_BELOW_ALL = Limit("a number below 1", lambda value: -math.inf < value < 1)
_ABOVE_NONE = Limit("a number above 0", lambda value: 0 < value < math.inf)

LIMITS: dict[str, Limit] = {
    "network.widths": _SIZES,
    "network.bins": _BINS,
    "network.value_scale": _POSITIVE,
    "search.depth": _SIZE,
    "search.value_range": _RANGE,
    "search.c_scale": _WEIGHT,
    "search.logit_noise": _WEIGHT,
    "learning.discount": _DISCOUNT,
    "learning.learning_rate": _POSITIVE,
    "learning.final_share": _SHARE,
    "learning.weight_decay": _WEIGHT,
    "learning.clip": _POSITIVE,
    "learning.reward_weight": _WEIGHT,
    "learning.alpha": _WEIGHT,
    "learning.beta": _SHARE,
    "learning.reanalyse": _SHARE,
    "learning.ewc_weight": _WEIGHT,
    "learning.ewc_decay": _SHARE,
    "curriculum.pace": _POSITIVE,
    "curriculum.lowest": _BELOW_ALL,
    "curriculum.highest": _ABOVE_NONE,
    "curriculum.novelty_weight": _SHARE,
    "curriculum.frontier_rate": _SHARE,
    "curriculum.transfer_margin": _FINITE,
    "curriculum.transfer_share": _SHARE,
    "curriculum.honeypot_every": _SIZE,
    "curriculum.honeypot_margin": _SHARE,
    "curriculum.honeypot_weight": _DISCOUNT,
    "ppo.annealed_over": _SIZE,
    "ppo.learning_rate": _POSITIVE,
    "ppo.discount": _DISCOUNT,
    "ppo.trace": _SHARE,
    "ppo.clip": _POSITIVE,
    "ppo.entropy": _WEIGHT,
    "ppo.value": _WEIGHT,
    "ppo.gradient_clip": _POSITIVE,
    "levels.odds": _SHARE,
    "levels.walls": _SIZE,
    "levels.slots": _SIZE,
    "levels.replay": _SHARE,
    "levels.fill": _SHARE,
    "levels.temperature": _TEMPERATURE,
    "levels.staleness": _SHARE,
    "levels.edits": _SIZE,
    "levels.parents": _SIZE,
    "levels.kept": _SIZE,
    "levels.scouted": _SIZE,
    "levels.scout_steps": _SIZE,
    "levels.practised": _SIZE,
    "levels.share": _SHARE,
    "levels.builder_rate": _POSITIVE,
    "levels.builder_entropy": _WEIGHT,
    "levels.builder_discount": _DISCOUNT,
    "levels.builder_trace": _SHARE,
    "levels.builder_clip": _POSITIVE,
    "levels.builder_epochs": _SIZE,
    "levels.builder_minibatches": _SIZE,
    "playback.cycles": _SIZE,
    "budget.minutes": _POSITIVE,
    "budget.frames": _SIZE,
    "budget.closing_s": _WEIGHT,
}
"""By name. A whole number that is not here is a size: 1 or more. None, where it is allowed, is within all of them."""


def check_limits(config: RunConfig) -> None:
    """Raise unless every setting is within its limits and goes with the others.

    What only a network can tell (of names, and of sizes that must divide) it checks itself.

    Raises:
        UsageError: one is not; the message names it, its value and what works.
    """
    for name, kind in list_settings(config).items():
        limit = LIMITS.get(name, _SIZE if kind is int else None)
        value = operator.attrgetter(name)(config)
        if limit and value is not None and not limit.is_met(value):
            raise UsageError(f"{name}={value} is out of its limits: give {limit.words}.")
    for check in _CHECKS:
        check(config)


def _check_steps(config: RunConfig) -> None:
    learning, window = config.learning, _window(config)
    if learning.steps < window:
        raise UsageError(
            f"learning.steps={learning.steps} is too few: unroll={learning.unroll} and "
            f"horizon={learning.horizon} draw sequences of {window} rows, and the first "
            f"updates come after that many steps. Set learning.steps={window} or more."
        )


def _check_slots(config: RunConfig) -> None:
    learning, window = config.learning, _window(config)
    slots, steps = learning.replay_slots, learning.steps
    over, least = slots % steps, steps + window
    if over or slots < least:
        # With steps that hold a sequence, twice as many hold it beside those that are written.
        near = [fit for fit in (slots - over, slots - over + steps) if fit >= least] or [2 * steps]
        raise UsageError(
            f"learning.replay_slots={slots} does not do: it must be a multiple of "
            f"learning.steps={steps}, which are written at a time, and hold them beside a "
            f"sequence of {window} rows. Make it {' or '.join(map(str, near))}."
        )


def _check_batch(config: RunConfig) -> None:
    batch, (rows, why) = config.learning.batch, count_rows(config)
    if config.learner == MUZERO and batch > rows:
        raise UsageError(
            f"learning.batch={batch} is larger than the replay buffer: {why} are {rows} rows. "
            "Lower the first or raise one of the others."
        )


def _check_balance(config: RunConfig) -> None:
    learning, is_pool = config.learning, config.curriculum.name == POET
    if config.learner != MUZERO or not learning.balance:
        return
    # In a pool all worlds that left count as one more.
    worlds = config.curriculum.slots + 1 if is_pool else config.levels.lanes
    least, name = math.isqrt(worlds - 1) + 1, "curriculum.slots" if is_pool else "levels.lanes"
    if learning.batch < least:
        raise UsageError(
            f"learning.batch={learning.batch} has no room for the {least} worlds that a balanced one comes from: the "
            f"root of as many as {name}={operator.attrgetter(name)(config)} allow. Set learning.batch={least} or more, "
            "or learning.balance=false."
        )


def _check_share(config: RunConfig) -> None:
    share, batch = config.learning.reanalyse, config.learning.batch
    if share and not round(share * batch):
        raise UsageError(
            f"learning.reanalyse={share} of learning.batch={batch} comes to no sequence. "
            f"Give {1 / batch:.3g} or more, or 0 for none."
        )


def _check_ewc(config: RunConfig) -> None:
    learning = config.learning
    over = learning.ewc_sequences % FISHER_AT_A_TIME
    if learning.ewc_weight and over:
        down = learning.ewc_sequences - over
        near = [str(fit) for fit in (down, down + FISHER_AT_A_TIME) if fit]
        raise UsageError(
            f"learning.ewc_sequences={learning.ewc_sequences} is no multiple of "
            f"{FISHER_AT_A_TIME} ({over} left over). Make it {' or '.join(near)}."
        )


def _check_bar(config: RunConfig) -> None:
    lowest, highest = config.curriculum.lowest, config.curriculum.highest
    if lowest >= highest:
        raise UsageError(
            f"curriculum.lowest={lowest} is not below curriculum.highest={highest}: no world that "
            "is solved more often than the first and less than the second could live. "
            "Lower the first or raise the second."
        )


def _check_growth(config: RunConfig) -> None:
    curriculum = config.curriculum
    if curriculum.growth == FIXED and curriculum.mutator != RANDOM:
        raise UsageError(
            f"curriculum.growth={FIXED} chooses among fresh worlds, and curriculum.mutator={curriculum.mutator} makes "
            f"children of those that live. Set curriculum.mutator={RANDOM}."
        )


def _check_novelty(config: RunConfig) -> None:
    curriculum = config.curriculum
    if curriculum.remembered < curriculum.accepted:
        raise UsageError(
            f"curriculum.remembered={curriculum.remembered} is less than curriculum.accepted="
            f"{curriculum.accepted}: the worlds of a cycle would not all be remembered. "
            f"Set curriculum.remembered={curriculum.accepted} or more."
        )
    if curriculum.novelty == PATA_EC and curriculum.agents < 2:
        raise UsageError(
            f"curriculum.novelty={PATA_EC} compares agents, and curriculum.agents={curriculum.agents}. "
            "Set curriculum.agents=2 or more."
        )


def _check_names(config: RunConfig) -> None:
    for name, value, choices in (
        ("curriculum.growth", config.curriculum.growth, (POET, RANDOM, FIXED)),
        ("curriculum.novelty", config.curriculum.novelty, (EMBEDDING, PATA_EC)),
        ("ppo.memory", config.ppo.memory, MEMORIES),
        ("ppo.drift", config.ppo.drift, DRIFTS),
        ("levels.world", config.levels.world, (MAZE, FRUITS)),
        ("levels.generator", config.levels.generator, GENERATORS),
        ("levels.number", config.levels.number, NUMBERS_OF_WALLS),
        ("levels.prioritisation", config.levels.prioritisation, PRIORITISATIONS),
        ("levels.parents_by", config.levels.parents_by, PARENTS_BY),
    ):
        if value is not None and value not in choices:
            raise unknown(name, value, choices)


def _check_walls(config: RunConfig) -> None:
    walls, is_fruity = config.levels.walls, config.levels.world == FRUITS
    most, rest = (3, "both fruits") if is_fruity else (2, "the goal")
    if walls is not None and walls > MAZE_SIDE**2 - most:
        raise UsageError(
            f"levels.walls={walls} in a maze of {MAZE_SIDE} x {MAZE_SIDE} cells: from 1 to "
            f"{MAZE_SIDE**2 - most} leave room for the agent and {rest}."
        )


def _check_regret(config: RunConfig) -> None:
    if config.levels.world == FRUITS and config.levels.score == "regret":
        raise UsageError(
            "levels.score=regret knows the best return of plain mazes only, not of levels.world=fruits. "
            "Give another score."
        )


def _check_minibatches(config: RunConfig) -> None:
    lanes, minibatches = config.levels.lanes, config.ppo.minibatches
    if over := lanes % minibatches:
        near = [str(fit) for fit in (lanes - over, lanes - over + minibatches) if fit]
        raise UsageError(
            f"ppo.minibatches={minibatches} do not divide levels.lanes={lanes} ({over} left over): sequences "
            f"are learned from as a whole. Make the lanes {' or '.join(near)}."
        )


def _check_rounds(config: RunConfig) -> None:
    """What MuZero needs of rounds."""
    if config.curriculum.name == POET or config.learner != MUZERO:
        return
    learning, window = config.learning, _window(config)
    if config.levels.steps < window:
        raise UsageError(
            f"levels.steps={config.levels.steps} is too few: unroll={learning.unroll} and "
            f"horizon={learning.horizon} draw sequences of {window} rows, and none goes on from a round to the next. "
            f"Set levels.steps={window} or more."
        )
    if learning.ewc_weight:
        raise UsageError(
            f"learning.ewc_weight={learning.ewc_weight} holds what worlds taught that leave {POET}'s pool; "
            f"{config.curriculum.name} has none. Set learning.ewc_weight=0."
        )


def _check_consolidation(config: RunConfig) -> None:
    weight = config.learning.ewc_weight
    if weight and config.learner == PPO and config.curriculum.name == POET:
        raise UsageError(
            f"learning.ewc_weight={weight} is not used: with --learner {PPO}, nothing holds what worlds taught that "
            "leave the pool. Set learning.ewc_weight=0."
        )


_CHECKS = (
    _check_steps,
    _check_slots,
    _check_batch,
    _check_balance,
    _check_share,
    _check_ewc,
    _check_bar,
    _check_names,
    _check_growth,
    _check_novelty,
    _check_walls,
    _check_regret,
    _check_minibatches,
    _check_rounds,
    _check_consolidation,
)


def _window(config: RunConfig) -> int:
    """Rows that one drawn sequence takes (`learn.Recipe.window`)."""
    return config.learning.unroll + config.learning.horizon + 1

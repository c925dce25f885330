"""What a run keeps of the worlds it knew: its looks in, the matrix of solve rates and its sums out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from alpha_factory.evaluate import bootstrap_interval
from alpha_factory.records import Retirement, WorldLook

FEWEST = 5
"""Worlds from which on something is said of all; the interval of fewer means nothing."""


class Retention(NamedTuple):
    """Solve rates (worlds × time) of the policy head alone; worlds in the order in which they joined."""

    world: Int[np.ndarray, " worlds"]
    cycle: Int[np.ndarray, " times"]  # at whose end the panel was played
    frames: Int[np.ndarray, " times"]  # env steps of the run by then
    solved: Float[np.ndarray, "times worlds"]  # NaN where a world was not on the panel
    untrained: Float[np.ndarray, " worlds"]  # before all training; NaN: unknown
    left: Float[np.ndarray, " worlds"]  # cycle in which it left the pool; inf: it lives

    @property
    def joined(self) -> Int[np.ndarray, " worlds"]:
        """The number of the look at which each world joined."""
        return np.argmax(np.isfinite(self.solved), axis=0)

    @property
    def is_present(self) -> Bool[np.ndarray, " worlds"]:
        """Which worlds are on the panel at the last look."""
        return np.isfinite(self.solved[-1])


class Estimate(NamedTuple):
    """A mean over worlds."""

    mean: float
    low: float  # ends of its 95 % interval, a bootstrap over worlds
    high: float
    worlds: int


def make_retention(looks: Sequence[WorldLook], retirements: Sequence[Retirement]) -> Retention:
    """The matrix of a run's looks, in the order in which they were taken; at least one."""
    row = {cycle: at for at, cycle in enumerate(dict.fromkeys(look.cycle for look in looks))}
    column = {world: at for at, world in enumerate(dict.fromkeys(look.world for look in looks))}
    solved = np.full((len(row), len(column)), np.nan)
    untrained = np.full(len(column), np.nan)
    left = np.full(len(column), np.inf)
    frames = np.zeros(len(row), int)
    for look in looks:
        solved[row[look.cycle], column[look.world]] = look.solve_rate
        frames[row[look.cycle]] = look.frames
        if look.untrained is not None:
            untrained[column[look.world]] = look.untrained
    for gone in retirements:
        if gone.world in column:
            left[column[gone.world]] = gone.cycle
    return Retention(np.array([*column]), np.array([*row]), frames, solved, untrained, left)


def sum_up(kept: Retention) -> dict[str, Estimate]:
    """The usual numbers (Lopez-Paz and Ranzato 2017), as far as there are `FEWEST` worlds for them.

    As `Remembered.sum_up` has them, where a world's phase ends when it leaves the pool.

    Returns:
        Of the worlds on the panel at the last look that left the pool before it, and that were
        played between joining and leaving: `learned`, the solve rate at the last look before they
        left or in the cycle in which they did; `retired`, at the last look of all; `forgetting`, the
        first less the second. What was learned between a look and leaving is in none of them.

        Of all worlds that ever joined: `joined`, the rate at the look at which they did, before
        anything was trained on them; `untrained`, that of the model before all training;
        `forward_transfer`, the first less the second. A world joins because the agent already
        solves some of its episodes, but others than those counted here.
    """
    each = np.arange(len(kept.world))
    # The last look at which a world still lived in the pool, or had just left it.
    own = np.sum(kept.cycle[:, None] <= kept.left, axis=0) - 1
    is_past = kept.is_present & (kept.cycle[-1] > kept.left) & (own > kept.joined)
    learned, retired = kept.solved[own, each][is_past], kept.solved[-1][is_past]
    is_new = np.isfinite(kept.untrained)
    joined, untrained = kept.solved[kept.joined, each][is_new], kept.untrained[is_new]
    by_world = {
        "learned": learned,
        "retired": retired,
        "forgetting": learned - retired,
        "joined": joined,
        "untrained": untrained,
        "forward_transfer": joined - untrained,
    }
    return {name: _estimate(rates) for name, rates in by_world.items() if rates.size >= FEWEST}


def _estimate(rates: Float[np.ndarray, " worlds"]) -> Estimate:
    return Estimate(float(rates.mean()), *bootstrap_interval(rates), rates.size)

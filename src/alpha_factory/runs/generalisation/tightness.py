"""How far the bound is from what it bounds: the gap to the best play, on worlds of training and on others (B.5)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.evaluate import Scorer, Suite, bootstrap_interval, discount_rewards
from alpha_factory.nets import Model
from alpha_factory.runs.build import derive_key, make_policy
from alpha_factory.runs.judging.optima import find_best
from alpha_factory.runs.machine.memory import estimate_play
from alpha_factory.runs.machine.shortage import explain_shortage
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.worlds import GridLevel, make_grid

MOST = 1.0
"""What no episode pays more than, nor less than its opposite (`worlds.levels.level.Reward`)."""

_LANES = 256
"""Levels played side by side."""


def play_discounted(
    config: RunConfig, model: Model, suite: Suite, *, episodes: int, seed: int
) -> np.ndarray:
    """The mean discounted return on each level, played as `evaluate` does.

    Raises:
        OutOfMemory: the device's memory did not suffice.
        AlphaFactoryError: a return is not finite.
    """
    world = discount_rewards(make_grid(pays_hidden=True), config.learning.discount)
    scorer = Scorer(world, make_policy(config), lanes=_LANES)
    with explain_shortage(
        f"play {suite.name}",
        lambda: estimate_play(config, model, world, suite.levels, lanes=_LANES),
    ):
        played = scorer.score(
            model, suite.levels, episodes=episodes, key=derive_key(seed, "bound", 1)
        )
    by_level = played.total.mean(axis=1, dtype=float)
    if not np.isfinite(by_level).all():
        name = suite.names[int(np.argmin(np.isfinite(by_level)))]
        raise AlphaFactoryError(
            f"A return on level {name} is not finite: no gap can be told of it."
        )
    return by_level


def compare_with_optimum(
    levels: GridLevel,
    received: np.ndarray,
    *,
    discount: float,
    pays_hidden: bool,
    states: int,
    cache: Path | None,
    warned: Callable[[str], None],
) -> dict[str, Any]:
    """The gap between the best play and what was received, as `tell_gap` tells it.

    Args:
        levels: stacked.
        received: mean discounted return on each.
        states: that the oracle looks at in a level before it gives up.
        cache: folder of its answers; None for none.
    """
    best = find_best(
        jax.device_get(levels),
        states=states,
        cache=cache,
        warned=warned,
        discount=discount,
        pays_hidden=pays_hidden,
    )
    known = [np.nan if one is None else one for one in best["optimal_return"]]
    return tell_gap(np.array(known, float), received)


def tell_gap(best: np.ndarray, received: np.ndarray) -> dict[str, Any]:
    """Δ = |J* - J| over worlds, and of each world.

    Args:
        best: greatest return of each world; NaN where it is not known.
        received: shape `worlds`, as `best`.

    Returns:
        `worlds`; `known`, of how many the best is known. Over these `optimum` and `received`, the means, and `gap`,
        what they are apart, with the ends `low` and `high` of its 95 % bootstrap interval over worlds; None where none
        is known. `gap_worst`, the greatest |J*_j - J_j| of any world, of those not known what it is at most: no return
        exceeds 1. `by_world`, each world's, None where it is not known.
    """
    is_known = np.isfinite(best)
    apart = best[is_known] - received[is_known]
    at_most = np.where(is_known, np.abs(np.where(is_known, best, 0) - received), MOST - received)
    told: dict[str, Any] = {"worlds": best.size, "known": int(is_known.sum())}
    told |= dict.fromkeys(("optimum", "received", "gap", "low", "high"))
    if apart.size:
        low, high = bootstrap_interval(apart)
        ends = sorted((abs(low), abs(high)))
        told |= {
            "optimum": float(best[is_known].mean()),
            "received": float(received[is_known].mean()),
            "gap": abs(float(apart.mean())),
            "low": 0.0 if low < 0 < high else ends[0],
            "high": ends[1],
        }
    return told | {
        "gap_worst": float(at_most.max()),
        "by_world": [
            float(gap) if one else None
            for one, gap in zip(is_known, np.abs(best - received), strict=True)
        ],
    }

"""What a set of episodes says: means, their uncertainty, and the tail."""

from typing import Any

import numpy as np

_RESAMPLES = 10_000
_CONFIDENCE = 0.95
_TAIL = 0.1


def summarise(is_solved: np.ndarray, total: np.ndarray, *, seed: int = 0) -> dict[str, Any]:
    """The numbers that `evaluate` prints for one policy.

    Args:
        is_solved: episodes solved, shape `levels episodes`.
        total: their returns, same shape.
        seed: of the bootstrap.

    Returns:
        `solve_rate` with the ends `low` and `high` of its 95 % bootstrap interval, `cvar_10` (mean
        solve rate of the worst tenth of the levels) and `return_mean`.
    """
    by_level = is_solved.mean(axis=1)
    low, high = bootstrap_interval(by_level, seed=seed)
    return {
        "solve_rate": float(by_level.mean()),
        "low": low,
        "high": high,
        "cvar_10": conditional_value_at_risk(by_level, _TAIL),
        "return_mean": float(total.mean()),
    }


def bootstrap_interval(by_level: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean, resampling levels (Efron 1979)."""
    generator = np.random.default_rng(seed)
    picks = generator.integers(0, by_level.size, (_RESAMPLES, by_level.size))
    means = by_level[picks].mean(axis=1)
    outside = (1.0 - _CONFIDENCE) / 2
    low, high = np.quantile(means, (outside, 1.0 - outside))
    return float(low), float(high)


def conditional_value_at_risk(by_level: np.ndarray, tail: float) -> float:
    """Mean of the worst share `tail` of the levels, at least one.

    The levels are chosen by the same episodes that score them, so with few episodes a level this
    reads too low; it is the same for every policy compared.
    """
    count = max(1, round(tail * by_level.size))
    return float(np.sort(by_level)[:count].mean())

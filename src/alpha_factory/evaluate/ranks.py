"""Do two numbers order levels alike, and what stands at the top of an order: arrays of one entry a level in."""

import math

import numpy as np


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation: Pearson's of the places by value, those that tie sharing the mean of theirs.

    Returns:
        A number from -1 to 1; NaN where one of them is the same for all levels, so that it orders nothing.

    Raises:
        ValueError: they are not of the same levels, or one of them is NaN somewhere; infinite ones have a place.
    """
    if one.shape != other.shape or one.ndim != 1 or not one.size:
        raise ValueError(
            f"Shapes {one.shape} and {other.shape}; wanted one number a level in both."
        )
    left, right = (_place(values) - (values.size + 1) / 2 for values in (one, other))
    spread = math.sqrt(float(left @ left) * float(right @ right))
    return float(left @ right) / spread if spread else math.nan


def top_share(values: np.ndarray, is_meant: np.ndarray, *, top: float) -> float:
    """Of the levels with the highest values, a share `top` of all and at least one, the share that is meant.

    Those that tie at the edge count alike, which is the mean over all orders of them.

    Raises:
        ValueError: they are not of the same levels, or a value is NaN.
    """
    if values.shape != is_meant.shape or values.ndim != 1 or not values.size:
        raise ValueError(
            f"Shapes {values.shape} and {is_meant.shape}; wanted one entry a level in both."
        )
    _check_known(values)
    chosen = max(1, round(top * values.size))
    edge = np.sort(values)[-chosen]
    is_above, is_tied = values > edge, values == edge
    left = chosen - int(is_above.sum())
    return float((is_meant[is_above].sum() + left * is_meant[is_tied].mean()) / chosen)


def _place(values: np.ndarray) -> np.ndarray:
    """1 for the lowest."""
    _check_known(values)
    _, kind, number = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(number) - (number - 1) / 2)[kind]


def _check_known(values: np.ndarray) -> None:
    if np.isnan(values).any():
        level = int(np.flatnonzero(np.isnan(values))[0])
        raise ValueError(f"The value of level {level} is NaN, which has no place in an order.")

"""The interquartile mean: what runs do on the tasks that are neither their best nor their worst."""

import numpy as np

from alpha_factory.evaluate.bootstrap import check_scores

_TRIMMED = 0.25


def interquartile_mean(scores: np.ndarray) -> float:
    """Mean of the middle half of all scores, runs and tasks together.

    IQM = mean of x_(k+1) … x_(n-k), with x sorted and k = ⌊n / 4⌋ (Agarwal et al. 2021, §4.3; rliable's
    `aggregate_iqm`, as published): less easily moved by outliers than the mean, and less wasteful than the median.

    Args:
        scores: shape `runs tasks`.

    Raises:
        ValueError: as `check_scores` does.
    """
    flat = check_scores(scores).ravel()
    trimmed = int(_TRIMMED * flat.size)
    kept = np.partition(flat, (trimmed, flat.size - trimmed - 1))[trimmed : flat.size - trimmed]
    return float(kept.mean())

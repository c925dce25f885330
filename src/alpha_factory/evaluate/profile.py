"""Performance profiles: for each score, the share of runs and tasks that get more."""

import numpy as np

from alpha_factory.evaluate.bootstrap import check_scores


def performance_profile(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The share of all scores, runs and tasks together, that lie above each threshold.

    F(τ) = 1/(N M) Σ_n Σ_m 1[x_nm > τ] (Agarwal et al. 2021, §4.2, the score distribution; rliable's
    `run_score_deviation`, as published). Of two curves the higher one is better; where they cross, neither is.

    Args:
        scores: shape `runs tasks`.
        thresholds: values of τ, shape `thresholds`.

    Returns:
        Shares, shape `thresholds`.

    Raises:
        ValueError: as `check_scores` does.
    """
    ordered = np.sort(check_scores(scores), axis=None)
    return 1.0 - np.searchsorted(ordered, thresholds, side="right") / ordered.size

"""How far a number would move with other levels, or with other seeds: bootstrap intervals at 95 %.

The stratified bootstrap is that of Agarwal et al. 2021 ("Deep Reinforcement Learning at the Edge of the
Statistical Precipice", §4.1, as rliable does it): every task keeps its place, and for each of them runs are
drawn anew, with replacement.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

_RESAMPLES = 10_000
_STRATIFIED = 2_000  # each of them computes the statistic once more
_OUTSIDE = 1.0 - 0.95
_ENDS = (_OUTSIDE / 2, 1.0 - _OUTSIDE / 2)


def bootstrap_interval(by_level: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean, resampling levels (Efron 1979)."""
    generator = np.random.default_rng(seed)
    picks = generator.integers(0, by_level.size, (_RESAMPLES, by_level.size))
    means = by_level[picks].mean(axis=1)
    low, high = np.quantile(means, _ENDS)
    return float(low), float(high)


def stratified_interval(
    statistic: Callable[..., Any], *scores: np.ndarray, resamples: int = _STRATIFIED, seed: int = 0
) -> tuple[np.ndarray, np.ndarray] | None:
    """95 % percentile interval of a statistic over seeds, from a stratified bootstrap.

    Args:
        statistic: of as many matrices as there are `scores`; a number or an array.
        scores: matrices of shape `runs tasks`, each resampled by itself; a run is a seed.
        resamples: how often; rliable takes 2,000 for profiles and up to 50,000 for single numbers.
        seed: of the resampling.

    Returns:
        The lower and the upper end, of the statistic's shape; None where a matrix has but one run,
        which says nothing of other seeds.

    Raises:
        ValueError: what is given is no such matrix, or not finite.
    """
    matrices = [check_scores(matrix) for matrix in scores]
    if min(len(matrix) for matrix in matrices) < 2:
        return None
    generator = np.random.default_rng(seed)
    drawn = [
        statistic(*(_resample(matrix, generator) for matrix in matrices)) for _ in range(resamples)
    ]
    low, high = np.quantile(np.asarray(drawn, float), _ENDS, axis=0)
    return np.asarray(low), np.asarray(high)


def check_scores(scores: np.ndarray) -> np.ndarray:
    """The matrix as floats.

    Raises:
        ValueError: its shape is not `runs tasks`, it is empty, or a score is not finite.
    """
    matrix = np.asarray(scores, float)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(
            f"Scores have shape {matrix.shape}; wanted runs x tasks, one of each or more."
        )
    if not np.isfinite(matrix).all():
        run, task = np.argwhere(~np.isfinite(matrix))[0].tolist()
        raise ValueError(
            f"The score of run {run} on task {task} is {matrix[run, task]}, not finite."
        )
    return matrix


def _resample(matrix: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """For each task as many of its runs as there are, with replacement."""
    runs, tasks = matrix.shape
    return matrix[generator.integers(0, runs, (runs, tasks)), np.arange(tasks)]

"""How far a number would move with other levels, or with other seeds: bootstrap intervals at 95 %.

Over seeds, what is drawn anew is what a seed made: a whole run, with all that it got. One agent plays all levels of a
suite, so levels are no tasks as those of Agarwal et al. 2021 ("Deep Reinforcement Learning at the Edge of the
Statistical Precipice", §4.1; rliable), where each game has runs of its own and is a stratum: drawn for each level by
itself, runs would be mixed level by level, and what a seed adds to all of its levels would average out.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

_RESAMPLES = 10_000
_DRAWS_AT_A_TIME = 2**20
_STRATIFIED = 2_000  # each of them computes the statistic once more
_OUTSIDE = 1.0 - 0.95
_ENDS = (_OUTSIDE / 2, 1.0 - _OUTSIDE / 2)


def bootstrap_interval(by_level: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean, resampling levels (Efron 1979)."""
    generator = np.random.default_rng(seed)
    # A part at a time: of 10,000 levels, all the draws together would take gigabytes.
    rows = max(1, _DRAWS_AT_A_TIME // by_level.size)
    means = [
        by_level[generator.integers(0, by_level.size, (some, by_level.size))].mean(axis=1)
        for some in _deal(_RESAMPLES, rows)
    ]
    low, high = np.quantile(np.concatenate(means), _ENDS)
    return float(low), float(high)


def stratified_interval(
    statistic: Callable[..., Any],
    *scores: np.ndarray,
    strata: Sequence[Hashable] | None = None,
    resamples: int = _STRATIFIED,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray] | None:
    """95 % percentile interval of a statistic over seeds, from a bootstrap of whole runs.

    Args:
        statistic: of as many matrices as there are `scores`; a number or an array.
        scores: matrices of shape `runs tasks`, each resampled by itself; a run is a seed.
        strata: a name for each task. Tasks of one name share their runs, drawn together; those of another have runs of
            their own, trained apart, drawn apart. None: one run plays all tasks. With as many names as tasks it is
            rliable's bootstrap.
        resamples: how often; rliable takes 2,000 for profiles and up to 50,000 for single numbers.
        seed: of the resampling.

    Returns:
        The lower and the upper end, of the statistic's shape; None where a matrix has but one run,
        which says nothing of other seeds.

    Raises:
        ValueError: what is given is no such matrix, or not finite, or strata are not one a task.
    """
    matrices = [check_scores(matrix) for matrix in scores]
    parts = [_part(matrix, strata) for matrix in matrices]
    if min(len(matrix) for matrix in matrices) < 2:
        return None
    generator = np.random.default_rng(seed)
    drawn = [
        statistic(*(_resample(*pair, generator) for pair in zip(matrices, parts, strict=True)))
        for _ in range(resamples)
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


def _deal(number: int, most: int) -> list[int]:
    """A number in parts of so many at most."""
    return [min(most, number - first) for first in range(0, number, most)]


def _part(matrix: np.ndarray, strata: Sequence[Hashable] | None) -> np.ndarray:
    """The number of each task's stratum."""
    tasks = matrix.shape[1]
    if strata is None:
        return np.zeros(tasks, int)
    if len(strata) != tasks:
        raise ValueError(f"There are {len(strata)} strata for {tasks} tasks; give one a task.")
    numbers = {name: number for number, name in enumerate(dict.fromkeys(strata))}
    return np.array([numbers[name] for name in strata])


def _resample(matrix: np.ndarray, part: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """As many runs as there are, with replacement, whole within each stratum."""
    runs, tasks = matrix.shape
    picks = generator.integers(0, runs, (runs, part.max() + 1))
    if picks.shape[1] == 1:
        return matrix[picks[:, 0]]
    return matrix[picks[:, part], np.arange(tasks)]

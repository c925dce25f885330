"""How likely one method is to do better than another on a task: pairs of runs, counted."""

import numpy as np

from alpha_factory.evaluate.bootstrap import check_scores


def probability_of_improvement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The chance that a run of ours scores more than a run of theirs on the same task, a tie counting half.

    P(X > Y) = 1/M Σ_m 1/(N K) Σ_i Σ_j S(x_im, y_jm), S = 1 if x > y, 1/2 if x = y, else 0: the Mann-Whitney U
    of each task by its pairs, averaged over tasks (Agarwal et al. 2021, §4.3; rliable, as published). It says
    how often, not by how much.

    Args:
        ours: shape `runs tasks`.
        theirs: the same tasks, any number of runs.

    Raises:
        ValueError: the tasks are not as many, or as `check_scores` does.
    """
    left, right = check_scores(ours), check_scores(theirs)
    if left.shape[1] != right.shape[1]:
        raise ValueError(f"Ours are {left.shape[1]} tasks, theirs {right.shape[1]}; give the same.")
    more = left[:, None] > right[None]
    same = left[:, None] == right[None]
    return float(more.mean() + same.mean() / 2)

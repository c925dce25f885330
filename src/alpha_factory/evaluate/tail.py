"""Conditional value at risk: what a policy does on the levels where it does worst."""

import numpy as np


def conditional_value_at_risk(by_level: np.ndarray, tail: float) -> float:
    """Mean of the worst share `tail` of the levels, at least one.

    The levels are chosen by the same episodes that score them, so with few episodes a level this
    reads too low; it is the same for every policy compared. `held_out_risk` has no such bias.
    """
    return float(np.sort(by_level)[: _count_worst(by_level.size, tail)].mean())


def held_out_risk(chosen_by: np.ndarray, scored_by: np.ndarray, tail: float) -> float:
    """Mean score of the levels that were the worst share `tail` of all, at least one, when played before.

    Rutherford et al. 2024 ("No Regrets", §4; SFL's official code): levels are ranked by the rate at which one set of
    seeds solved them and scored by another, so bad luck is not counted as a bad level. There levels of the same
    rate stand in the order of a sort; here those that tie at the edge of the tail count alike, which is the mean
    over all orders, and the order of the levels does not matter.

    Args:
        chosen_by: a score for each level, from the episodes that choose.
        scored_by: the same levels from other episodes.
        tail: a share of 1.

    Raises:
        ValueError: they are not of the same levels.
    """
    if chosen_by.shape != scored_by.shape or chosen_by.ndim != 1 or not chosen_by.size:
        raise ValueError(
            f"Chosen by {chosen_by.shape} and scored by {scored_by.shape}; wanted one score a level in both."
        )
    worst = _count_worst(chosen_by.size, tail)
    edge = _find_edge(chosen_by, tail)
    is_below, is_tied = chosen_by < edge, chosen_by == edge
    left = worst - int(is_below.sum())
    return float((scored_by[is_below].sum() + left * scored_by[is_tied].mean()) / worst)


def count_edge_ties(chosen_by: np.ndarray, tail: float) -> int:
    """How many levels have the score at the edge of the worst share `tail`, and count alike in `held_out_risk`.

    1: none ties with another. More than the tail has levels: nobody knows which of them are the worst.

    Args:
        chosen_by: a score for each level, from the episodes that choose.
        tail: a share of 1.
    """
    return int((chosen_by == _find_edge(chosen_by, tail)).sum())


def _find_edge(by_level: np.ndarray, tail: float) -> float:
    """The highest score in the tail."""
    return float(np.sort(by_level)[_count_worst(by_level.size, tail) - 1])


def _count_worst(levels: int, tail: float) -> int:
    return max(1, round(tail * levels))

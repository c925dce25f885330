"""Catastrophic losses: what an agent could do and can no more. Solve rates over time in, the tasks lost out."""

import numpy as np
from jaxtyping import Bool, Float

LEARNED, LOST = 0.9, 0.5
LASTING = 2


def find_losses(
    solved: Float[np.ndarray, "times tasks"],
    *,
    learned: float = LEARNED,
    lost: float = LOST,
    lasting: int = LASTING,
) -> Bool[np.ndarray, " tasks"]:
    """Tasks once solved at `learned` or more whose rate fell under `lost` and stayed there to the end.

    The paper counts "catastrophic losses" (section 4.8) and does not define them. To stay takes more than one look: of
    a few episodes each, a single last one would make a loss of bad luck.

    Args:
        solved: rates in the order in which they were taken; NaN where a task was not played.
        lasting: how many of a task's last rates must all be under `lost`.

    Raises:
        ValueError: fewer than one rate is to say that a loss lasts, or what is lost would be learned.
    """
    if lasting < 1 or not lost <= learned:
        raise ValueError(
            f"lasting={lasting}, learned={learned} and lost={lost}; wanted at least 1, and lost no more than learned."
        )
    return np.array(
        [_is_lost(rates[np.isfinite(rates)], learned, lost, lasting) for rates in solved.T], bool
    )


def find_learned(
    solved: Float[np.ndarray, "times tasks"], *, learned: float = LEARNED
) -> Bool[np.ndarray, " tasks"]:
    """Tasks that were ever solved at `learned` or more; NaN where one was not played."""
    return np.any(solved >= learned, axis=0)


def _is_lost(rates: np.ndarray, learned: float, lost: float, lasting: int) -> bool:
    last = rates[-lasting:]
    # Where the last ones are under `lost`, whatever was at `learned` came before them.
    return bool(last.size == lasting and (last < lost).all() and (rates >= learned).any())

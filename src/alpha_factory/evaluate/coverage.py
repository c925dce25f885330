"""How much of a world its experience covers: states counted in, states there may be out.

Assumption A3 of the paper wants every state of a world in its replay with a chance of at least ξ. Which states there
are is not known; how often those that were seen were seen says how many were not.
"""

import math
from typing import NamedTuple

import numpy as np

_NORMAL = 1.959964  # quantile of the standard normal for 95 %


class Coverage(NamedTuple):
    """What the rows of one world say of its states."""

    seen: int  # different states
    covered: float  # chance that another row shows one of these
    states: float  # how many there are, at least and roughly
    low: float
    high: float  # ends of the 95 % interval of `states`
    rarest: float
    """Share of the rows of the state that was seen least: ξ, if no other state existed."""


def estimate_coverage(times: np.ndarray) -> Coverage:
    """From how often each state was seen to how many there are.

    Coverage is Good and Turing's, 1 - f1 / n (Good 1953), the number of states that of Chao 1984 with its correction of
    bias, S = seen + f1 (f1 - 1) / (2 (f2 + 1)), a lower bound on average; its interval is log-normal around what was
    not seen (Chao 1987), with the variance that EstimateS has (Colwell 2013). f1 and f2: states seen once and twice;
    n: rows. Rows of an episode depend on each other, for which neither allows.

    Args:
        times: how often each state was seen, 1 or more, shape `states`.

    Raises:
        ValueError: nothing was seen.
    """
    if not times.size or times.min() < 1:
        raise ValueError(f"Coverage wants states seen once or more; got {times.tolist()[:5]}.")
    rows, seen = int(times.sum()), int(times.size)
    once, twice = int((times == 1).sum()), int((times == 2).sum())
    unseen = once * (once - 1) / (2 * (twice + 1))
    low, high = _interval(seen, once, twice, unseen)
    return Coverage(
        seen=seen,
        covered=1 - once / rows,
        states=seen + unseen,
        low=low,
        high=high,
        rarest=float(times.min()) / rows,
    )


def _interval(seen: int, once: int, twice: int, unseen: float) -> tuple[float, float]:
    if unseen == 0:
        return float(seen), float(seen)
    if twice:
        variance = (
            unseen
            + once * (2 * once - 1) ** 2 / (4 * (twice + 1) ** 2)
            + once**2 * twice * (once - 1) ** 2 / (4 * (twice + 1) ** 4)
        )
    else:
        variance = unseen + once * (2 * once - 1) ** 2 / 4 - once**4 / (4 * (seen + unseen))
    width = math.exp(_NORMAL * math.sqrt(math.log(1 + variance / unseen**2)))
    return seen + unseen / width, seen + unseen * width

"""How much each level of a buffer weighs when one is chosen for replay (Jiang et al. 2021, section 3).

    weight = (1 - staleness) w_score + staleness w_stale

w_score falls with the rank of the score or rises with the score itself, w_stale is proportional to the age; each of
them sums to 1, and is even where all that it goes by is equal or 0.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32

from alpha_factory.core.errors import unknown

Weigh = Callable[..., Float32[Array, " slots"]]
"""`weigh(score, rank, age, is_there) -> weights`, as `make_weigh` makes it."""


def make_weigh(prioritisation: str = "rank", *, temperature: float, staleness: float) -> Weigh:
    """The replay weights.

    Args:
        prioritisation: `rank`: w_score ~ (1 / rank)^(1 / temperature), levels of equal score sharing the mean of
            their places; `proportional`: w_score ~ max(score, 0)^(1 / temperature).
        temperature: beta; the lower, the more the best are preferred.
        staleness: rho, the share of the weight that goes by age.

    Raises:
        UsageError: there is no such prioritisation.
        ValueError: the temperature is not positive, or the staleness not in [0, 1].
    """
    if prioritisation not in _RELATIVE:
        raise unknown("prioritisation", prioritisation, _RELATIVE)
    if not (temperature > 0 and math.isfinite(1 / temperature)):
        raise ValueError(f"temperature={temperature} must be above 0; published are 0.1 to 1.")
    if not 0 <= staleness <= 1:
        raise ValueError(f"staleness={staleness} is a share: give a number from 0 to 1.")
    relative, power = _RELATIVE[prioritisation], 1 / temperature

    def weigh(
        score: Float32[Array, " slots"],
        rank: Float32[Array, " slots"],
        age: Int32[Array, " slots"],
        is_there: Bool[Array, " slots"],
    ) -> Float32[Array, " slots"]:
        by_score = _normalise(relative(score, rank, is_there) ** power, is_there)
        by_age = _normalise(age.astype(jnp.float32), is_there)
        return (1 - staleness) * by_score + staleness * by_age

    return weigh


def rank_of(
    greater: Int32[Array, " slots"], equal: Int32[Array, " slots"]
) -> Float32[Array, " slots"]:
    """Place by score, 1 for the highest; equal scores share the mean of their places.

    Args:
        greater: how many slots score higher.
        equal: how many score the same, itself among them.
    """
    return greater.astype(jnp.float32) + (equal.astype(jnp.float32) + 1) / 2


def _by_rank(score: Array, rank: Array, is_there: Array) -> Float32[Array, " slots"]:
    """Between 0 and 1, and 1 for the best, so that no power can overflow."""
    return jnp.min(jnp.where(is_there, rank, jnp.inf)) / rank


def _by_score(score: Array, rank: Array, is_there: Array) -> Float32[Array, " slots"]:
    positive = jnp.where(is_there, jnp.maximum(score, 0.0), 0.0)
    top = jnp.max(positive)
    is_any = top >= jnp.finfo(jnp.float32).tiny  # what is smaller is 0 to some devices
    return jnp.where(is_any, positive / jnp.where(is_any, top, 1.0), 0.0)


_RELATIVE = {"rank": _by_rank, "proportional": _by_score}
PRIORITISATIONS = tuple(_RELATIVE)


def _normalise(weight: Array, is_there: Array) -> Float32[Array, " slots"]:
    """Scaled to a sum of 1; even if all are 0; 0 everywhere if no level is there."""
    weight = jnp.where(is_there, weight, 0.0)
    weight = jnp.where(jnp.any(weight > 0), weight, is_there.astype(jnp.float32))
    total = jnp.sum(weight)
    return weight / jnp.where(total > 0, total, 1.0)

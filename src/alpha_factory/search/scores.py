"""What both searches share: values made comparable, the best action, what is told of the roots."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32

from alpha_factory.search.tree import Edges

ValueRange = tuple[float, float] | None
"""Least and greatest value that any state can have; None if nobody knows."""

_NARROWEST = 1e-8  # range of a tree's own values that is taken for one


class Found(NamedTuple):
    """What a search came to."""

    action: Int32[Array, " batch"]
    policy: Float32[Array, "batch actions"]  # better than the one at the root
    value: Float32[Array, " batch"]  # of the roots
    visits: Float32[Array, "batch actions"]


def scale_values(
    q: Float32[Array, "batch actions"],
    value_range: ValueRange,
    *,
    low: Float32[Array, "batch 1"],
    high: Float32[Array, "batch 1"],
) -> Float32[Array, "batch actions"]:
    """Q-values as shares of a range: a known one, or else from `low` to `high`.

    A range taken from the tree itself, as in MuZero (appendix B), adapts to any reward, but blows
    up noise to full size where all values are nearly equal.
    """
    if value_range is not None:
        least, greatest = value_range
        return (q - least) / (greatest - least)
    return (q - low) / jnp.maximum(high - low, _NARROWEST)


def best(
    score: Float32[Array, "batch actions"], legal: Bool[Array, "batch actions"] | None = None
) -> Int32[Array, " batch"]:
    """The legal action with the highest score; of equal ones, and if none is legal, the first."""
    if legal is not None:
        score = jnp.where(legal, score, -jnp.inf)
    return jnp.argmax(score, axis=1).astype(jnp.int32)


def root_value(root: Edges) -> Float32[Array, " batch"]:
    """The greatest Q-value among the visited actions (paper, section 3.3)."""
    is_taken = root.visits > 0
    greatest = jnp.max(jnp.where(is_taken, root.q, -jnp.inf), axis=1)
    return jnp.where(jnp.any(is_taken, axis=1), greatest, root.value)

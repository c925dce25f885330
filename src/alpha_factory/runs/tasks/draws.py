"""Levels drawn at random until enough of them are as they should be."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray

from alpha_factory.core.types import Level


def draw_fitting(
    draw: Callable[[Array], Level],
    is_fitting: Callable[[Level], Bool[np.ndarray, " levels"]],
    *,
    levels: int,
    at_a_time: int,
    key: PRNGKeyArray,
) -> Level:
    """The first so many levels that fit, stacked.

    Args:
        draw: a stack of levels from as many keys.
        is_fitting: which of a stack of levels fit. It never returns if none ever does.
        at_a_time: levels drawn and looked at together.
    """
    found: list[Level] = []
    have = 0
    while have < levels:
        drawn = draw(jax.random.split(jax.random.fold_in(key, len(found)), at_a_time))
        fitting = np.flatnonzero(is_fitting(drawn))
        found.append(jax.tree.map(lambda leaf, at=fitting: np.asarray(leaf)[at], drawn))
        have += len(fitting)
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)[:levels]), *found)

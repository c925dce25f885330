"""Sampling for learnability (Rutherford et al. 2024): keep the levels solved sometimes, and train half on them.

Every so often many fresh levels are played, and those with the highest p (1 - p) are kept; then each batch takes a
share of its lanes from them, all with the same chance, and the others fresh. Nothing is scored again in between.
A place whose level has no finite score holds none, and is never drawn from.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, Int32, PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum.identity import NOWHERE

SCOUT_STEPS = 2000
"""Rows in which a level's p is found out, as published: many whole episodes, also where most of them fail."""
FEWEST_FAILURES = 4
"""Episodes cut at the step limit that such rows must hold at the least. A lane that can hold only one shows failure or
success, hardly ever both, and p (1 - p) is 0 whatever p is."""


def keep_learnable(
    levels: Level, learnability: Float32[Array, " candidates"], *, keep: int
) -> tuple[Level, Float32[Array, " keep"]]:
    """The levels with the highest learnability, in falling order, and theirs.

    Of equal ones the earlier candidate is kept, which is a fair choice among levels drawn at random; what is not
    finite is lowest. Batches may be judged one after the other: what was kept, joined with the next batch, is
    judged again as candidates.

    Args:
        learnability: p (1 - p), as `scores.learnability` gives it.

    Raises:
        ValueError: there are fewer candidates than are to be kept.
    """
    candidates = learnability.shape[0]
    if keep > candidates:
        raise ValueError(
            f"keep={keep} of {candidates} candidates: draw at least {keep} levels, or keep fewer."
        )
    known = jnp.where(jnp.isfinite(learnability), learnability, -jnp.inf)
    highest, chosen = jax.lax.top_k(known, keep)
    return jax.tree.map(lambda leaf: leaf[chosen], levels), highest


def draw_batch(
    kept: Level,
    draw_fresh: Callable[..., Level],
    *,
    number: Int32[Array, ""],
    lanes: int,
    share: float,
    key: PRNGKeyArray,
) -> tuple[Level, Int32[Array, " lanes"]]:
    """Levels for a training batch: first round(share lanes) of the kept ones, with replacement, then fresh ones.

    Args:
        kept: with a leading axis; places from `number` on hold none. If all of them do, the whole batch is fresh.
        draw_fresh: `draw_fresh(key=key) -> level`, one like those kept.
        number: how many are kept.
        share: rho; 0.5 as published.

    Returns:
        The levels, and where among the kept ones each was, NOWHERE for the fresh.

    Raises:
        ValueError: the share is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share={share} of the lanes: give a number from 0 to 1.")
    key_kept, key_fresh = jax.random.split(key)
    drawn = jax.random.randint(key_kept, (lanes,), 0, jnp.maximum(number, 1))
    is_replayed = (jnp.arange(lanes) < round(share * lanes)) & (number > 0)
    fresh = jax.vmap(lambda one: draw_fresh(key=one))(jax.random.split(key_fresh, lanes))

    def among(old: Array, new: Array) -> Array:
        mask = is_replayed.reshape(is_replayed.shape + (1,) * (new.ndim - 1))
        return jnp.where(mask, old[drawn], new)

    return jax.tree.map(among, kept, fresh), jnp.where(is_replayed, drawn, NOWHERE)

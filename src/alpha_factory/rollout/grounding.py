"""A rollout with the steps beside the real ones in their place: a stretch in, a stretch to be learned from out."""

import dataclasses

import jax.numpy as jnp

from alpha_factory.rollout.recurrent import Stretch


def ground(stretch: Stretch, *, discount: float) -> Stretch:
    """The stretch as its fiction tells it: what is computed from its rows is of the fictitious transitions.

    The step from row t brought r'_t and led to s''_(t+1), though the next row shows where the real one led. Whatever
    bootstraps from the next row's value, V(s_(t+1)), is set right by the reward:

        r_t = r'_t + discount (V(s''_(t+1)) - V(s_(t+1))),

    so that every temporal difference is r'_t + discount V(s''_(t+1)) - V(s_t), and r'_t - V(s_t) where the fiction
    ended. Beyond such an end no advantage is passed back. Attempts stay those of the real episodes.

    Args:
        discount: that of what bootstraps.

    Raises:
        ValueError: the stretch was collected without a posterior.
    """
    rows, fiction = stretch.rows, stretch.fiction
    if fiction is None:
        raise ValueError(
            "A stretch without fiction can't be grounded: collect it with a posterior."
        )
    following = jnp.concatenate([rows.value[1:], stretch.last_value[None]])
    # Where both steps led to the same state nothing is added, not even what rounding leaves.
    is_apart = ~fiction.is_terminated & ~fiction.is_real
    moved = jnp.where(is_apart, discount * (fiction.value - following), 0.0)
    grounded = dataclasses.replace(
        rows,
        reward=jnp.where(rows.is_last, 0.0, fiction.reward + moved),
        is_terminated=fiction.is_terminated & ~rows.is_last,
        is_truncated=fiction.is_truncated & ~rows.is_last,
    )
    return stretch._replace(rows=grounded)

"""A gradient step, or none where the gradient cannot be trusted (safety checklist, S5)."""

from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

Tree = TypeVar("Tree")

LARGEST_NORM = 100.0
"""A gradient with a greater norm is not followed (safety checklist, S5)."""

MOST_SKIPPED = 10
"""Updates skipped in a row after which nothing more is learned: somebody has to look."""


class Descent(NamedTuple):
    """What became of a step."""

    net: Any
    optimiser: optax.OptState
    gradient_norm: Float[Array, ""]  # before it is clipped
    is_made: Bool[Array, ""]
    in_a_row: Int[Array, ""]  # steps skipped since the last that was made


def descend(
    optimiser: optax.GradientTransformation,
    net: Tree,
    state: optax.OptState,
    total: Float[Array, ""],
    gradient: Tree,
    in_a_row: Int[Array, ""],
) -> Descent:
    """Step down the gradient of `total`, unless it is not sound.

    A loss, gradient or step that is not finite, or a gradient's norm above `LARGEST_NORM`, skips the
    step: network and optimiser stay as they were. After `MOST_SKIPPED` in a row all are skipped.
    """
    norm = optax.tree.norm(gradient)
    change, moved = optimiser.update(gradient, state, eqx.filter(net, eqx.is_inexact_array))
    # A comparison with NaN is false. A step may be too long though its gradient is not.
    is_sound = jnp.isfinite(total) & (norm <= LARGEST_NORM) & jnp.isfinite(optax.tree.norm(change))
    is_made = is_sound & (in_a_row < MOST_SKIPPED)
    return Descent(
        net=choose(is_made, eqx.apply_updates(net, change), net),
        optimiser=choose(is_made, moved, state),
        gradient_norm=norm,
        is_made=is_made,
        in_a_row=jnp.where(is_made, 0, in_a_row + 1),
    )


def choose(is_first: Bool[Array, ""], first: Tree, second: Tree) -> Tree:
    """One of two trees of the same form."""
    return jax.tree.map(
        lambda one, other: jnp.where(is_first, one, other) if eqx.is_array(one) else one,
        first,
        second,
    )

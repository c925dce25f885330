"""How much of a gradient is noise: the simple noise scale of McCandlish et al. (2018, eq. 2.9).

One update of PPO is one long step of its outer loop, and learning stalls where that step is too long for
its noise (the diagnosis by which PPO was scaled to a million worlds). What to do is to collect more lanes
at the same size of minibatch, or to move less: a smaller learning rate, clip or number of epochs.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Noise(NamedTuple):
    """Of a gradient that is a mean over lanes."""

    spread: Float[Array, "*batches"]  # variance of one lane's gradient, added up over parameters
    signal: Float[
        Array, "*batches"
    ]  # squared norm of the true gradient; an estimate, so perhaps below 0


def measure_noise(gradient: Any) -> Noise:
    """Unbiased estimates from the gradients of single lanes, along the leading axis of every leaf; NaN of one lane."""
    leaves = jax.tree.leaves(gradient)
    lanes = leaves[0].shape[0]
    if lanes == 1:
        return Noise(jnp.float32(jnp.nan), jnp.float32(jnp.nan))
    means = [jnp.mean(leaf, axis=0) for leaf in leaves]
    squares = sum(
        jnp.sum((leaf - mean[None]) ** 2) for leaf, mean in zip(leaves, means, strict=True)
    )
    spread = jnp.asarray(squares) / (lanes - 1)
    signal = sum(jnp.sum(mean**2) for mean in means) - spread / lanes
    return Noise(spread, signal)


def to_lanes(noise: Noise) -> Float[Array, ""]:
    """Lanes in a batch at which signal and noise are as large: tr(covariance) / |G|^2.

    Infinite where no signal was found, NaN where none was measured. Several batches are averaged before they are
    divided.
    """
    spread, signal = jnp.mean(noise.spread), jnp.mean(noise.signal)
    return jnp.where(signal <= 0, jnp.inf, spread / jnp.where(signal <= 0, 1.0, signal))

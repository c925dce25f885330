"""A linear layer of whatever comes along leading axes, as one product of matrices."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class Dense(eqx.Module):
    """Inputs times a weight, plus a bias.

    `eqx.nn.Linear` under `jax.vmap` multiplies from the other side, and what comes out has to be
    turned around; over the rows of a whole rollout that takes longer than the product.
    """

    weight: Float[Array, "features out"]
    bias: Float[Array, " out"]

    def __init__(self, features: int, out: int, *, scale: float, key: PRNGKeyArray):
        """An orthogonal weight times `scale` (Saxe et al. 2014), and no bias."""
        self.weight = jax.nn.initializers.orthogonal(scale)(key, (features, out), jnp.float32)
        self.bias = jnp.zeros(out)

    def __call__(self, inputs: Float[Array, "*axes features"]) -> Float[Array, "*axes out"]:
        rows = inputs.reshape(-1, inputs.shape[-1]) @ self.weight + self.bias[None]
        return rows.reshape(*inputs.shape[:-1], -1)

"""What a search is measured with: a network that costs next to nothing, and one of 512 features.

Both start from random latents instead of observations, and take a batch of them: `start` gives
latents, `predict` logits and value, `imagine` what follows an action.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.search import Step

ACTIONS = 8
_DISCOUNT = 0.97


class Null(eqx.Module):
    """The logistic map, pushed by the action: trees grow as unevenly as with a real network."""

    def start(self, batch: int, *, key: PRNGKeyArray) -> Float[Array, "batch 1"]:
        return jax.random.uniform(key, (batch, 1))

    def predict(
        self, latent: Float[Array, "batch 1"]
    ) -> tuple[Float[Array, "batch actions"], Float[Array, " batch"]]:
        spread = jnp.linspace(3.1, 3.1 * ACTIONS, ACTIONS, dtype=latent.dtype)
        return (latent * spread[None]) % 1.0, latent[:, 0] - 0.5

    def imagine(
        self, latent: Float[Array, "batch 1"], action: Int[Array, " batch"]
    ) -> tuple[Step, Float[Array, "batch 1"]]:
        pushed = (latent + 0.2 * action.astype(latent.dtype)[:, None]) % 1.0
        latent = 3.9 * pushed * (1.0 - pushed)
        logits, value = self.predict(latent)
        return Step(jnp.zeros_like(value), jnp.full_like(value, _DISCOUNT), logits, value), latent


class Dense(eqx.Module):
    """Four layers of 512 features and linear heads, random: about 2 MFLOP a state."""

    layers: Float[Array, "4 latent latent"]
    heads: Float[Array, "latent heads"]  # logits, value and reward
    pushes: Float[Array, "actions latent"]

    def __init__(self, latent: int = 512, *, key: PRNGKeyArray):
        key_layers, key_heads, key_pushes = jax.random.split(key, 3)
        self.layers = jax.random.normal(key_layers, (4, latent, latent)) * (2 / latent) ** 0.5
        self.heads = jax.random.normal(key_heads, (latent, ACTIONS + 2)) / latent**0.5
        self.pushes = jax.random.normal(key_pushes, (ACTIONS, latent))

    @property
    def flops(self) -> int:
        """Multiplications and additions of the matrix products, for one state."""
        return 2 * (self.layers.size + self.heads.size)

    def start(self, batch: int, *, key: PRNGKeyArray) -> Float[Array, "batch latent"]:
        return jax.random.normal(key, (batch, self.layers.shape[1]))

    def predict(
        self, latent: Float[Array, "batch latent"]
    ) -> tuple[Float[Array, "batch actions"], Float[Array, " batch"]]:
        logits, value, _ = self._tell(latent)
        return logits, value

    def imagine(
        self, latent: Float[Array, "batch latent"], action: Int[Array, " batch"]
    ) -> tuple[Step, Float[Array, "batch latent"]]:
        latent = latent + self.pushes[action]
        for layer in self.layers:
            latent = jax.nn.relu(latent @ layer)
        # Brought back to the size that it had, so that it neither fades nor grows with depth.
        latent = latent / (1e-6 + jnp.sqrt(jnp.mean(latent**2, axis=1, keepdims=True)))
        logits, value, reward = self._tell(latent)
        return Step(reward, jnp.full_like(value, _DISCOUNT), logits, value), latent

    def _tell(self, latent: Array) -> tuple[Array, Array, Array]:
        told = latent @ self.heads
        return told[:, :ACTIONS], jnp.tanh(told[:, ACTIONS]), 0.1 * jnp.tanh(told[:, ACTIONS + 1])


Network = Null | Dense

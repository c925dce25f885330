"""The learned model of MuZero: representation, dynamics and prediction (paper, section 3.2)."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.nets.torso import Torso


class Model(eqx.Module):
    """What the planner searches in. All methods take one state; batches come by `jax.vmap`."""

    representation: Torso
    dynamics: "Dynamics"
    prediction: "Prediction"

    def __init__(
        self,
        features: int,
        actions: int,
        *,
        widths: tuple[int, ...],
        latent: int,
        head: int,
        key: PRNGKeyArray,
    ):
        key_representation, key_dynamics, key_prediction = jax.random.split(key, 3)
        self.representation = Torso(features, widths, latent, key=key_representation)
        self.dynamics = Dynamics(latent, actions, head, key=key_dynamics)
        self.prediction = Prediction(latent, actions, head, key=key_prediction)


class Dynamics(eqx.Module):
    """A GRU cell driven by the action, and the reward of the step it stands for."""

    cell: eqx.nn.GRUCell
    reward: eqx.nn.MLP
    actions: int = eqx.field(static=True)

    def __init__(self, latent: int, actions: int, head: int, *, key: PRNGKeyArray):
        key_cell, key_reward = jax.random.split(key)
        self.cell = eqx.nn.GRUCell(actions, latent, key=key_cell)
        self.reward = eqx.nn.MLP(latent, "scalar", head, 1, jax.nn.silu, key=key_reward)
        self.actions = actions

    def __call__(
        self, latent: Float[Array, " latent"], action: Int[Array, ""]
    ) -> tuple[Float[Array, " latent"], Float[Array, ""]]:
        """The latent after an action, and the reward received on the way."""
        following = self.cell(jax.nn.one_hot(action, self.actions, dtype=latent.dtype), latent)
        return following, self.reward(following)


class Prediction(eqx.Module):
    """Policy logits and value of a latent."""

    policy: eqx.nn.MLP
    value: eqx.nn.MLP

    def __init__(self, latent: int, actions: int, head: int, *, key: PRNGKeyArray):
        key_policy, key_value = jax.random.split(key)
        self.policy = eqx.nn.MLP(latent, actions, head, 1, jax.nn.silu, key=key_policy)
        self.value = eqx.nn.MLP(latent, "scalar", head, 1, jax.nn.silu, key=key_value)

    def __call__(
        self, latent: Float[Array, " latent"]
    ) -> tuple[Float[Array, " actions"], Float[Array, ""]]:
        """Logits of the actions, and the value."""
        return self.policy(latent), self.value(latent)

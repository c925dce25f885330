"""The learned model of MuZero: representation, dynamics and prediction (paper, section 3.2)."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, Float32, Int, PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.nets.heads import CategoricalHead, ScalarHead, make_head, make_mlp
from alpha_factory.nets.representation import Representation, Sizes, make_representation
from alpha_factory.nets.support import Support
from alpha_factory.nets.torso import Torso

_DTYPES = ("float32", "bfloat16")


class Model(eqx.Module):
    """What the planner searches in. All methods take one state; batches come by `jax.vmap`."""

    representation: Torso | Representation
    dynamics: "Dynamics"
    prediction: "Prediction"
    dtype: str = eqx.field(static=True)  # in which `in_precision` runs

    def __init__(
        self,
        obs: int | tuple[int, ...] | tuple[tuple[int, ...], ...],
        actions: int,
        *,
        widths: tuple[int, ...],
        latent: int,
        head: int,
        encoder: str = "mlp",
        sizes: Sizes | None = None,
        support: Support | None = None,
        value_scale: float | None = None,
        dtype: str = "float32",
        key: PRNGKeyArray,
    ):
        """Draw the weights, in float32.

        Args:
            obs: shape of an observation, flat or (height, width, channels), or several such
                shapes, which then share all but their branches.
            widths: hidden layers of the torso or, behind branches, of the trunk.
            latent: features of the latent state.
            head: hidden units of the heads.
            encoder: what reads flat observations, "mlp" or "transformer". Images are always read
                by convolutions.
            sizes: of the transformer and the convolutions; None for the defaults.
            support: bins of value and reward; None to regress them.
            value_scale: initial sigma_v, which divides the value (paper, section 3.6: 5); None for
                no scale.
            dtype: "float32" or "bfloat16", of a forward pass `in_precision`.

        Raises:
            UsageError: the encoder or the dtype is unknown, or numbers don't fit together.
        """
        if dtype not in _DTYPES:
            raise unknown("dtype", dtype, _DTYPES)
        key_representation, key_dynamics, key_prediction = jax.random.split(key, 3)
        self.representation = make_representation(
            obs,
            encoder=encoder,
            widths=widths,
            latent=latent,
            sizes=sizes or Sizes(),
            key=key_representation,
        )
        self.dynamics = Dynamics(latent, actions, head, support=support, key=key_dynamics)
        self.prediction = Prediction(
            latent, actions, head, support=support, scale=value_scale, key=key_prediction
        )
        self.dtype = dtype

    def in_precision(self) -> "Model":
        """The model to run forward, its weights cast to `dtype`; itself if that is float32.

        Gradients flow back through the cast to the float32 weights. A scalar, such as sigma_v, is
        no factor of a matrix product and keeps its digits.
        """
        if self.dtype == "float32":
            return self
        return jax.tree.map(
            lambda leaf: (
                leaf.astype(self.dtype) if eqx.is_inexact_array(leaf) and leaf.ndim else leaf
            ),
            self,
        )


class Dynamics(eqx.Module):
    """A GRU cell driven by the action, and the reward of the step it stands for."""

    cell: eqx.nn.GRUCell
    reward: ScalarHead | CategoricalHead
    actions: int = eqx.field(static=True)

    def __init__(
        self,
        latent: int,
        actions: int,
        head: int,
        *,
        support: Support | None = None,
        key: PRNGKeyArray,
    ):
        key_cell, key_reward = jax.random.split(key)
        self.cell = eqx.nn.GRUCell(actions, latent, key=key_cell)
        self.reward = make_head(latent, head, support=support, key=key_reward)
        self.actions = actions

    def __call__(
        self, latent: Float[Array, " latent"], action: Int[Array, ""]
    ) -> tuple[Float[Array, " latent"], Float32[Array, ""]]:
        """The latent after an action, and the reward received on the way."""
        following = self.advance(latent, action)
        return following, self.reward(following)

    def advance(
        self, latent: Float[Array, " latent"], action: Int[Array, ""]
    ) -> Float[Array, " latent"]:
        """The latent after an action."""
        return self.cell(jax.nn.one_hot(action, self.actions, dtype=latent.dtype), latent)


class Prediction(eqx.Module):
    """Policy logits and value of a latent."""

    policy: eqx.nn.MLP
    value: ScalarHead | CategoricalHead

    def __init__(
        self,
        latent: int,
        actions: int,
        head: int,
        *,
        support: Support | None = None,
        scale: float | None = None,
        key: PRNGKeyArray,
    ):
        key_policy, key_value = jax.random.split(key)
        self.policy = make_mlp(latent, actions, head, key=key_policy)
        self.value = make_head(latent, head, support=support, scale=scale, key=key_value)

    def __call__(
        self, latent: Float[Array, " latent"]
    ) -> tuple[Float32[Array, " actions"], Float32[Array, ""]]:
        """Logits of the actions, and the value."""
        return self.policy(latent), self.value(latent)

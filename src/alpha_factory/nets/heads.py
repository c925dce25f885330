"""What is read off a latent: policy logits, and the numbers value and reward with their loss."""

import math
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32, PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.nets.support import Support


class ScalarHead(eqx.Module):
    """A number by regression, as in eq. (1) of the paper."""

    mlp: eqx.nn.MLP
    # Of sigma_v (paper, section 3.6), learned: its logarithm, so that no step can take it to 0.
    log_scale: Float[Array, ""] | None  # None: not scaled

    def __call__(self, latent: Float[Array, " latent"]) -> Float32[Array, ""]:
        number = self.mlp(latent)
        return number if self.log_scale is None else number * jnp.exp(-self.log_scale)

    def compare(
        self, latent: Float[Array, " latent"], target: Float[Array, ""]
    ) -> tuple[Float32[Array, ""], Float32[Array, ""]]:
        """The squared error, in units of the target, and the number.

        Only what is predicted is divided by the scale: were the target too, a scale that grows
        without end would make any error vanish.
        """
        number = self(latent)
        return (number - target) ** 2, number

    def weigh_draw(
        self, latent: Float[Array, " latent"], *, key: PRNGKeyArray
    ) -> Float32[Array, ""]:
        """Log-likelihood of an outcome drawn around the number, up to terms without a gradient.

        A squared error stands for a normal of variance 1/2.
        """
        noise = jax.random.normal(key)
        # With y drawn at v + noise / sqrt(2), the gradient of -(y - v)^2 is sqrt(2) * noise * dv.
        return 2**0.5 * noise * self(latent)


class CategoricalHead(eqx.Module):
    """A number as a distribution over the bins of its support."""

    mlp: eqx.nn.MLP
    support: Support = eqx.field(static=True)

    def __call__(self, latent: Float[Array, " latent"]) -> Float32[Array, ""]:
        return self.support.mean(self.mlp(latent))

    def compare(
        self, latent: Float[Array, " latent"], target: Float[Array, ""]
    ) -> tuple[Float32[Array, ""], Float32[Array, ""]]:
        """The cross-entropy to the target's two-hot, and the number."""
        logits = self.mlp(latent)
        loss = -jnp.sum(self.support.two_hot(target) * jax.nn.log_softmax(logits))
        return loss, self.support.mean(logits)

    def weigh_draw(
        self, latent: Float[Array, " latent"], *, key: PRNGKeyArray
    ) -> Float32[Array, ""]:
        """Log-likelihood of a bin drawn from the distribution."""
        chances = jax.nn.log_softmax(self.mlp(latent))
        return chances[jax.random.categorical(key, chances)]


def make_head(
    latent: int,
    head: int,
    *,
    support: Support | None,
    scale: float | None = None,
    key: PRNGKeyArray,
) -> ScalarHead | CategoricalHead:
    """A head for value or reward: categorical if there is a support.

    Args:
        head: hidden units.
        scale: initial sigma_v; None for none.

    Raises:
        UsageError: a scale is asked for that isn't positive, or of a categorical head.
    """
    if scale is not None and not 0 < scale < math.inf:
        raise UsageError(f"value_scale={scale} can't divide a value: give a positive number.")
    if support is None:
        log_scale = None if scale is None else jnp.log(jnp.float32(scale))
        return ScalarHead(make_mlp(latent, "scalar", head, key=key), log_scale)
    if scale is not None:
        raise UsageError(
            f"value_scale={scale} does not go with the {support.bins} bins of a categorical value, "
            "whose range is fixed. Leave one of them out."
        )
    return CategoricalHead(make_mlp(latent, support.bins, head, key=key), support)


def make_mlp(
    latent: int, out: int | Literal["scalar"], head: int, *, key: PRNGKeyArray
) -> eqx.nn.MLP:
    """One hidden layer of SiLU. What comes out is float32, whatever the weights are in."""
    mlp = eqx.nn.MLP(latent, out, head, 1, jax.nn.silu, key=key)
    last = mlp.layers[-1]
    assert last.bias is not None
    whole = _Last(last.weight, last.bias, is_scalar=out == "scalar")
    return eqx.tree_at(lambda mlp: mlp.layers[-1], mlp, whole)


class _Last(eqx.Module):
    """A linear layer that multiplies and sums in float32, in which products of bfloat16 are exact.

    Summed in bfloat16, a value from 1/2 to 1 would be one of 128, and close ones would be equal.
    """

    weight: Float[Array, "out head"]
    bias: Float[Array, " out"]
    is_scalar: bool = eqx.field(static=True)

    def __call__(self, hidden: Float[Array, " head"]) -> Float32[Array, "..."]:
        """The sums, of a scalar the only one."""
        # Cast here and not by `preferred_element_type`, which XLA does not know on every device.
        weight, bias, hidden = (
            leaf.astype(jnp.float32) for leaf in (self.weight, self.bias, hidden)
        )
        sums = weight @ hidden + bias
        return sums[0] if self.is_scalar else sums

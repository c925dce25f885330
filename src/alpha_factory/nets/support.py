"""Numbers as distributions over bins: a target in, its two-hot out; logits in, their number out."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alpha_factory.core.errors import UsageError

_SLOPE = 0.001  # epsilon of the transform, which keeps its inverse from growing too steep


@dataclass(frozen=True)
class Support:
    """Bins, evenly spaced on the transformed range of a value (MuZero, appendix F).

    Raises:
        UsageError: there are fewer than two bins, or no range.
    """

    bins: int
    low: float = -1.0
    """Least number that can be told; lesser targets count as this."""
    high: float = 1.0
    """Greatest number that can be told; greater targets count as this."""

    def __post_init__(self):
        if self.bins < 2 or not -math.inf < self.low < self.high < math.inf:
            raise UsageError(
                f"{self.bins} bins from {self.low} to {self.high} can't tell a value: "
                "give at least 2, and a finite range from low to high."
            )

    def two_hot(self, target: Float[Array, ""]) -> Float[Array, " bins"]:
        """Weights of the two bins around a number, so that their mean is the number."""
        place = self._places(transform(jnp.clip(target, self.low, self.high)))
        bins = jnp.arange(self.bins, dtype=place.dtype)
        return jnp.maximum(0.0, 1.0 - jnp.abs(place - bins))

    def mean(self, logits: Float[Array, " bins"]) -> Float[Array, ""]:
        """The number that a distribution stands for: the inverse transform of its mean."""
        centres = jnp.linspace(transform(self.low), transform(self.high), self.bins)
        return invert(jnp.sum(jax.nn.softmax(logits) * centres))

    def _places(self, transformed: Float[Array, ""]) -> Float[Array, ""]:
        """Where among the bins, from 0 to bins - 1."""
        low, high = transform(self.low), transform(self.high)
        return (transformed - low) / (high - low) * (self.bins - 1)


def transform(x: Float[Array, ""] | float) -> Float[Array, ""]:
    """h(x) = sign(x) (sqrt(|x| + 1) - 1) + 0.001 x (Pohlen et al. 2018): large numbers drawn together."""
    return jnp.sign(x) * (jnp.sqrt(jnp.abs(x) + 1.0) - 1.0) + _SLOPE * x


def invert(y: Float[Array, ""]) -> Float[Array, ""]:
    """The x for which h(x) = y."""
    # The published form subtracts two numbers near 1 and divides by 0.002, which float32 can't afford; this is the
    # same root, expanded.
    u = jnp.abs(y) + 1.0 + _SLOPE
    root = 2.0 * u / (1.0 + jnp.sqrt(1.0 + 4.0 * _SLOPE * u))
    return jnp.sign(y) * (root**2 - 1.0)

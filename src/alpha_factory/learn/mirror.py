"""What keeps a new policy near the one that acted: drift functions (mirror learning, Grudzien et al. 2022).

The objective of an action is r A - f, r being the new policy's chance of it over the old one's and A its
advantage. Any f >= 0 that is 0, with no slope, at r = 1 makes updates that can't make the policy worse,
and PPO's clip is one of them. All take ln r, from which r can be had without loss and not the reverse.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Drift = Callable[[Array, Array], Array]
"""`drift(log_ratio, advantage) -> f`, entry by entry."""


def make_clip(width: float) -> Drift:
    """PPO's clip as a drift: f = ReLU((r - clip(r, 1 - width, 1 + width)) A).

    r A - f is then min(r A, clip(r) A), the objective of Schulman et al. (2017, eq. 7).
    """

    def clip(log_ratio: Float[Array, "*rows"], advantage: Float[Array, "*rows"]) -> Array:
        ratio = jnp.exp(log_ratio)
        return jax.nn.relu((ratio - jnp.clip(ratio, 1 - width, 1 + width)) * advantage)

    return clip


def make_dpo(alpha: float = 2.0, beta: float = 0.6) -> Drift:
    """Discovered Policy Optimisation (Lu et al. 2022), the closed form of a meta-learned drift.

    f = ReLU((r - 1) A - alpha tanh((r - 1) A / alpha)) where A >= 0,
        ReLU(ln(r) A - beta tanh(ln(r) A / beta)) where A < 0.
    """

    def drift(log_ratio: Float[Array, "*rows"], advantage: Float[Array, "*rows"]) -> Array:
        gain, loss = jnp.expm1(log_ratio) * advantage, log_ratio * advantage
        softly = gain - alpha * jnp.tanh(gain / alpha)
        firmly = loss - beta * jnp.tanh(loss / beta)
        return jax.nn.relu(jnp.where(advantage >= 0, softly, firmly))

    return drift

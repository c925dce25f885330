"""The gated recurrent unit (Cho et al. 2014), in the form of cuDNN: the reset gate acts after the product.

As in `lstm`, the products of all inputs are taken before the loop over time and the gradient of the
recurrent weight after it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from alpha_factory.nets.memory.lstm import draw_gates, flatten, to_keep

_GATES = 3


class Gru(eqx.Module):
    """r, z = sigmoid(x W + h U + b), n = tanh(x W + b + r (h U + b_n)), h' = n + z (h - n)."""

    input_weight: Float[Array, "features gates"]  # W; `width` columns each for r, z and n
    recurrent_weight: Float[Array, "width gates"]  # U
    bias: Float[Array, " gates"]
    recurrent_bias: Float[Array, " width"]  # b_n

    def __init__(self, features: int, width: int, *, key: PRNGKeyArray):
        """Lecun-normal W, U orthogonal gate by gate, no biases, as in Flax."""
        self.input_weight, self.recurrent_weight = draw_gates(features, width, _GATES, key=key)
        self.bias = jnp.zeros(_GATES * width)
        self.recurrent_bias = jnp.zeros(width)

    def start(self, lanes: int) -> Float[Array, "lanes width"]:
        """Nothing remembered: h is 0."""
        return jnp.zeros((lanes, self.recurrent_bias.size))

    def __call__(
        self,
        inputs: Float[Array, "time lanes features"],
        is_reset: Bool[Array, "time lanes"],
        carry: Float[Array, "lanes width"],
    ) -> tuple[Float[Array, "time lanes width"], Float[Array, "lanes width"]]:
        """Outputs of all steps, and the state after the last."""
        drive = flatten(inputs) @ self.input_weight + self.bias[None]
        drive = drive.reshape(*is_reset.shape, -1)
        hidden = _run(self.recurrent_weight, self.recurrent_bias, drive, to_keep(is_reset), carry)
        return hidden, hidden[-1]

    def step(
        self,
        inputs: Float[Array, "lanes features"],
        is_reset: Bool[Array, " lanes"],
        carry: Float[Array, "lanes width"],
    ) -> tuple[Float[Array, "lanes width"], Float[Array, "lanes width"]]:
        """One step."""
        drive = inputs @ self.input_weight + self.bias[None]
        kept = carry * to_keep(is_reset)
        hidden, _ = _advance(self.recurrent_weight, self.recurrent_bias, drive, kept)
        return hidden, hidden


def _advance(
    weight: Array, bias: Array, drive: Array, hidden: Array
) -> tuple[Array, tuple[Array, Array, Array]]:
    """h after a step from the h that was kept; and r and z together, n, and h U + b_n of n."""
    width = hidden.shape[-1]
    product = hidden @ weight
    opening = jax.nn.sigmoid(drive[..., : 2 * width] + product[..., : 2 * width])
    reset, stay = jnp.split(opening, 2, axis=-1)
    recalled = product[..., 2 * width :] + bias[None]
    candidate = jnp.tanh(drive[..., 2 * width :] + reset * recalled)
    return candidate + stay * (hidden - candidate), (opening, candidate, recalled)


@jax.custom_vjp
def _run(
    weight: Float[Array, "width gates"],
    bias: Float[Array, " width"],
    drive: Float[Array, "time lanes gates"],
    keep: Float[Array, "time lanes 1"],
    carry: Float[Array, "lanes width"],
) -> Float[Array, "time lanes width"]:
    """h after every step. `keep` is data and has no gradient."""
    return _run_forward(weight, bias, drive, keep, carry)[0]


def _run_forward(weight: Array, bias: Array, drive: Array, keep: Array, carry: Array) -> tuple:
    def step(hidden: Array, row: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
        drive, keep = row
        hidden, parts = _advance(weight, bias, drive, hidden * keep)
        return hidden, (hidden, *parts)

    _, made = jax.lax.scan(step, carry, (drive, keep))
    return made[0], (weight, keep, carry, *made)


def _run_backward(kept: tuple, pull: Array) -> tuple:
    """From the gradient by h to those by the weight, the bias, the drive and the carry."""
    weight, keep, carry, hidden, opening, candidate, recalled = kept
    before = jnp.concatenate([carry[None], hidden[:-1]]) * keep
    turned = jax.lax.optimization_barrier(weight.T)  # turned once, not in every step

    def step(later: Array, row: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        opening, candidate, recalled, before, keep, by_hidden = row
        reset, stay = jnp.split(opening, 2, axis=-1)
        by_hidden = by_hidden + later
        by_stay = by_hidden * (before - candidate) * stay * (1.0 - stay)
        by_candidate = by_hidden * (1.0 - stay) * (1.0 - candidate * candidate)
        by_reset = by_candidate * recalled * reset * (1.0 - reset)
        by_product = jnp.concatenate([by_reset, by_stay, by_candidate * reset], axis=-1)
        by_before = (by_hidden * stay + by_product @ turned) * keep
        return by_before, (by_product, by_candidate)

    rows = (opening, candidate, recalled, before, keep, pull)
    nothing = jnp.zeros_like(carry)
    by_first, gradients = jax.lax.scan(step, nothing, rows, reverse=True)
    by_product, by_candidate = gradients
    width = carry.shape[-1]
    by_drive = jnp.concatenate([by_product[..., : 2 * width], by_candidate], axis=-1)
    by_weight = flatten(before).T @ flatten(by_product)
    by_bias = jnp.sum(by_product[..., 2 * width :], axis=(0, 1))
    return by_weight, by_bias, by_drive, None, by_first


_run.defvjp(_run_forward, _run_backward)

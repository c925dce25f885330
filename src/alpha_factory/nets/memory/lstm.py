"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

The gradient of the weights is taken after the loop over time, as one large product of matrices. Left to
itself, a differentiated scan adds it up step by step, which on a CPU takes longer than all the rest. The
products of the inputs could be taken before the loop in the same way, but to write and read them back takes
longer than to let inputs and state go through one product together (measured: 124 against 90 ms for 256
steps of 32 lanes, 64 inputs and a width of 256).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

_GATES = 4

Pair = tuple[Array, Array]


class Lstm(eqx.Module):
    """i, f, o = sigmoid(x W + h U + b), g = tanh(…), c' = f c + i g, h' = o tanh(c')."""

    input_weight: Float[Array, "features gates"]  # W; `width` columns each for i, f, o and g
    recurrent_weight: Float[Array, "width gates"]  # U
    bias: Float[Array, " gates"]

    def __init__(self, features: int, width: int, *, key: PRNGKeyArray):
        """Lecun-normal W, U orthogonal gate by gate, no bias, as in Flax."""
        self.input_weight, self.recurrent_weight = draw_gates(features, width, _GATES, key=key)
        self.bias = jnp.zeros(_GATES * width)

    def start(self, lanes: int) -> Float[Array, "lanes 2 width"]:
        """Nothing remembered: h and c are 0."""
        return jnp.zeros((lanes, 2, self.recurrent_weight.shape[0]))

    def __call__(
        self,
        inputs: Float[Array, "time lanes features"],
        is_reset: Bool[Array, "time lanes"],
        carry: Float[Array, "lanes 2 width"],
    ) -> tuple[Float[Array, "time lanes width"], Float[Array, "lanes 2 width"]]:
        """Outputs of all steps, and the state after the last."""
        hidden, cell = _run(self._join(), self.bias, inputs, to_keep(is_reset), carry)
        return hidden, jnp.stack([hidden[-1], cell], axis=1)

    def step(
        self,
        inputs: Float[Array, "lanes features"],
        is_reset: Bool[Array, " lanes"],
        carry: Float[Array, "lanes 2 width"],
    ) -> tuple[Float[Array, "lanes width"], Float[Array, "lanes 2 width"]]:
        """One step."""
        kept = carry * to_keep(is_reset)[..., None]
        *_, hidden, cell = _advance(self._join(), self.bias, inputs, kept[:, 0], kept[:, 1])
        return hidden, jnp.stack([hidden, cell], axis=1)

    def _join(self) -> Float[Array, "rows gates"]:
        return jnp.concatenate([self.input_weight, self.recurrent_weight])


def draw_gates(
    features: int, width: int, gates: int, *, key: PRNGKeyArray
) -> tuple[Float[Array, "features gates"], Float[Array, "width gates"]]:
    """Weights of the inputs, lecun-normal, and of the state, orthogonal gate by gate."""
    key_input, *keys = jax.random.split(key, gates + 1)
    normal = jax.nn.initializers.lecun_normal()(key_input, (features, gates * width), jnp.float32)
    orthogonal = jax.nn.initializers.orthogonal()
    blocks = [orthogonal(one, (width, width), jnp.float32) for one in keys]
    return normal, jnp.concatenate(blocks, axis=1)


def to_keep(is_reset: Bool[Array, "*axes"]) -> Float[Array, "*axes 1"]:
    """What a state is multiplied with before the step: 0 where it is cleared."""
    return (~is_reset).astype(jnp.float32)[..., None]


def flatten(rows: Float[Array, "time lanes features"]) -> Float[Array, "rows features"]:
    """Steps and lanes on one axis, over which products are a third faster than over two."""
    return rows.reshape(-1, rows.shape[-1])


def _advance(
    weight: Array, bias: Array, inputs: Array, hidden: Array, cell: Array
) -> tuple[Array, Array, Array, Array]:
    """i, f and o in one, g, h and c after a step from the h and c that were kept."""
    width = cell.shape[-1]
    raw = jnp.concatenate([inputs, hidden], axis=-1) @ weight + bias[None]
    opening = jax.nn.sigmoid(raw[..., : 3 * width])
    candidate = jnp.tanh(raw[..., 3 * width :])
    enter, forget, out = jnp.split(opening, 3, axis=-1)
    cell = forget * cell + enter * candidate
    return opening, candidate, out * jnp.tanh(cell), cell


@jax.custom_vjp
def _run(
    weight: Float[Array, "rows gates"],  # of the inputs, then of h
    bias: Float[Array, " gates"],
    inputs: Float[Array, "time lanes features"],
    keep: Float[Array, "time lanes 1"],
    carry: Float[Array, "lanes 2 width"],
) -> tuple[Float[Array, "time lanes width"], Float[Array, "lanes width"]]:
    """h after every step, and c after the last. `keep` is data and has no gradient."""
    return _run_forward(weight, bias, inputs, keep, carry)[0]


def _run_forward(weight: Array, bias: Array, inputs: Array, keep: Array, carry: Array) -> tuple:
    def step(state: Pair, row: Pair) -> tuple[Pair, tuple[Array, ...]]:
        inputs, keep = row
        made = _advance(weight, bias, inputs, state[0] * keep, state[1] * keep)
        return made[2:], made

    # What opens and what enters are kept apart: to join them takes as long as a sixth of the loop.
    made: tuple[Array, ...]
    (_, last), made = jax.lax.scan(step, (carry[:, 0], carry[:, 1]), (inputs, keep))
    return (made[2], last), (weight, inputs, keep, carry, *made)


def _run_backward(kept: tuple, pulls: tuple[Array, Array]) -> tuple:
    """From gradients by h and the last c to those by the weights, the inputs and the carry."""
    weight, inputs, keep, carry, opening, candidate, hidden, cell = kept
    features = inputs.shape[-1]
    cell_before = jnp.concatenate([carry[None, :, 1], cell[:-1]]) * keep
    # Turned once, not in every step.
    turned = jax.lax.optimization_barrier(weight[features:].T)

    def step(later: Pair, row: tuple[Array, ...]) -> tuple[Pair, Array]:
        opening, candidate, cell, cell_before, keep, by_hidden = row
        enter, forget, out = jnp.split(opening, 3, axis=-1)
        bent = jnp.tanh(cell)
        by_hidden = by_hidden + later[0]
        by_cell = later[1] + by_hidden * out * (1.0 - bent * bent)
        by_raw = jnp.concatenate(
            [
                by_cell * candidate * enter * (1.0 - enter),
                by_cell * cell_before * forget * (1.0 - forget),
                by_hidden * bent * out * (1.0 - out),
                by_cell * enter * (1.0 - candidate * candidate),
            ],
            axis=-1,
        )
        return ((by_raw @ turned) * keep, by_cell * forget * keep), by_raw

    by_hidden, by_last = pulls
    rows = (opening, candidate, cell, cell_before, keep, by_hidden)
    first = (jnp.zeros_like(by_last), by_last)
    by_first, by_raw = jax.lax.scan(step, first, rows, reverse=True)
    before = jnp.concatenate([carry[None, :, 0], hidden[:-1]]) * keep
    read, by_raw = jnp.concatenate([inputs, before], axis=-1), flatten(by_raw)
    by_inputs = (by_raw @ weight[:features].T).reshape(inputs.shape)
    by_weight, by_bias = flatten(read).T @ by_raw, jnp.sum(by_raw, axis=0)
    return by_weight, by_bias, by_inputs, None, jnp.stack(by_first, axis=1)


_run.defvjp(_run_forward, _run_backward)

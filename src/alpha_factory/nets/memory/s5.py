"""S5, a linear state space as memory, all steps at once (Smith et al. 2023), with resets (Lu et al. 2023).

Each layer keeps a state x of complex numbers that never mix: x_t = a x_(t-1) + B u_t, a reset before
step t leaving out the first term. Such steps compose: two in a row are one step of the same form. So a
parallel scan takes log2(time) rounds where an LSTM takes `time` of them.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex64, Float, PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.nets.dense import Dense

_SHORTEST, _LONGEST = 0.001, 0.1  # steps in time that a state can have at first, as published
_LEAST_DECAY = 1e-4  # of a state, so that training can't make it grow without end


class S5(eqx.Module):
    """A linear layer to the width, then layers of state."""

    enter: Dense
    layers: tuple["S5Layer", ...]

    def __init__(self, features: int, width: int, *, layers: int, key: PRNGKeyArray):
        """Draw the weights.

        Args:
            width: features of each layer, and real numbers in its state.

        Raises:
            UsageError: the width is odd.
        """
        if width % 2:
            raise UsageError(
                f"width={width} is odd, but S5 keeps conjugate pairs. Try width={width + 1}."
            )
        key_enter, *keys = jax.random.split(key, layers + 1)
        self.enter = Dense(features, width, scale=1.0, key=key_enter)
        self.layers = tuple(S5Layer(width, key=key_layer) for key_layer in keys)

    def start(self, lanes: int) -> Float[Array, "lanes layers 2 states"]:
        """Nothing remembered; real and imaginary parts of one state of each pair."""
        return jnp.zeros((lanes, len(self.layers), 2, self.layers[0].decay.size))

    def __call__(
        self,
        inputs: Float[Array, "time lanes features"],
        is_reset: Bool[Array, "time lanes"],
        carry: Float[Array, "lanes layers 2 states"],
    ) -> tuple[Float[Array, "time lanes width"], Float[Array, "lanes layers 2 states"]]:
        """Outputs of all steps, and the state after the last."""
        stream, carries = self.enter(inputs), []
        for number, layer in enumerate(self.layers):
            first = jax.lax.complex(carry[:, number, 0], carry[:, number, 1])
            state = layer.remember(stream, is_reset, first)
            stream = layer.tell(stream, state)
            carries.append(jnp.stack([state[-1].real, state[-1].imag], axis=1))
        return stream, jnp.stack(carries, axis=1)

    def step(
        self,
        inputs: Float[Array, "lanes features"],
        is_reset: Bool[Array, " lanes"],
        carry: Float[Array, "lanes layers 2 states"],
    ) -> tuple[Float[Array, "lanes width"], Float[Array, "lanes layers 2 states"]]:
        """One step."""
        outputs, carry = self(inputs[None], is_reset[None], carry)
        return outputs[0], carry


class S5Layer(eqx.Module):
    """State space -> GELU -> gate -> skip, without a norm, as published for reinforcement learning."""

    decay: Float[Array, " states"]  # real parts of the eigenvalues, at most -1e-4 in use
    frequency: Float[Array, " states"]  # imaginary parts; of each pair, the one above 0
    read: Float[Array, "width 2 states"]  # B, real and imaginary
    write: Float[Array, "2 states width"]  # C
    direct: Float[Array, " width"]  # D
    log_step: Float[Array, " states"]  # of the time that passes between two inputs
    gate: Dense

    def __init__(self, width: int, *, key: PRNGKeyArray):
        key_read, key_write, key_direct, key_step, key_gate = jax.random.split(key, 5)
        values, vectors = hippo(width)
        states = width // 2
        self.decay = jnp.asarray(values.real, jnp.float32)
        self.frequency = jnp.asarray(values.imag, jnp.float32)
        lecun = 1 / math.sqrt(width)
        # Drawn where they are real, then turned to where the recurrence is diagonal.
        read = lecun * jax.random.normal(key_read, (width, width))
        turn = vectors.conj().T
        self.read = jnp.stack(
            [read @ jnp.asarray(part.T, jnp.float32) for part in (turn.real, turn.imag)], axis=1
        )
        real, imaginary = lecun * jax.random.normal(key_write, (2, width, width))
        back = (jnp.asarray(vectors.real, jnp.float32), jnp.asarray(vectors.imag, jnp.float32))
        write = (real @ back[0] - imaginary @ back[1], real @ back[1] + imaginary @ back[0])
        self.write = jnp.stack([part.T for part in write])
        self.direct = jax.random.normal(key_direct, (width,))
        span = math.log(_LONGEST / _SHORTEST)
        self.log_step = math.log(_SHORTEST) + span * jax.random.uniform(key_step, (states,))
        self.gate = Dense(width, width, scale=1.0, key=key_gate)

    def remember(
        self,
        stream: Float[Array, "time lanes width"],
        is_reset: Bool[Array, "time lanes"],
        first: Complex64[Array, "lanes states"],
    ) -> Complex64[Array, "time lanes states"]:
        """The state after every step, by a scan over time whose elements are composed in any order."""
        factor, gain = self.discretise()
        time, lanes, _ = stream.shape
        entering = stream @ self.read.reshape(stream.shape[-1], -1)
        entering = entering.reshape(time, lanes, 2, -1)
        pushed = jax.lax.complex(entering[:, :, 0], entering[:, :, 1]) * gain[None, None]
        return _run(factor, pushed, is_reset[..., None], first)

    def tell(
        self, stream: Float[Array, "time lanes width"], state: Complex64[Array, "time lanes states"]
    ) -> Float[Array, "time lanes width"]:
        """y = 2 Re(C x) + D u, and what the rest of the layer makes of it."""
        parts = jnp.concatenate([state.real, -state.imag], axis=-1)
        heard = 2.0 * (parts @ self.write.reshape(-1, stream.shape[-1]))
        heard = jax.nn.gelu(heard + self.direct[None, None] * stream)
        return stream + heard * jax.nn.sigmoid(self.gate(heard))

    def discretise(self) -> tuple[Complex64[Array, " states"], Complex64[Array, " states"]]:
        """Factor of the state, and what B is multiplied with: zero-order hold.

        a = exp(L dt), (a - 1) / L.
        """
        decay = jnp.minimum(self.decay, -_LEAST_DECAY)
        eigenvalue = jax.lax.complex(decay, self.frequency)
        factor = jnp.exp(eigenvalue * jnp.exp(self.log_step).astype(jnp.complex64))
        return factor, (factor - 1.0) / eigenvalue


Step = tuple[Complex64[Array, "..."], Complex64[Array, "..."], Bool[Array, "..."]]
"""A factor, what is added, and whether the state before is dropped."""


def compose(earlier: Step, later: Step) -> Step:
    """Two steps in a row as one.

    A step with a reset pays no heed to what it is multiplied with, so factors need not know of
    resets, and are the same for all lanes.
    """
    factor, push, is_reset = later
    joined = jnp.where(is_reset, push, factor * earlier[1] + push)
    return factor * earlier[0], joined, earlier[2] | is_reset


@jax.custom_vjp
def _run(
    factor: Complex64[Array, " states"],
    pushed: Complex64[Array, "time lanes states"],
    is_reset: Bool[Array, "time lanes 1"],
    first: Complex64[Array, "lanes states"],
) -> Complex64[Array, "time lanes states"]:
    """The state after every step.

    The gradient is a recurrence of the same form that runs back in time, so a second scan takes the
    place of one differentiated round by round. (Gradients of complex numbers are JAX's: products are not
    conjugated.)
    """
    return _scan(factor, pushed, is_reset, first, is_backward=False)


def _scan(
    factor: Array, pushed: Array, is_reset: Array, first: Array, *, is_backward: bool
) -> Array:
    """What is carried in is a step that comes before all others, and is left out of the result."""
    time = pushed.shape[0]

    def put_first(one: Array, rest: Array) -> Array:
        return jnp.concatenate([rest, one[None]] if is_backward else [one[None], rest])

    steps = (
        put_first(jnp.ones((1, factor.size), factor.dtype), jnp.tile(factor, (time, 1, 1))),
        put_first(first, pushed),
        put_first(jnp.zeros_like(is_reset[0]), is_reset),
    )
    state = jax.lax.associative_scan(compose, steps, reverse=is_backward)[1]
    return state[:-1] if is_backward else state[1:]


def _run_forward(factor: Array, pushed: Array, is_reset: Array, first: Array) -> tuple:
    state = _run(factor, pushed, is_reset, first)
    return state, (factor, is_reset, first, state)


def _run_backward(kept: tuple, pull: Array) -> tuple:
    """From the gradient by the states to those by the factor, what is added and the first state."""
    factor, is_reset, first, state = kept
    # Nothing comes back to a step from one that cleared the state.
    is_cut = jnp.concatenate([is_reset[1:], jnp.zeros_like(is_reset[:1])])
    by_push = _scan(factor, pull, is_cut, jnp.zeros_like(first), is_backward=True)
    before = jnp.concatenate([first[None], state[:-1]])
    passed = jnp.where(is_reset, jnp.zeros_like(by_push), by_push)
    by_factor = jnp.sum(passed * before, axis=(0, 1))
    return by_factor, by_push, None, factor[None] * passed[0]


_run.defvjp(_run_forward, _run_backward)


def hippo(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of HiPPO-LegS, its normal part (Gu et al. 2022, S4D-LegS).

    Returns:
        Of each conjugate pair the one above the real axis: `states` values, and vectors of axes
        `size states`, of length 1.
    """
    root = np.sqrt(2 * np.arange(size) + 1.0)
    # -1/2 on the diagonal and a skew-symmetric rest, whose eigenvalues are imaginary.
    lower = np.tril(np.outer(root, root) / 2, -1)
    frequency, vectors = np.linalg.eigh(1j * (lower - lower.T))
    above = slice(size // 2, None)
    return -0.5 + 1j * frequency[above], vectors[:, above]

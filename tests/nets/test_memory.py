import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alpha_factory.core import UsageError
from alpha_factory.nets.memory import s5
from alpha_factory.nets.memory.memory import make_memory

pytestmark = pytest.mark.usefixtures("quick_compilation")

TIME, LANES, FEATURES, WIDTH, LAYERS = 9, 3, 4, 6, 2
KINDS = ("lstm", "gru", "s5")
RESETS = arrays.arrays(bool, (TIME, LANES))

ALL_AT_ONCE = jax.jit(lambda memory, *args: memory(*args))
ONE_STEP = jax.jit(lambda memory, *args: memory.step(*args))


@functools.cache
def memory_of(kind):
    """Weights drawn by NumPy, so that biases count."""
    shapes = jax.eval_shape(lambda: make_memory(kind, FEATURES, WIDTH, layers=LAYERS, key=KEY()))
    source = np.random.default_rng(0)
    drawn = jax.tree.map(
        lambda leaf: jnp.asarray(source.normal(0, 0.5, leaf.shape), jnp.float32), shapes
    )
    if kind != "s5":
        return drawn

    def spectrum(memory):
        """Eigenvalues and steps, which are kept as they are made."""
        return [
            part
            for layer in memory.layers
            for part in (layer.decay, layer.frequency, layer.log_step)
        ]

    made = make_memory(kind, FEATURES, WIDTH, layers=LAYERS, key=KEY())
    return eqx.tree_at(spectrum, drawn, spectrum(made))


def KEY():  # noqa: N802
    return jax.random.key(0)


def draw(*shape):
    return jnp.asarray(np.random.default_rng(1).normal(size=shape), jnp.float32)


INPUTS = (TIME, LANES, FEATURES)


def carry_of(memory):
    return draw(*memory.start(LANES).shape)


@pytest.mark.parametrize("kind", KINDS)
@given(is_reset=RESETS)
def test_all_steps_at_once_are_those_of_acting_step_by_step(kind, is_reset):
    memory, inputs = memory_of(kind), draw(*INPUTS)
    first = carry_of(memory)
    outputs, last = ALL_AT_ONCE(memory, inputs, is_reset, first)
    carry = first
    for time in range(TIME):
        output, carry = ONE_STEP(memory, inputs[time], is_reset[time], carry)
        np.testing.assert_allclose(outputs[time], output, atol=1e-5)
    np.testing.assert_allclose(last, carry, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@given(is_reset=RESETS)
def test_each_episode_is_as_if_it_were_alone(kind, is_reset):
    """No flag is needed for the steps of an episode that begins with nothing remembered."""
    memory, inputs = memory_of(kind), draw(*INPUTS)
    outputs, _ = ALL_AT_ONCE(memory, inputs, is_reset, carry_of(memory))
    never = np.zeros(LANES, bool)
    for lane in range(LANES):
        starts = np.flatnonzero(is_reset[:, lane]).tolist()
        for start, end in itertools.pairwise([*starts, TIME]):
            carry = memory.start(LANES)
            for time in range(start, end):
                output, carry = ONE_STEP(memory, inputs[time], never, carry)
                np.testing.assert_allclose(outputs[time, lane], output[lane], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_lanes_share_nothing(kind):
    memory, inputs, is_reset = memory_of(kind), draw(*INPUTS), np.zeros((TIME, LANES), bool)
    whole, _ = ALL_AT_ONCE(memory, inputs, is_reset, carry_of(memory))
    other, _ = ALL_AT_ONCE(memory, inputs.at[:, 1].add(1.0), is_reset, carry_of(memory))
    np.testing.assert_array_equal(whole[:, [0, 2]], other[:, [0, 2]])
    assert (np.asarray(whole[:, 1]) != np.asarray(other[:, 1])).all()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slow_lstm(memory, inputs, is_reset, carry):
    w, u, b = (
        np.asarray(leaf, float)
        for leaf in (memory.input_weight, memory.recurrent_weight, memory.bias)
    )
    outputs = np.zeros((TIME, LANES, WIDTH))
    for lane in range(LANES):
        h, c = np.asarray(carry[lane], float)
        for time in range(TIME):
            if is_reset[time, lane]:
                h, c = np.zeros(WIDTH), np.zeros(WIDTH)
            i, f, o, g = np.split(np.asarray(inputs[time, lane], float) @ w + h @ u + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outputs[time, lane] = h
    return outputs


def slow_gru(memory, inputs, is_reset, carry):
    w, u, b, extra = (
        np.asarray(leaf, float)
        for leaf in (
            memory.input_weight,
            memory.recurrent_weight,
            memory.bias,
            memory.recurrent_bias,
        )
    )
    outputs = np.zeros((TIME, LANES, WIDTH))
    for lane in range(LANES):
        h = np.asarray(carry[lane], float)
        for time in range(TIME):
            if is_reset[time, lane]:
                h = np.zeros(WIDTH)
            xr, xz, xn = np.split(np.asarray(inputs[time, lane], float) @ w + b, 3)
            hr, hz, hn = np.split(h @ u, 3)
            z = sigmoid(xz + hz)
            n = np.tanh(xn + sigmoid(xr + hr) * (hn + extra))
            h = (1 - z) * n + z * h
            outputs[time, lane] = h
    return outputs


def gelu(x):
    """The form with tanh."""
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def slow_s5(memory, inputs, is_reset, carry):
    """One state after another, in complex128, with the matrices written out."""
    read = functools.partial(np.asarray, dtype=float)
    outputs = np.zeros((TIME, LANES, WIDTH))
    for lane in range(LANES):
        stream = read(inputs[:, lane]) @ read(memory.enter.weight) + read(memory.enter.bias)
        for number, layer in enumerate(memory.layers):
            eigenvalue = read(layer.decay) + 1j * read(layer.frequency)
            factor = np.exp(eigenvalue * np.exp(read(layer.log_step)))
            b = (read(layer.read)[:, 0] + 1j * read(layer.read)[:, 1]).T
            b = ((factor - 1) / eigenvalue)[:, None] * b
            c = (read(layer.write)[0] + 1j * read(layer.write)[1]).T
            x = read(carry[lane, number, 0]) + 1j * read(carry[lane, number, 1])
            after = []
            for time in range(TIME):
                x = factor * (0 if is_reset[time, lane] else x) + b @ stream[time]
                heard = gelu(2 * (c @ x).real + read(layer.direct) * stream[time])
                gate = sigmoid(heard @ read(layer.gate.weight) + read(layer.gate.bias))
                after.append(stream[time] + heard * gate)
            stream = np.stack(after)
        outputs[:, lane] = stream
    return outputs


SLOW = {"lstm": slow_lstm, "gru": slow_gru, "s5": slow_s5}


@pytest.mark.parametrize("kind", KINDS)
@given(is_reset=RESETS)
def test_outputs_are_those_of_numpy(kind, is_reset):
    memory, inputs = memory_of(kind), draw(*INPUTS)
    carry = carry_of(memory)
    outputs, _ = ALL_AT_ONCE(memory, inputs, is_reset, carry)
    wanted = SLOW[kind](memory, inputs, is_reset, carry)
    np.testing.assert_allclose(outputs, wanted, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_slopes_of_numpy(kind):
    """By every weight, input and the carry in turn, along a random direction."""
    memory, inputs = memory_of(kind), draw(*INPUTS)
    carry = carry_of(memory)
    is_reset = jnp.asarray(np.random.default_rng(2).random((TIME, LANES)) < 0.2)
    ways = draw(TIME, LANES, WIDTH)

    def add_up(memory, inputs, carry):
        return jnp.sum(memory(inputs, is_reset, carry)[0] * ways)

    given = (memory, inputs, carry)
    gradients = jax.tree.leaves(jax.jit(jax.grad(add_up, argnums=(0, 1, 2)))(*given))
    leaves, shape = jax.tree.flatten(given)
    leaves = [np.asarray(leaf, float) for leaf in leaves]
    source = np.random.default_rng(3)
    for number, gradient in enumerate(gradients):
        way = source.normal(size=gradient.shape)

        def loss_at(distance, number=number, way=way):
            moved = list(leaves)
            moved[number] = leaves[number] + distance * way
            memory, inputs, carry = jax.tree.unflatten(shape, moved)
            return (SLOW[kind](memory, inputs, is_reset, carry) * np.asarray(ways, float)).sum()

        slope = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5
        assert slope != 0
        assert (np.asarray(gradient) * way).sum() == pytest.approx(slope, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_flows_through_the_state_that_is_handed_on(kind):
    """That of two halves, one after the other, is that of the whole."""
    memory, inputs = memory_of(kind), draw(*INPUTS)
    never, ways, half = jnp.zeros((TIME, LANES), bool), draw(TIME, LANES, WIDTH), TIME // 2

    def of_whole(memory, carry):
        outputs, last = memory(inputs, never, carry)
        return jnp.sum(outputs * ways) + jnp.sum(last)

    def of_halves(memory, carry):
        outputs, carry = memory(inputs[:half], never[:half], carry)
        rest, last = memory(inputs[half:], never[half:], carry)
        return jnp.sum(jnp.concatenate([outputs, rest]) * ways) + jnp.sum(last)

    got, wanted = (
        jax.jit(jax.grad(loss, argnums=(0, 1)))(memory, carry_of(memory))
        for loss in (of_whole, of_halves)
    )
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


STEPS = st.tuples(
    st.complex_numbers(max_magnitude=2), st.complex_numbers(max_magnitude=2), st.booleans()
)


@given(STEPS, STEPS, STEPS)
def test_steps_with_resets_compose_in_any_order(first, second, third):
    """Grouped either way they do the same to every state: exactly so for what is added."""
    one, two, three = (
        (np.complex128(factor), np.complex128(push), np.bool_(flag))
        for factor, push, flag in (first, second, third)
    )

    def compose(earlier, later):
        factor, push, flag = later
        return (
            factor * earlier[0],
            push if flag else factor * earlier[1] + push,
            earlier[2] | flag,
        )

    def follow(state, step):
        return step[1] + (0 if step[2] else step[0] * state)

    for state in (0.0, 1.5 - 0.5j):
        wanted = follow(follow(follow(state, one), two), three)
        for grouped in (compose(compose(one, two), three), compose(one, compose(two, three))):
            np.testing.assert_allclose(follow(state, grouped), wanted, atol=1e-9)
    # What is composed above is what the scan composes.
    got = s5.compose(
        tuple(jnp.asarray(part)[None] for part in one),
        tuple(jnp.asarray(part)[None] for part in two),
    )
    for part, wanted in zip(got, compose(one, two), strict=True):
        np.testing.assert_allclose(part[0], wanted, rtol=1e-5, atol=1e-5)


def test_hippo_diagonalises_the_normal_part_of_legs():
    """A of HiPPO-LegS as published, plus the outer product that makes it normal."""
    size = 8
    matrix = np.zeros((size, size))
    for row in range(size):
        for column in range(row):
            matrix[row, column] = -np.sqrt((2 * row + 1) * (2 * column + 1))
        matrix[row, row] = -(row + 1)
    outer = np.sqrt(np.arange(size) + 0.5)
    normal = matrix + np.outer(outer, outer)
    values, vectors = s5.hippo(size)
    assert values.shape == (size // 2,)
    assert (values.imag > 0).all()
    np.testing.assert_allclose(normal @ vectors, vectors * values, atol=1e-12)
    np.testing.assert_allclose(vectors.conj().T @ vectors, np.eye(size // 2), atol=1e-12)


def test_s5_reads_and_writes_a_real_matrix_of_the_whole_space():
    """Pairs of conjugates leave out half; with it, V (V* B) is the real B that was drawn."""
    layer = make_memory("s5", FEATURES, WIDTH, layers=1, key=KEY()).layers[0]
    _, vectors = s5.hippo(WIDTH)
    real, imaginary = np.asarray(layer.read, complex).swapaxes(0, 1)
    half = (real + 1j * imaginary).T
    whole = 2 * (vectors @ half).real
    assert whole.shape == (WIDTH, WIDTH)
    assert np.abs(vectors.conj().T @ whole - half).max() < 1e-6


def test_recurrent_weights_are_orthogonal_gate_by_gate():
    for kind, gates in (("lstm", 4), ("gru", 3)):
        memory = make_memory(kind, FEATURES, WIDTH, layers=1, key=KEY())
        assert memory.input_weight.shape == (FEATURES, gates * WIDTH)
        for block in np.split(np.asarray(memory.recurrent_weight), gates, axis=1):
            np.testing.assert_allclose(block.T @ block, np.eye(WIDTH), atol=1e-5)


def test_state_of_s5_never_grows_whatever_is_learned():
    layer = make_memory("s5", FEATURES, WIDTH, layers=1, key=KEY()).layers[0]
    growing = eqx.tree_at(lambda tree: tree.decay, layer, jnp.ones(WIDTH // 2))
    factor, gain = growing.discretise()
    assert (np.abs(factor) < 1).all()
    assert np.isfinite(gain).all()


def test_odd_width_of_s5_is_refused():
    with pytest.raises(UsageError, match=r"width=7 is odd.*Try width=8"):
        make_memory("s5", FEATURES, 7, layers=1, key=KEY())


def test_unknown_memory_names_the_choices():
    with pytest.raises(UsageError, match="lstm"):
        make_memory("elephant", FEATURES, WIDTH, layers=1, key=KEY())

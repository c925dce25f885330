import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core import UsageError
from alpha_factory.nets.actor_critic import ActorCritic

pytestmark = pytest.mark.usefixtures("quick_compilation")

TIME, LANES, SHAPE, ACTIONS, CODES = 3, 2, (2, 2), 3, 5
RUN = jax.jit(lambda net, *args: net(*args))


def make(shape=SHAPE, **settings):
    sizes = {"width": 6, "embed": 5, "head": 4, "layers": 1} | settings
    return ActorCritic(shape, ACTIONS, key=jax.random.key(0), **sizes)


@pytest.fixture(scope="module")
def net(draw):
    return draw(make)


@pytest.fixture(scope="module")
def bits():
    return jnp.asarray(np.random.default_rng(0).random((TIME, LANES, *SHAPE)) < 0.5)


NEVER = jnp.zeros((TIME, LANES), bool)


def read(dense, inputs):
    return inputs @ np.asarray(dense.weight, float) + np.asarray(dense.bias, float)


def test_opinions_are_those_of_numpy_around_the_memory(net, bits):
    opinion, carry = RUN(net, bits, NEVER, net.start(LANES))
    flat = np.asarray(bits, float).reshape(TIME, LANES, -1)
    embedded = jnp.asarray(np.maximum(read(net.embedding, flat), 0), jnp.float32)
    recalled, wanted_carry = net.memory(embedded, NEVER, net.start(LANES))
    for head, told in ((net.policy, opinion.logits), (net.value, opinion.value[..., None])):
        hidden = np.maximum(read(head.hidden, np.asarray(recalled, float)), 0)
        np.testing.assert_allclose(told, read(head.out, hidden), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(carry, wanted_carry, atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.int32])
def test_bits_are_read_whatever_they_are_stored_as(net, bits, dtype):
    ran = [RUN(net, obs, NEVER, net.start(LANES))[0] for obs in (bits, bits.astype(dtype))]
    for one, other in zip(*ran, strict=True):
        np.testing.assert_array_equal(one, other)


def test_codes_are_told_by_a_bit_each(draw):
    """Two networks of the same weights, which are drawn by their shapes."""
    codes = np.random.default_rng(0).integers(0, CODES, (TIME, LANES, *SHAPE)).astype(np.uint8)
    bits = (codes[..., None] == np.arange(CODES)).reshape(TIME, LANES, -1)
    ran = []
    for net, obs in (
        (draw(lambda: make(codes=CODES)), codes),
        (draw(lambda: make(shape=bits.shape[2:])), bits),
    ):
        ran.append(RUN(net, jnp.asarray(obs), NEVER, net.start(LANES))[0])
    for one, other in zip(*ran, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("memory", ["lstm", "gru", "s5"])
def test_one_step_is_that_of_all_at_once(draw, bits, memory):
    net = draw(lambda: make(memory=memory))
    is_reset = jnp.array([[True, True], [False, False], [True, False]])
    whole, last = RUN(net, bits, is_reset, net.start(LANES))
    carry = net.start(LANES)
    for time in range(TIME):
        opinion, carry = net.step(bits[time], is_reset[time], carry)
        np.testing.assert_allclose(whole.logits[time], opinion.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(whole.value[time], opinion.value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(last, carry, atol=1e-5)


def test_weights_begin_orthogonal_and_the_policy_close_to_uniform(bits):
    net = make(width=16, embed=8, head=12)
    for dense, scale in (
        (net.embedding, 2**0.5),
        (net.policy.hidden, 2.0),
        (net.policy.out, 0.01),
        (net.value.hidden, 2.0),
        (net.value.out, 1.0),
    ):
        weight = np.asarray(dense.weight, float)
        small = weight if weight.shape[0] <= weight.shape[1] else weight.T
        np.testing.assert_allclose(small @ small.T, scale**2 * np.eye(len(small)), atol=1e-5)
        assert not np.asarray(dense.bias).any()
    opinion, _ = RUN(net, bits, NEVER, net.start(LANES))
    np.testing.assert_allclose(jax.nn.softmax(opinion.logits), 1 / ACTIONS, atol=0.02)


def test_observation_of_another_shape_names_both(net):
    with pytest.raises(ValueError, match=r"\(3, 2, 4\).*reads \(2, 2\)"):
        net(jnp.zeros((3, 2, 4)), NEVER, net.start(LANES))


def test_bytes_are_refused_unless_it_is_known_how_many_codes_there_are(net, bits):
    with pytest.raises(UsageError, match="codes=31"):
        net(bits.astype(jnp.uint8), NEVER, net.start(LANES))


def test_parts_of_an_action_are_chosen_independently(draw):
    """Logits of an action are its parts' added up, the last part going round first."""
    parts = (4, 3)
    net = draw(lambda: ActorCritic((6,), parts, width=6, embed=5, head=4, key=jax.random.key(0)))
    recalled = jnp.asarray(np.random.default_rng(0).normal(size=(TIME, LANES, 6)), jnp.float32)
    logits = np.asarray(RUN(net.judge, recalled).logits)
    cell, kind = np.split(np.asarray(net.policy(recalled)), [4], axis=-1)
    for number in range(12):
        wanted = cell[..., number // 3] + kind[..., number % 3]
        np.testing.assert_allclose(logits[..., number], wanted, rtol=1e-5, atol=1e-6)


def test_masked_actions_are_never_taken_and_the_others_are_left_alone(draw):
    net = draw(
        lambda: ActorCritic(
            (6,), ACTIONS, width=6, embed=5, head=4, is_masked=True, key=jax.random.key(0)
        )
    )
    source = np.random.default_rng(0)
    obs = source.normal(size=(TIME, LANES, 6)).astype(np.float32)
    mask = source.random((TIME, LANES, ACTIONS)) < 0.5
    mask[..., 0] |= ~mask.any(axis=-1)
    obs[..., -ACTIONS:] = mask
    opinion, _ = RUN(net, jnp.asarray(obs), NEVER, net.start(LANES))
    chances = np.asarray(jax.nn.softmax(opinion.logits))
    assert (chances[~mask] == 0).all()
    assert (chances[mask] > 0).all()
    recalled, _ = net.recall(jnp.asarray(obs), NEVER, net.start(LANES))
    raw = np.asarray(net.policy(recalled[..., :-ACTIONS]))
    np.testing.assert_allclose(np.asarray(opinion.logits)[mask], raw[mask], rtol=1e-5, atol=1e-6)
    carry, seen = net.start(LANES), []
    for row in range(TIME):
        told, carry = net.step(jnp.asarray(obs[row]), NEVER[row], carry)
        seen.append(told.logits)
    np.testing.assert_allclose(np.stack(seen), opinion.logits, rtol=1e-5, atol=1e-5)

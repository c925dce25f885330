"""Steps beside the real ones, in a world whose hidden drift moves the agent: against a simulation of each by itself."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.learn.gae import estimate_advantages
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import Stretch, collect_lanes, ground, make_sampler, start_lanes
from reference.drift import DRIFT, TRUTH, Slope, guess_drift, simulate

pytestmark = pytest.mark.usefixtures("quick_compilation")

STEPS = 24
DISCOUNT, TRACE = 0.9, 0.8
LEVELS = Slope(jnp.zeros(3, jnp.int32), jnp.array([-1, 0, 1], jnp.int32))
DRIFTS = LEVELS.drift.tolist()


@pytest.fixture(scope="module")
def net():
    return ActorCritic((2,), 3, memory="gru", width=5, embed=4, head=4, key=jax.random.key(1))


@pytest.fixture(scope="module")
def stretches(net, quick_compilation):
    """The same rollout twice: with fiction, and without."""

    @eqx.filter_jit
    def collect(net):
        key_start, key_play = jax.random.split(jax.random.key(2))
        given = DRIFT, make_sampler(), net
        lanes = start_lanes(*given, LEVELS, key=key_start)
        return (
            collect_lanes(*given, lanes, steps=STEPS, posterior=guess_drift, key=key_play),
            collect_lanes(*given, lanes, steps=STEPS, key=key_play),
        )

    return collect(net)


def each_step(stretch):
    """Time, lane, place, time in the episode and action of every row with a step."""
    rows = jax.tree.map(np.asarray, stretch.rows)
    for time, lane in np.argwhere(~rows.is_last).tolist():
        place, passed = rows.obs[time, lane].astype(int).tolist()
        yield time, lane, place, passed, int(rows.action[time, lane])


def remember(net, rows):
    """The carry after every row."""
    step = eqx.filter_jit(lambda net, *args: net.step(*args)[1])
    carry, kept = net.start(len(DRIFTS)), []
    for time in range(STEPS):
        carry = step(net, rows.obs[time], rows.is_reset[time], carry)
        kept.append(carry)
    return kept


def test_fictitious_steps_are_those_of_a_simulation_with_the_true_drift(net, stretches):
    stretch = stretches[0]
    fiction = jax.tree.map(np.asarray, stretch.fiction)
    carries = remember(net, stretch.rows)
    value = eqx.filter_jit(
        lambda net, obs, carry: net.step(obs, jnp.zeros(len(DRIFTS), bool), carry)[0].value
    )
    ends = 0
    for time, lane, place, passed, action in each_step(stretch):
        other, paid, is_out, is_cut = simulate(place, passed, action, TRUTH)
        assert fiction.reward[time, lane] == paid
        assert fiction.is_terminated[time, lane] == is_out
        assert fiction.is_truncated[time, lane] == is_cut
        assert fiction.is_real[time, lane] == (DRIFTS[lane] == TRUTH)
        obs = jnp.tile(jnp.array([other, passed + 1], jnp.float32), (len(DRIFTS), 1))
        told = value(net, obs, carries[time])[lane]
        assert fiction.value[time, lane] == pytest.approx(float(told), abs=1e-5)
        ends += is_out
    assert ends > 3


def test_real_episodes_go_on_as_if_nothing_had_happened(stretches):
    with_fiction, without = stretches
    assert without.fiction is None
    for one, other in zip(
        jax.tree.leaves((with_fiction.rows, with_fiction.attempts, with_fiction.last_value)),
        jax.tree.leaves((without.rows, without.attempts, without.last_value)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    for time, lane, place, passed, action in each_step(without):
        _, paid, is_out, is_cut = simulate(place, passed, action, DRIFTS[lane])
        assert float(without.rows.reward[time, lane]) == paid
        assert bool(without.rows.is_terminated[time, lane]) == is_out
        assert bool(without.rows.is_truncated[time, lane]) == is_cut


def advantages(stretch):
    rows = stretch.rows
    ends = (rows.is_terminated, rows.is_last, stretch.last_value)
    return estimate_advantages(rows.reward, rows.value, *ends, discount=DISCOUNT, trace=TRACE)


def test_grounded_advantages_are_those_of_the_fictitious_transitions(stretches):
    stretch = stretches[0]
    got = np.asarray(jax.jit(lambda: advantages(ground(stretch, discount=DISCOUNT)))())
    rows, fiction = jax.tree.map(np.asarray, (stretch.rows, stretch.fiction))
    for lane in range(len(DRIFTS)):
        later = 0.0
        for time in reversed(range(STEPS)):
            if rows.is_last[time, lane]:
                later = 0.0
                assert got[time, lane] == 0
                continue
            is_out = fiction.is_terminated[time, lane]
            after = 0.0 if is_out else fiction.value[time, lane]
            error = fiction.reward[time, lane] + DISCOUNT * after - rows.value[time, lane]
            later = error + (0.0 if is_out else DISCOUNT * TRACE * later)
            assert got[time, lane] == pytest.approx(later, abs=1e-4)


def test_where_the_truth_is_what_the_level_has_nothing_changes_to_the_bit(stretches):
    with_fiction, without = stretches
    lane = DRIFTS.index(TRUTH)
    grounded = jax.jit(lambda: ground(with_fiction, discount=DISCOUNT).rows)()
    for one, other in zip(jax.tree.leaves(grounded), jax.tree.leaves(without.rows), strict=True):
        np.testing.assert_array_equal(one[:, lane], other[:, lane])


def test_stretch_without_fiction_is_not_grounded(stretches):
    assert isinstance(stretches[1], Stretch)
    with pytest.raises(ValueError, match="collect it with a posterior"):
        ground(stretches[1], discount=DISCOUNT)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.rollout import unroll_targets
from reference import targets as slow
from reference.targets import Row

UNROLL, HORIZON, DISCOUNT = 3, 2, 0.5
WINDOW = UNROLL + HORIZON + 1
UNKNOWN = None


@jax.jit
def unrolled(reward, is_terminated, is_last, value):
    return unroll_targets(
        reward, is_terminated, is_last, value, unroll=UNROLL, horizon=HORIZON, discount=DISCOUNT
    )


def targets_of(rows):
    """Targets of one window, None where they are unknown."""
    reward, is_terminated, is_last, value = (
        jnp.asarray(np.array(column)[:, None]) for column in zip(*rows[:WINDOW], strict=True)
    )
    got = unrolled(reward.astype(jnp.float32), is_terminated, is_last, value.astype(jnp.float32))

    def known(values, mask):
        pairs = zip(values[:, 0].tolist(), mask[:, 0].tolist(), strict=True)
        return [value if is_known else UNKNOWN for value, is_known in pairs]

    return slow.Targets(
        value=known(got.value, got.is_value_known),
        reward=known(got.reward, got.is_reward_known),
        is_policy_known=got.is_policy_known[:, 0].tolist(),
    )


def episode(rewards, *, is_terminated, values):
    """Rows of an episode: one a step and the last observation."""
    steps = len(rewards)
    return [
        Row(
            reward=rewards[time] if time < steps else 0.0,
            is_terminated=is_terminated and time == steps - 1,
            is_last=time == steps,
            value=values[time],
        )
        for time in range(steps + 1)
    ]


NEXT_EPISODE = episode([100.0] * 9, is_terminated=False, values=[1000.0] * 10)


def test_targets_in_the_middle_of_an_episode_bootstrap_n_steps_ahead():
    rows = episode([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], is_terminated=False, values=[64.0] * 7)
    got = targets_of(rows)
    # r_1 + r_2 / 2 + 64 / 4
    assert got.value == [18.0, 20.0, 24.0, 32.0]
    assert got.reward == [1.0, 2.0, 4.0]
    assert got.is_policy_known == [True] * 4


def test_reward_of_a_terminal_first_step_counts():
    rows = episode([1.0], is_terminated=True, values=[7.0, 9.0])
    got = targets_of(rows + NEXT_EPISODE)
    assert got.value == [1.0, 0.0, 0.0, 0.0]
    assert got.reward == [1.0, 0.0, 0.0]
    assert got.is_policy_known == [True, False, False, False]


def test_reward_of_a_terminal_later_step_counts_and_nothing_follows():
    rows = episode([0.0, -1.0], is_terminated=True, values=[7.0, 7.0, 9.0])
    got = targets_of(rows + NEXT_EPISODE)
    assert got.value == [-0.5, -1.0, 0.0, 0.0]
    assert got.reward == [0.0, -1.0, 0.0]
    assert got.is_policy_known == [True, True, False, False]


def test_truncated_episode_bootstraps_from_its_last_row():
    rows = episode([0.0, 1.0], is_terminated=False, values=[7.0, 7.0, 8.0])
    got = targets_of(rows + NEXT_EPISODE)
    # 0 + 1 / 2 + 8 / 4, then 1 + 8 / 2, then nothing is known of what would have come.
    assert got.value == [2.5, 5.0, UNKNOWN, UNKNOWN]
    assert got.reward == [0.0, 1.0, UNKNOWN]
    assert got.is_policy_known == [True, True, False, False]


def test_episode_of_one_truncated_step():
    rows = episode([0.25], is_terminated=False, values=[7.0, 8.0])
    got = targets_of(rows + NEXT_EPISODE)
    assert got.value == [4.25, UNKNOWN, UNKNOWN, UNKNOWN]
    assert got.reward == [0.25, UNKNOWN, UNKNOWN]


NUMBER = st.integers(-8, 8).map(float)


@st.composite
def windows(draw):
    """Rows of a few short episodes, from somewhere in the first one on."""
    rows = []
    while len(rows) < WINDOW + 4:
        rewards = draw(st.lists(NUMBER, min_size=1, max_size=6))
        values = draw(st.lists(NUMBER, min_size=len(rewards) + 1, max_size=len(rewards) + 1))
        rows += episode(rewards, is_terminated=draw(st.booleans()), values=values)
    first = draw(st.integers(0, 3))
    while rows[first].is_last:
        first += 1
    return rows[first : first + WINDOW]


@given(windows())
def test_targets_are_those_of_the_slow_reference(rows):
    wanted = slow.unroll(rows, unroll=UNROLL, horizon=HORIZON, discount=DISCOUNT)
    assert targets_of(rows) == wanted  # exact: small whole numbers and halves


def test_window_too_short_is_refused_with_the_length_it_needs():
    short = jnp.zeros((WINDOW - 1, 1))
    nothing = jnp.zeros((WINDOW - 1, 1), bool)
    with pytest.raises(ValueError, match=f"window={WINDOW - 1}.*Give {WINDOW} rows"):
        unrolled(short, nothing, nothing, short)

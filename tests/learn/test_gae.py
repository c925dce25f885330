import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.learn.gae import estimate_advantages

TIME, LANES, DISCOUNT, TRACE = 12, 3, 0.9, 0.8
ESTIMATE = jax.jit(lambda *args: estimate_advantages(*args, discount=DISCOUNT, trace=TRACE))


def draw_rows(seed):
    """Rows of episodes that end now and then, truly or by the limit, as they are collected."""
    draw = np.random.default_rng(seed)
    is_terminated, is_truncated, is_last = np.zeros((3, TIME, LANES), bool)
    for lane in range(LANES):
        is_over = draw.random() < 0.3
        for time in range(TIME):
            is_last[time, lane] = is_over
            is_ending = not is_over and draw.random() < 0.3
            is_terminated[time, lane] = is_ending and draw.random() < 0.5
            is_truncated[time, lane] = is_ending and not is_terminated[time, lane]
            is_over = is_ending
    reward = np.where(is_last, 0, draw.normal(size=(TIME, LANES))).astype(np.float32)
    value = draw.normal(size=(TIME, LANES)).astype(np.float32)
    return reward, value, is_terminated, is_truncated, is_last, draw.normal(size=LANES)


@given(st.integers(0, 2**32 - 1))
def test_advantages_are_sums_of_surprises_to_the_end_of_the_episode(seed):
    reward, value, is_terminated, is_truncated, is_last, last_value = draw_rows(seed)
    last_value = last_value.astype(np.float32)
    got = ESTIMATE(reward, value, is_terminated, is_last, last_value)
    for lane in range(LANES):
        values = [*value[:, lane].tolist(), float(last_value[lane])]
        for start in range(TIME):
            total, weight = 0.0, 1.0
            for time in range(start, TIME):
                if is_last[time, lane]:
                    break
                after = 0.0 if is_terminated[time, lane] else values[time + 1]
                total += weight * (reward[time, lane] + DISCOUNT * after - values[time])
                weight *= DISCOUNT * TRACE
                if is_terminated[time, lane] or is_truncated[time, lane]:
                    break
            np.testing.assert_allclose(got[start, lane], total, atol=1e-5)


def test_truncated_step_is_worth_what_its_last_state_is_and_a_terminated_one_nothing():
    """One step that pays 1, then a last row with a value of 10."""
    reward, value = np.array([[1.0, 1.0], [0.0, 0.0]], np.float32), np.zeros((2, 2), np.float32)
    value[1] = 10
    is_terminated = np.array([[True, False], [False, False]])
    is_last = np.array([[False, False], [True, True]])
    got = ESTIMATE(reward, value, is_terminated, is_last, np.full(2, 99.0, np.float32))
    np.testing.assert_allclose(got, [[1.0, 1 + DISCOUNT * 10], [0, 0]], rtol=1e-6)

"""How many states there are, against hand-worked numbers and populations whose size is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.evaluate import estimate_coverage


def test_coverage_of_a_small_sample_worked_out_by_hand():
    # Four states seen once, two twice, one four times: 12 rows.
    found = estimate_coverage(np.array([1, 1, 2, 1, 4, 2, 1]))
    assert found.seen == 7
    assert found.covered == pytest.approx(1 - 4 / 12)
    assert found.states == pytest.approx(7 + 4 * 3 / (2 * 3))  # 9
    assert found.rarest == pytest.approx(1 / 12)
    # Variance 2 + 4 * 7² / (4 * 9) + 16 * 2 * 9 / (4 * 81), of 2 unseen.
    variance = 2 + 196 / 36 + 288 / 324
    width = math.exp(1.959964 * math.sqrt(math.log(1 + variance / 4)))
    assert (found.low, found.high) == pytest.approx((7 + 2 / width, 7 + 2 * width))


def test_no_state_seen_twice_has_a_wide_interval():
    found = estimate_coverage(np.array([1, 1, 1, 5]))
    assert found.states == pytest.approx(4 + 3 * 2 / 2)
    variance = 3 + 3 * 25 / 4 - 81 / (4 * 7)
    width = math.exp(1.959964 * math.sqrt(math.log(1 + variance / 9)))
    assert found.high == pytest.approx(4 + 3 * width)


@pytest.mark.parametrize("times", [[3], [5, 2, 2], [2, 2, 1]])
def test_what_was_seen_again_and_again_is_all_there_is(times):
    found = estimate_coverage(np.array(times))
    assert (found.states, found.low, found.high) == (len(times),) * 3


@given(st.lists(st.integers(1, 6), min_size=1, max_size=60))
def test_states_lie_between_those_seen_and_the_upper_end(times):
    found = estimate_coverage(np.array(times))
    assert found.seen <= found.low <= found.states <= found.high
    assert 0 <= found.covered <= 1
    assert 0 < found.rarest <= 1


def test_number_of_states_is_found_where_all_are_alike():
    """200 states, 300 rows: 156 seen on average. Without the unseen ones the number would be a quarter too small."""
    generator = np.random.default_rng(0)
    drawn = [np.unique(generator.integers(0, 200, 300), return_counts=True)[1] for _ in range(200)]
    found = [estimate_coverage(times) for times in drawn]
    assert np.mean([one.states for one in found]) == pytest.approx(200, abs=5)
    assert np.mean([one.seen for one in found]) < 160
    assert np.mean([one.low <= 200 <= one.high for one in found]) > 0.9
    true = [times.size / 200 for times in drawn]
    assert np.mean([one.covered for one in found]) == pytest.approx(np.mean(true), abs=0.01)


@pytest.mark.parametrize("times", [[], [1, 0]])
def test_states_never_seen_are_refused(times):
    with pytest.raises(ValueError, match="once or more"):
        estimate_coverage(np.array(times, int))

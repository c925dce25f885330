import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.evaluate import bootstrap_interval, conditional_value_at_risk, summarise


def test_bootstrap_interval_covers_the_mean_19_times_in_20():
    """300 samples of 60 levels whose true solve rate is 0.3 on average."""
    draw = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        low, high = bootstrap_interval(draw.beta(1.5, 3.5, 60), seed=seed)
        covered += low <= 0.3 <= high
    # Binomial with p = 0.95: three standard deviations are 11; percentile intervals run a little low.
    assert 270 <= covered <= 297


def test_bootstrap_interval_is_as_wide_as_the_standard_error_says():
    sample = np.random.default_rng(1).normal(0.5, 0.2, 400)
    low, high = bootstrap_interval(sample)
    half = 1.96 * sample.std() / np.sqrt(400)
    assert low == pytest.approx(sample.mean() - half, abs=0.002)
    assert high == pytest.approx(sample.mean() + half, abs=0.002)


def test_bootstrap_interval_is_the_same_for_the_same_seed():
    sample = np.random.default_rng(2).random(30)
    assert bootstrap_interval(sample, seed=3) == bootstrap_interval(sample, seed=3)
    assert bootstrap_interval(sample, seed=3) != bootstrap_interval(sample, seed=4)


def test_bootstrap_interval_of_equal_levels_is_a_point():
    assert bootstrap_interval(np.full(8, 0.25)) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("by_level", "tail", "wanted"),
    [
        ([0.9, 0.1, 0.5, 0.3], 0.5, 0.2),
        ([0.9, 0.1, 0.5, 0.3], 0.25, 0.1),
        ([0.9, 0.1, 0.5, 0.3], 0.1, 0.1),  # at least one level
        ([0.9, 0.1, 0.5, 0.3], 1.0, 0.45),
        ([float(level) for level in range(20)], 0.1, 0.5),
    ],
)
def test_conditional_value_at_risk_is_the_mean_of_the_worst(by_level, tail, wanted):
    assert conditional_value_at_risk(np.array(by_level), tail) == pytest.approx(wanted)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.01, 1))
def test_conditional_value_at_risk_lies_between_the_worst_and_the_mean(by_level, tail):
    levels = np.array(by_level)
    risk = conditional_value_at_risk(levels, tail)
    assert levels.min() - 1e-9 <= risk <= levels.mean() + 1e-9


def test_summary_averages_episodes_then_levels():
    is_solved = np.array([[True, True], [True, False], [False, False], [True, True]])
    total = np.array([[1.0, 1.0], [0.8, -0.2], [0.0, -0.6], [1.0, 1.0]])
    summary = summarise(is_solved, total, seed=1)
    low, high = bootstrap_interval(np.array([1.0, 0.5, 0.0, 1.0]), seed=1)
    assert summary == {
        "solve_rate": 0.625,
        "low": low,
        "high": high,
        "cvar_10": 0.0,
        "return_mean": pytest.approx(0.5),
    }

"""Interquartile mean, probability of improvement and performance profile, against SciPy and loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from alpha_factory.evaluate import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
)

RATES = st.integers(0, 8).map(lambda solved: solved / 8)  # as of 8 episodes: ties are the rule


TASKS = st.integers(1, 6)


def matrices(tasks=TASKS):
    return tasks.flatmap(
        lambda columns: st.integers(1, 5).flatmap(
            lambda runs: hnp.arrays(float, (runs, columns), elements=RATES)
        )
    )


@given(matrices())
def test_interquartile_mean_is_scipys_trimmed_mean(scores):
    """As rliable computes it: `scipy.stats.trim_mean(scores, 0.25, axis=None)`."""
    wanted = stats.trim_mean(scores, 0.25, axis=None)
    assert interquartile_mean(scores) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        ([[0, 1, 2, 3]], 1.5),
        ([[100, 1, 2, -100]], 1.5),
        ([[0, 0], [1, 9], [5, 5], [5, 7]], 4.0),  # of 0 0 1 5 5 5 7 9 the middle four
        ([[0, 3, 9]], 4.0),  # nothing can be trimmed of three
    ],
)
def test_interquartile_mean_is_that_of_the_middle_half(scores, wanted):
    assert interquartile_mean(np.array(scores)) == wanted


def improvement_by_hand(ours, theirs):
    chances = []
    for task in range(ours.shape[1]):
        won = [
            1.0 if mine > other else 0.5 if mine == other else 0.0
            for mine in ours[:, task]
            for other in theirs[:, task]
        ]
        chances.append(sum(won) / len(won))
    return sum(chances) / len(chances)


@given(st.data(), st.integers(1, 5))
def test_probability_of_improvement_is_that_of_all_pairs(data, tasks):
    ours, theirs = (data.draw(matrices(st.just(tasks))) for _ in range(2))
    got = probability_of_improvement(ours, theirs)
    assert got == pytest.approx(improvement_by_hand(ours, theirs), abs=1e-12)
    assert got + probability_of_improvement(theirs, ours) == pytest.approx(1.0)
    assert probability_of_improvement(ours, ours) == pytest.approx(0.5)


def test_probability_of_improvement_is_mann_whitneys_u_by_its_pairs():
    """As rliable computes it."""
    draw = np.random.default_rng(0)
    ours, theirs = draw.random((5, 7)), draw.random((4, 7))
    wanted = [
        stats.mannwhitneyu(ours[:, task], theirs[:, task]).statistic / 20 for task in range(7)
    ]
    assert probability_of_improvement(ours, theirs) == pytest.approx(np.mean(wanted))


def test_probability_of_improvement_needs_the_same_tasks():
    with pytest.raises(ValueError, match="Ours are 2 tasks, theirs 3"):
        probability_of_improvement(np.ones((1, 2)), np.ones((1, 3)))


@given(matrices())
def test_performance_profile_counts_scores_above(scores):
    thresholds = np.linspace(0, 1, 17)
    wanted = [np.mean(scores > threshold) for threshold in thresholds]
    np.testing.assert_allclose(performance_profile(scores, thresholds), wanted, atol=1e-12)


def test_mean_is_the_area_under_the_performance_profile():
    scores = np.random.default_rng(1).random((3, 11))
    thresholds = np.linspace(0, 1, 20_001)
    area = np.trapezoid(performance_profile(scores, thresholds), thresholds)
    assert area == pytest.approx(scores.mean(), abs=1e-4)

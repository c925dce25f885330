import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from alpha_factory.evaluate import (
    bootstrap_interval,
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)

MATRICES = hnp.arrays(
    float, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(0, 1, width=16)
)


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


def test_bootstrap_interval_is_that_of_all_draws_together():
    """300 levels are drawn in three parts."""
    sample = np.random.default_rng(5).random(300)
    picks = np.random.default_rng(7).integers(0, 300, (10_000, 300))
    wanted = np.quantile(sample[picks].mean(axis=1), (0.025, 0.975))
    assert bootstrap_interval(sample, seed=7) == pytest.approx(tuple(wanted), abs=1e-12)


def test_bootstrap_interval_of_ten_thousand_levels_fits_into_memory():
    sample = np.random.default_rng(6).random(10_000)
    tracemalloc.start()
    bootstrap_interval(sample)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6


def test_bootstrap_interval_is_the_same_for_the_same_seed():
    sample = np.random.default_rng(2).random(30)
    assert bootstrap_interval(sample, seed=3) == bootstrap_interval(sample, seed=3)
    assert bootstrap_interval(sample, seed=3) != bootstrap_interval(sample, seed=4)


def test_bootstrap_interval_of_equal_levels_is_a_point():
    assert bootstrap_interval(np.full(8, 0.25)) == (0.25, 0.25)


def resample_by_hand(scores, generator):
    """Each task's runs drawn again, one number at a time."""
    runs, tasks = scores.shape
    drawn = np.empty_like(scores)
    for task in range(tasks):
        for run in range(runs):
            drawn[run, task] = scores[generator.integers(runs), task]
    return drawn


def test_interval_with_a_stratum_a_task_is_that_of_a_bootstrap_by_hand():
    scores = np.random.default_rng(0).beta(2, 3, (4, 6))
    generator = np.random.default_rng(1)
    means = [resample_by_hand(scores, generator).mean() for _ in range(4000)]
    low, high = stratified_interval(np.mean, scores, strata=range(6), resamples=4000)
    assert low == pytest.approx(np.quantile(means, 0.025), abs=0.006)
    assert high == pytest.approx(np.quantile(means, 0.975), abs=0.006)


def test_stratified_interval_of_one_task_is_scipys_bootstrap():
    runs = np.random.default_rng(2).normal(size=12)
    theirs = stats.bootstrap(
        (runs,), np.mean, method="percentile", n_resamples=8000, rng=np.random.default_rng(0)
    ).confidence_interval
    low, high = stratified_interval(np.mean, runs[:, None], resamples=8000)
    assert low == pytest.approx(theirs.low, abs=0.04)
    assert high == pytest.approx(theirs.high, abs=0.04)


def test_tasks_that_differ_only_from_each_other_leave_no_doubt():
    """Runs that agree on every task: no other seed would change anything, however far apart tasks are."""
    scores = np.repeat(np.array([[0.0, 0.5, 1.0]]), 4, axis=0)
    low, high = stratified_interval(np.mean, scores)
    assert low == high == 0.5


def share_above_half(scores):
    return performance_profile(scores, np.array([0.5]))[0]


@pytest.mark.parametrize(
    ("statistic", "ends"),
    [(np.mean, (0.2, 0.8)), (interquartile_mean, (0.2, 0.8)), (share_above_half, (0, 1))],
)
def test_interval_holds_what_a_seed_adds_to_all_of_its_levels(statistic, ends):
    """Three runs that solve 20, 50 and 80 % of every one of 2,000 levels: another seed may be any of them."""
    scores = np.tile(np.array([[0.2], [0.5], [0.8]]), (1, 2000))
    assert stratified_interval(statistic, scores, resamples=400) == pytest.approx(ends)


def test_interval_of_runs_drawn_for_each_level_would_lose_what_a_seed_adds():
    """So rliable does it for games, whose runs are trained apart."""
    scores = np.tile(np.array([[0.2], [0.5], [0.8]]), (1, 2000))
    low, high = stratified_interval(np.mean, scores, strata=range(2000), resamples=50)
    assert high - low < 0.02


def test_strata_keep_their_tasks_together_and_apart_from_others():
    """Of each stratum one index a run: its two columns are equal in every draw, those of two strata are not."""
    scores = np.tile(np.arange(4.0)[:, None], (1, 4))
    drawn = []
    stratified_interval(
        lambda matrix: drawn.append(matrix) or 0.0, scores, strata=["a", "b", "a", "b"], resamples=9
    )
    assert all((one[:, 0] == one[:, 2]).all() and (one[:, 1] == one[:, 3]).all() for one in drawn)
    assert any((one[:, 0] != one[:, 1]).any() for one in drawn)
    with pytest.raises(ValueError, match="2 strata for 4 tasks"):
        stratified_interval(np.mean, scores, strata=["a", "b"])


def play(draw, *, seeds, levels, episodes=4):
    """Scores of a method that solves 70 % on average, whose seeds differ by five points on all levels."""
    skill = 0.7 + 0.05 * draw.standard_normal((seeds, 1))
    hard = np.clip(skill + np.linspace(-0.15, 0.15, levels), 0, 1)
    return draw.binomial(episodes, hard) / episodes


def test_interval_over_ten_seeds_covers_what_another_seed_would_get():
    """200 studies of ten seeds on 100 levels; nominal 95 %, and a percentile interval of ten runs a little less."""
    draw = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        scores = play(draw, seeds=10, levels=100)
        low, high = stratified_interval(np.mean, scores, resamples=400, seed=seed)
        covered += low <= 0.7 <= high
    assert 170 <= covered <= 194


def test_equal_methods_are_seldom_told_apart():
    """60 pairs of one and the same method, three seeds each on 300 levels."""
    draw = np.random.default_rng(1)
    by_improvement = by_means = 0
    for _ in range(60):
        ours, theirs = (play(draw, seeds=3, levels=300) for _ in range(2))
        low, high = stratified_interval(probability_of_improvement, ours, theirs, resamples=100)
        by_improvement += not low <= 0.5 <= high
        (low, high), (below, above) = (
            stratified_interval(np.mean, scores, resamples=100) for scores in (ours, theirs)
        )
        by_means += high < below or above < low
    # Of three and three, all of one method lie above all of the other in a tenth of the cases.
    assert by_improvement <= 20
    assert by_means <= 12


def test_stratified_interval_resamples_each_matrix_by_itself():
    one, other = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])
    low, high = stratified_interval(lambda a, b: a.mean() - b.mean(), one, other)
    assert (low, high) == (-1.0, 1.0)


def test_stratified_interval_has_the_shape_of_the_statistic():
    scores = np.random.default_rng(3).random((5, 4))
    low, high = stratified_interval(lambda matrix: matrix.mean(axis=0), scores)
    assert low.shape == high.shape == (4,)
    assert (low <= scores.mean(axis=0)).all()
    assert (scores.mean(axis=0) <= high).all()


def test_single_run_has_no_interval_over_seeds():
    assert stratified_interval(np.mean, np.random.default_rng(0).random((1, 9))) is None
    assert stratified_interval(np.subtract, np.ones((3, 1)), np.ones((1, 1))) is None


@given(MATRICES)
def test_stratified_interval_lies_between_the_worst_and_the_best_runs(scores):
    ends = stratified_interval(np.mean, scores, resamples=50)
    if ends is not None:
        low, high = ends
        assert scores.min(axis=0).mean() - 1e-9 <= low <= high <= scores.max(axis=0).mean() + 1e-9


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (np.ones(3), r"shape \(3,\)"),
        (np.ones((0, 3)), r"shape \(0, 3\)"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), "run 1 on task 1 is nan"),
        (np.array([[1.0, np.inf]]), "run 0 on task 1 is inf"),
    ],
)
def test_scores_that_are_no_matrix_of_numbers_are_refused(scores, said):
    with pytest.raises(ValueError, match=said):
        stratified_interval(np.mean, scores)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from alpha_factory.evaluate import bootstrap_interval, stratified_interval

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


def test_stratified_interval_is_that_of_a_bootstrap_by_hand():
    scores = np.random.default_rng(0).beta(2, 3, (4, 6))
    generator = np.random.default_rng(1)
    means = [resample_by_hand(scores, generator).mean() for _ in range(4000)]
    low, high = stratified_interval(np.mean, scores, resamples=4000)
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

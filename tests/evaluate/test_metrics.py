import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.evaluate import bootstrap_interval, describe_levels, summarise

SOLVED = np.array([[True, True], [True, False], [False, False], [True, True]])
TOTAL = np.array([[1.0, 1.0], [0.8, -0.2], [0.0, -0.6], [1.0, 1.0]])
STEPS = np.array([[3, 5], [10, 20], [20, 20], [4, 4]])


def test_summary_averages_episodes_then_levels():
    low, high = bootstrap_interval(np.array([1.0, 0.5, 0.0, 1.0]), seed=1)
    assert summarise(SOLVED, TOTAL, seed=1) == {
        "solve_rate": 0.625,
        "low": low,
        "high": high,
        "iqm": 0.75,
        "cvar_1": 0.0,
        "cvar_10": 0.0,
        "cvar_1_held": 0.0,
        "cvar_10_held": 0.0,
        "cvar_1_ties": 1,
        "cvar_10_ties": 1,
        "return_mean": pytest.approx(0.5),
    }


def test_summary_counts_the_steps_of_all_episodes_and_of_those_solved():
    summary = summarise(SOLVED, TOTAL, STEPS)
    assert summary["steps_mean"] == 10.75
    assert summary["steps_to_goal"] == pytest.approx((3 + 5 + 10 + 4 + 4) / 5)
    assert summarise(~np.ones_like(SOLVED), TOTAL, STEPS)["steps_to_goal"] is None


def test_first_half_of_the_episodes_chooses_the_worst_level_and_the_second_scores_it():
    is_solved = np.ones((10, 4), bool)
    is_solved[3] = [False, False, True, True]
    is_solved[7] = [True, True, False, False]
    summary = summarise(is_solved, np.zeros((10, 4)))
    assert summary["cvar_10_held"] == 1.0  # level 3 was unlucky
    assert summary["cvar_10"] == 0.5


def worst_by_hand(is_solved, percent):
    """Rank levels by the first half of their episodes; the mean of the others' over all orders of those that tie."""
    half = is_solved.shape[1] // 2
    ranks = [sum(row[:half]) for row in is_solved.tolist()]
    worst = max(1, round(len(ranks) * percent / 100))
    edge = sorted(ranks)[worst - 1]
    rest = [sum(row[half:]) / len(row[half:]) for row in is_solved.tolist()]
    below = [rate for rank, rate in zip(ranks, rest, strict=True) if rank < edge]
    tied = [rate for rank, rate in zip(ranks, rest, strict=True) if rank == edge]
    return (sum(below) + (worst - len(below)) * sum(tied) / len(tied)) / worst


def ties_by_hand(is_solved, percent):
    """Walk up from the worst level by the first half of the episodes; how many stand where the tail ends."""
    half = is_solved.shape[1] // 2
    ranks = sorted(sum(row[:half]) for row in is_solved.tolist())
    worst = max(1, round(len(ranks) * percent / 100))
    return sum(rank == ranks[worst - 1] for rank in ranks)


@pytest.mark.parametrize(("levels", "episodes"), [(10_000, 20), (1_000, 5), (250, 2), (7, 3)])
def test_worst_hundredth_and_tenth_are_chosen_by_other_episodes_than_score_them(levels, episodes):
    """Also with an odd number of episodes, and with levels of which a hundredth is no whole number."""
    draw = np.random.default_rng(levels)
    is_solved = draw.random((levels, episodes)) < draw.beta(2, 1, (levels, 1))
    summary = summarise(is_solved, np.zeros((levels, episodes)))
    plain = sorted(row.mean() for row in is_solved)
    for percent in (1, 10):
        wanted = worst_by_hand(is_solved, percent)
        assert summary[f"cvar_{percent}_held"] == pytest.approx(wanted)
        assert summary[f"cvar_{percent}_ties"] == ties_by_hand(is_solved, percent)
        worst = max(1, round(levels * percent / 100))
        assert summary[f"cvar_{percent}"] == pytest.approx(sum(plain[:worst]) / worst)


def test_both_tails_are_one_when_more_than_a_tenth_was_never_solved_by_the_first_half():
    """Nothing then tells a hundredth from a tenth, and the ties say so."""
    is_solved = np.ones((100, 4), bool)
    is_solved[:20, :2] = False
    is_solved[:7] = False
    summary = summarise(is_solved, np.zeros((100, 4)))
    assert summary["cvar_1_held"] == summary["cvar_10_held"] == pytest.approx(13 / 20)
    assert summary["cvar_1_ties"] == summary["cvar_10_ties"] == 20


def test_single_episode_has_none_to_score_by():
    summary = summarise(np.ones((5, 1), bool), np.ones((5, 1)))
    assert summary["cvar_1_held"] is None
    assert summary["cvar_10_held"] is None
    assert (summary["cvar_1_ties"], summary["cvar_10_ties"]) == (None, None)
    assert summary["cvar_10"] == 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_return_that_is_not_finite_is_refused_by_its_place(value):
    total = TOTAL.copy()
    total[2, 1] = value
    with pytest.raises(AlphaFactoryError, match=f"Episode 1 of level 2 has return {value}"):
        summarise(SOLVED, total)


def test_levels_are_described_one_by_one():
    assert describe_levels(SOLVED, TOTAL, STEPS) == {
        "solve_rate": [1.0, 0.5, 0.0, 1.0],
        "return_mean": pytest.approx([1.0, 0.3, -0.3, 1.0]),
        "steps_mean": [4.0, 15.0, 20.0, 4.0],
        "steps_to_goal": [4.0, 10.0, None, 4.0],
    }


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_summary_is_the_mean_of_what_is_said_of_levels(levels, episodes, seed):
    draw = np.random.default_rng(seed)
    is_solved = draw.random((levels, episodes)) < 0.5
    total, steps = draw.random((levels, episodes)), draw.integers(1, 50, (levels, episodes))
    summary = summarise(is_solved, total, steps)
    by_level = describe_levels(is_solved, total, steps)
    for field in ("solve_rate", "return_mean", "steps_mean"):
        assert summary[field] == pytest.approx(np.mean(by_level[field]))

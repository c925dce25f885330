import numpy as np
import pytest

from alpha_factory.records import MetricRow
from alpha_factory.runs.schooling.plateau import explain_plateau

SOUND = {
    "practice_share": 0.5,
    "divergence": 0.01,
    "clip_share": 0.1,
    "explained_variance": 0.8,
    "noise_spread": 4.0,
    "noise_signal": 1.0,
}


def rows_of(rates, **values):
    return [
        MetricRow(
            frames=1000 * number,
            updates=5 * number + 5,
            wall_s=1.0,
            compile_s=1.0,
            worlds_accepted=0,
            worlds_rejected=0,
            solve_rate=rate,
            values=SOUND | values,
        )
        for number, rate in enumerate(rates)
    ]


def flat(rows=40):
    return (0.5 + 0.01 * np.random.default_rng(0).normal(size=rows)).tolist()


def explain(rows, lanes=32, minibatches=1):
    return explain_plateau(rows, lanes=lanes, minibatches=minibatches)


def test_run_of_another_learner_has_no_explanation():
    assert explain([]) is None
    (row,) = rows_of([0.5])
    assert explain([row.model_copy(update={"values": {"loss_value": 1.0}})]) is None


def test_row_of_poet_is_explained():
    """It has no shares of rounds."""
    rows = [
        row.model_copy(update={"values": {**row.values, "pool": 9.0}}) for row in rows_of(flat())
    ]
    for row in rows:
        row.values.pop("practice_share")
    assert "Nothing in the updates explains it" in explain(rows)


def test_rising_solve_rate_is_no_plateau():
    rising = np.linspace(0.1, 0.9, 40).tolist()
    told = explain(rows_of(rising))
    assert told.startswith("Still learning: the share solved rose from ")
    # The third and the last quarter of forty points on a line from 10 % to 90 %.
    assert f"{np.mean(rising[20:30]):.1%} to {np.mean(rising[30:]):.1%}" in told


@pytest.mark.parametrize(
    ("values", "minibatches", "words"),
    [
        ({"divergence": 0.06}, 1, "moves the policy farther"),
        (
            {"noise_spread": 100.0},
            1,
            "mostly noise, noise scale 100 lanes against 32 lanes in a round",
        ),
        ({"noise_spread": 40.0}, 2, "mostly noise, noise scale 40 lanes against 32 lanes"),
        ({"noise_spread": 20.0}, 2, "noise scale 20 lanes against 32 lanes in a round"),
        ({"noise_signal": -0.1}, 1, "more than could be measured"),
        ({"explained_variance": -0.2}, 1, "critic explains none of the returns"),
        ({"divergence": 0.001}, 1, "hardly moves"),
        ({"divergence": 0.001, "noise_spread": 100.0}, 1, "hardly moves"),
        ({}, 1, "Nothing in the updates explains it"),
    ],
)
def test_plateau_is_explained_by_what_was_logged(values, minibatches, words):
    told = explain(rows_of(flat(), **values), minibatches=minibatches)
    assert "no clear rise" in told
    assert words in told


def test_remedy_keeps_the_size_of_a_minibatch():
    told = explain(rows_of(flat(), noise_spread=100.0), lanes=64, minibatches=4)
    assert "levels.lanes=128 with ppo.minibatches=8" in told


def test_remedy_heals():
    """The same numbers, with three times twice the lanes in minibatches of the same size."""
    rows = rows_of(flat(), noise_spread=100.0)
    assert "Outer step too large" in explain(rows, lanes=32, minibatches=4)
    assert "Outer step too large" not in explain(rows, lanes=256, minibatches=32)


def test_fall_is_called_a_fall():
    falling = np.linspace(0.9, 0.1, 40).tolist()
    assert explain(rows_of(falling)).startswith("The share solved fell from ")


def test_run_without_updates_says_what_it_waits_for():
    rows = [row.model_copy(update={"updates": 0}) for row in rows_of([0.5], buffer_fill=0.25)]
    assert "the buffer is 25% full" in explain(rows)


def test_buffer_that_no_score_fills_is_not_waited_for():
    rows = rows_of([0.5], buffer_fill=0.0, score_mean=None, scores_refused=32)
    told = explain([row.model_copy(update={"updates": 0}) for row in rows])
    assert "no level has had a score that is finite" in told
    assert "Run longer" not in told


@pytest.mark.filterwarnings("error")
def test_noise_that_no_minibatch_shows_is_no_reason():
    """Minibatches of a single lane."""
    rows = rows_of(flat(), noise_spread=None, noise_signal=None)
    told = explain(rows, minibatches=32)
    assert "Nothing in the updates explains it" in told
    assert "noise not measured, for which a minibatch takes two lanes" in told


@pytest.mark.filterwarnings("error")
def test_returns_that_are_all_alike_are_told():
    told = explain(rows_of(flat(), explained_variance=None))
    assert "returns all alike" in told


def test_rows_without_practice_are_passed_over():
    rows = rows_of(flat())
    idle = rows_of(flat(), divergence=None, noise_spread=None, noise_signal=None)
    mixed = [row for pair in zip(rows, idle, strict=True) for row in pair]
    assert "noise scale 4 lanes" in explain(mixed)


def test_few_points_are_not_judged():
    assert "Too few log points" in explain(rows_of(flat(5)))

import numpy as np
import pytest

from alpha_factory.evaluate import bootstrap_interval
from alpha_factory.runs.generalisation.tightness import tell_gap


def test_gap_is_between_the_means_over_the_worlds_that_are_known():
    best, received = np.array([1.0, np.nan, 0.5, 0.25]), np.array([0.25, -0.5, 0.5, 0.5])
    told = tell_gap(best, received)
    assert (told["worlds"], told["known"]) == (4, 3)
    assert told["optimum"] == pytest.approx(1.75 / 3)
    assert told["received"] == pytest.approx(1.25 / 3)
    assert told["gap"] == pytest.approx(0.5 / 3)
    low, high = bootstrap_interval(np.array([0.75, 0.0, -0.25]))
    assert low < 0
    assert (told["low"], told["high"]) == pytest.approx((0.0, max(high, -low)))
    assert told["by_world"] == pytest.approx([0.75, None, 0.0, 0.25])
    assert told["gap_worst"] == pytest.approx(1.5)  # of the unknown one: from -0.5 to at most 1


def test_gap_of_one_sign_has_an_interval_of_that_sign():
    best, received = np.ones(3), np.array([0.25, 0.5, 0.5])
    told = tell_gap(best, received)
    assert 0.5 == told["low"] < told["gap"] < told["high"] == 0.75
    mirrored = tell_gap(-best, -received)
    assert [mirrored[end] for end in ("gap", "low", "high")] == pytest.approx(
        [told[end] for end in ("gap", "low", "high")]
    )


def test_nothing_known_leaves_only_what_a_gap_is_at_most():
    told = tell_gap(np.full(2, np.nan), np.array([0.5, 0.0]))
    assert told["known"] == 0
    assert told["gap"] is told["low"] is told["optimum"] is None
    assert told["gap_worst"] == 1.0
    assert told["by_world"] == [None, None]

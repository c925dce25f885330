import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.evaluate import conditional_value_at_risk, held_out_risk

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6)


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


def test_held_out_risk_scores_the_chosen_levels_by_the_other_episodes():
    chosen_by, scored_by = np.array([0.9, 0.1, 0.5, 0.3]), np.array([0.0, 0.6, 1.0, 0.2])
    assert held_out_risk(chosen_by, scored_by, 0.5) == pytest.approx(0.4)  # levels 1 and 3


@given(PAIRS, st.floats(0.01, 1))
def test_held_out_risk_is_the_mean_over_all_orders_of_levels_that_tie(pairs, tail):
    """SFL's way, as published: sort by the one, take the first, average the other; here for every order."""
    chosen_by, scored_by = np.array(pairs, float).T / 4
    worst = max(1, round(tail * len(pairs)))
    risks = []
    for order in itertools.permutations(range(len(pairs))):
        ranked = sorted(order, key=lambda level: chosen_by[level])
        risks.append(scored_by[ranked[:worst]].mean())
    assert held_out_risk(chosen_by, scored_by, tail) == pytest.approx(np.mean(risks), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.01, 1))
def test_held_out_risk_of_the_same_episodes_is_the_plain_one(by_level, tail):
    levels = np.array(by_level)
    wanted = conditional_value_at_risk(levels, tail)
    assert held_out_risk(levels, levels, tail) == pytest.approx(wanted, abs=1e-9)


def test_held_out_risk_is_not_fooled_by_bad_luck():
    """10,000 levels that are all solved half of the time: no tail is worse than another."""
    draw = np.random.default_rng(0)
    chosen_by, scored_by = draw.binomial(4, 0.5, (2, 10_000)) / 4
    assert conditional_value_at_risk(chosen_by, 0.01) == 0.0
    assert held_out_risk(chosen_by, scored_by, 0.01) == pytest.approx(0.5, abs=0.05)


def test_held_out_risk_needs_the_same_levels():
    with pytest.raises(ValueError, match=r"\(3,\) and scored by \(2,\)"):
        held_out_risk(np.ones(3), np.ones(2), 0.1)

"""Every term of eq. (5) against numbers worked out by hand, and the proof's false steps against counterexamples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.evaluate import bracket_bound, derived_terms, find_depth, printed_terms
from alpha_factory.evaluate.bound import Bracket, Quantities, Setting

# ln(2 S) = 2, ln(4 / δ) = 4: the numbers below have no logarithm left.
SETTING = Setting(rows=320, episodes=32, worlds=4, discount=0.75, depth=7, delta=4 / math.e**4)
STATES = math.e**2 / 2


def exactly(value):
    return Bracket(value, value, value)


def test_printed_terms_are_those_of_equation_5():
    terms = printed_terms(3.0, STATES, 0.25, SETTING)
    assert terms.estimation == pytest.approx(4 * 3 * math.sqrt((2 * 7 * 2 + 4) / 320))
    assert terms.estimation == pytest.approx(12 * math.sqrt(0.1))
    assert terms.transfer == pytest.approx(0.5 / 2)
    assert terms.planning == pytest.approx(2 / (0.25 * 7))
    assert terms.total == pytest.approx(12 * math.sqrt(0.1) + 0.25 + 8 / 7)


def test_derived_terms_are_those_of_the_appendix():
    terms = derived_terms(3.0, STATES, 0.25, SETTING)
    # 1 / (1 - γ) = 4; R = 3 * 4 √(2 * 7 * 2 / 32), and the deviation 8 √(4 / 64).
    assert terms.estimation == pytest.approx(2 * 12 * math.sqrt(28 / 32) + 8 * 0.25)
    assert terms.transfer == pytest.approx(2 * 0.25 * 4)
    assert terms.planning == pytest.approx(2 * 0.75**7 * 4)


def test_bound_lies_between_its_ends():
    quantities = Quantities(
        Bracket(2.0, 1.0, 9.0), Bracket(50.0, 30.0, 90.0), Bracket(0.5, 0.1, 1.0)
    )
    bound = bracket_bound(printed_terms, quantities, SETTING)
    for end, name in enumerate(Bracket._fields):
        terms = printed_terms(*(one[end] for one in quantities), SETTING)
        assert getattr(bound.total, name) == terms.total
        assert getattr(bound.estimation, name) == terms.estimation
        assert getattr(bound.transfer, name) == terms.transfer
    assert bound.total.low < bound.total.value < bound.total.high
    assert bound.planning == exactly(bound.planning.value)


@given(
    lipschitz=st.floats(1e-3, 50),
    states=st.floats(1, 1e6),
    rows=st.integers(1, 10**7),
    discount=st.floats(0, 0.999),
)
def test_best_depth_is_no_worse_than_any_other(lipschitz, states, rows, discount):
    setting = SETTING._replace(rows=rows, discount=discount)
    quantities = Quantities(exactly(lipschitz), exactly(states), exactly(0.5))
    depth, least = find_depth(quantities, setting)

    def total(depth):
        return printed_terms(lipschitz, states, 0.5, setting._replace(depth=depth)).total

    assert least == total(depth)
    others = {1, 2, 3, 10, 100, depth + 1, max(1, depth - 1), 2 * depth}
    assert least <= min(map(total, others)) * (1 + 1e-12)


def test_last_term_as_printed_is_too_small_for_discounts_in_use():
    """γ^d <= 1/d, on which it rests, fails for γ = 0.97 and every depth from 2 to 168."""
    broken = [depth for depth in range(1, 400) if 0.97**depth > 1 / depth]
    assert broken == [*range(2, 168 + 1)]
    for depth in (2, 8, 50):
        setting = SETTING._replace(discount=0.97, depth=depth)
        printed, derived = (form(1.0, 9.0, 0.5, setting) for form in (printed_terms, derived_terms))
        assert printed.planning < derived.planning


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"discount": 1.0}, "discount=1.0"),
        ({"discount": -0.1}, "discount=-0.1"),
        ({"depth": 0}, "depth=0"),
        ({"worlds": 1}, "worlds=1 .*2 or more"),
        ({"rows": 0}, "rows=0"),
        ({"episodes": 0}, "episodes=0"),
        ({"delta": 0.0}, "delta=0.0"),
        ({"delta": 1.0}, "delta=1.0"),
    ],
)
def test_setting_of_which_the_theorem_does_not_speak_is_refused(changes, said):
    quantities = Quantities(exactly(1.0), exactly(9.0), exactly(0.5))
    with pytest.raises(ValueError, match=said):
        bracket_bound(printed_terms, quantities, SETTING._replace(**changes))
    with pytest.raises(ValueError, match=said):
        find_depth(quantities, SETTING._replace(**changes))

"""Catastrophic losses against a count by the definition, look by look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.evaluate import find_learned, find_losses

NO = float("nan")
HISTORIES = st.integers(1, 6).flatmap(
    lambda times: st.lists(
        st.lists(
            st.sampled_from([NO, 0.0, 0.25, 0.5, 0.75, 0.9, 1.0]), min_size=times, max_size=times
        ),
        min_size=1,
        max_size=5,
    )
)


def is_lost_by_hand(rates, lasting):
    """There is a look at 0.9 or more, and a later one from which on all, `lasting` or more, are under a half."""
    known = [rate for rate in rates if rate == rate]
    return any(
        known[first] >= 0.9
        and len(known) - fall >= lasting
        and all(rate < 0.5 for rate in known[fall:])
        for first in range(len(known))
        for fall in range(first + 1, len(known))
    )


@given(HISTORIES, st.integers(1, 3))
def test_losses_are_those_of_the_definition(histories, lasting):
    got = find_losses(np.array(histories).T, lasting=lasting)
    assert got.tolist() == [is_lost_by_hand(rates, lasting) for rates in histories]


@pytest.mark.parametrize(
    ("rates", "is_lost"),
    [
        pytest.param([0.2, 0.9, 0.4, 0.1], True, id="learned and lost"),
        pytest.param([1.0, 0.0, 0.6, 0.1, 0.2], True, id="came back, and was lost again"),
        pytest.param([1.0, 0.0, 0.1, 0.5], False, id="came back in the end"),
        pytest.param([0.89, 0.0, 0.0], False, id="never learned"),
        pytest.param([1.0, 0.0], False, id="a single look says nothing that lasts"),
        pytest.param([1.0, NO, 0.0, NO, 0.4, NO], True, id="looks that left it out"),
        pytest.param([NO, NO, NO], False, id="never played"),
    ],
)
def test_loss_lasts_to_the_end(rates, is_lost):
    assert find_losses(np.array([rates]).T).tolist() == [is_lost]


def test_learned_is_what_ever_was():
    solved = np.array([[0.9, 0.8, NO], [0.0, 0.89, NO]])
    assert find_learned(solved).tolist() == [True, False, False]


def test_bounds_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match=r"lasting=0, learned=0.9 and lost=0.5"):
        find_losses(np.ones((1, 1)), lasting=0)
    with pytest.raises(ValueError, match="lost no more than learned"):
        find_losses(np.ones((1, 1)), learned=0.4)

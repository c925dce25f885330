import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alpha_factory.evaluate import rank_correlation, top_share

FEW = st.sampled_from((-math.inf, 0.0, 0.25, 0.5, 1.0))  # ties, as solve rates have


@given(st.lists(st.tuples(FEW, FEW), min_size=2, max_size=30))
def test_rank_correlation_is_that_of_scipy_with_ties(pairs):
    one, other = np.array(pairs).T
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert math.isnan(rank_correlation(one, other))
    else:
        assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)


def test_rank_correlation_by_hand():
    # Places less their mean: -1.5, 0, 0, 1.5 and -0.5, -1.5, 0.5, 1.5.
    got = rank_correlation(np.array([0.0, 5.0, 5.0, 6.0]), np.array([2.0, 1.0, 3.0, 4.0]))
    assert got == pytest.approx(3.0 / math.sqrt(4.5 * 5.0))


@given(st.lists(st.tuples(FEW, st.booleans()), min_size=1, max_size=6), st.floats(0.05, 1.0))
def test_top_share_is_the_mean_over_all_orders_of_ties(pairs, top):
    values, is_meant = map(np.array, zip(*pairs, strict=True))
    chosen = max(1, round(top * len(pairs)))
    shares = []
    for order in itertools.permutations(range(len(pairs))):
        ranked = sorted(
            order, key=lambda level: -values[level]
        )  # a stable sort keeps the order of ties
        shares.append(is_meant[ranked[:chosen]].mean())
    assert top_share(values, is_meant, top=top) == pytest.approx(np.mean(shares))


def test_what_has_no_place_is_refused():
    known, unknown = np.zeros(3), np.array([0.0, math.nan, 1.0])
    with pytest.raises(ValueError, match="value of level 1 is NaN"):
        rank_correlation(known, unknown)
    with pytest.raises(ValueError, match="value of level 1 is NaN"):
        top_share(unknown, known > 0, top=0.1)
    with pytest.raises(ValueError, match=r"Shapes \(3,\) and \(2,\)"):
        rank_correlation(known, np.zeros(2))
    with pytest.raises(ValueError, match=r"Shapes \(3,\) and \(2,\)"):
        top_share(known, np.zeros(2, bool), top=0.1)

"""Variety of a few genomes, against counts made by hand."""

import numpy as np
import pytest

from alpha_factory.runs.variety import draw_genomes, measure_variety


def test_children_of_no_generation_are_their_parents():
    young, old = draw_genomes(8, 0, 1), draw_genomes(8, 3, 1)
    assert young.shape == old.shape == (8, 16)
    assert not np.array_equal(young, old)
    assert np.array_equal(young, draw_genomes(8, 0, 1))


def test_shares_add_up():
    measured = measure_variety(draw_genomes(6, 0, 1), budget=30)
    assert measured["levels"] == 6
    total = measured["solvable"] + measured["unsolvable"] + measured["unknown"]
    assert total == pytest.approx(1.0, abs=1e-3)
    rules = sum(measured["features"][f"{count} rules"]["share"] for count in range(5))
    assert rules == pytest.approx(1.0, abs=1e-3)
    assert 8 <= measured["rows"]["0.5"] <= 32

import pytest

from alpha_factory.core import UsageError
from alpha_factory.evaluate.holdout import generated_suite, poet_suite
from alpha_factory.runs.suites import CLOSING, SUITES, held_out_levels, load_suite
from alpha_factory.worlds import count_matches


@pytest.mark.parametrize("name", SUITES)
def test_suite_loads_by_the_name_it_bears(name):
    assert load_suite(name).name == name


def test_closing_suites_exist():
    assert set(CLOSING) <= set(SUITES)


def test_unknown_suite_is_refused_with_the_choices():
    with pytest.raises(UsageError, match="Did you mean 'poet-100-v1'"):
        load_suite("poet-100")


def test_drawn_suite_is_as_large_as_asked_and_follows_from_its_seed():
    suite = load_suite("random-mazes", levels=7, seed=5)
    assert (suite.seed, len(suite.names)) == (5, 7)
    assert load_suite("random-mazes", levels=7).seed == 0


def test_no_frozen_suite_has_the_digest_of_a_drawn_one():
    assert not any(load_suite(name).digest.startswith("drawn:") for name in SUITES)
    assert all(load_suite(name).seed is None for name in SUITES)


def test_held_out_are_the_levels_of_both_held_out_suites():
    held_out = held_out_levels()
    assert held_out.tile.shape[0] == 356
    for suite in (generated_suite(), poet_suite()):
        assert (count_matches(suite.levels, held_out, is_plan_only=True) >= 1).all()

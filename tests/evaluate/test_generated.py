import jax
import numpy as np
import pytest

from alpha_factory.evaluate import draw_suite
from alpha_factory.evaluate.generated import SOURCES, digest_drawn
from reference.engine import take
from reference.grid import read_level, solve

LEVELS = 12


@pytest.fixture(scope="module", params=SOURCES)
def suite(request):
    return draw_suite(request.param, levels=LEVELS, seed=3)


def test_drawn_suite_says_that_it_is_not_frozen(suite):
    assert suite.seed == 3
    assert suite.digest.startswith("drawn:")
    assert len(suite.names) == len(set(suite.names)) == LEVELS
    assert all(name.startswith(f"{suite.name}-3-") for name in suite.names)
    assert (suite.levels.step_limit == suite.step_limits[0]).all()


def test_fewer_levels_are_the_first_of_more(suite):
    fewer = draw_suite(suite.name, levels=5, seed=3)
    for one, other in zip(
        jax.tree.leaves(fewer.levels), jax.tree.leaves(suite.levels), strict=True
    ):
        np.testing.assert_array_equal(one, other[:5])
    assert fewer.digest != suite.digest


def test_another_seed_draws_other_levels(suite):
    other = draw_suite(suite.name, levels=LEVELS, seed=4)
    assert other.digest != suite.digest
    assert not np.array_equal(other.levels.tile, suite.levels.tile)


def test_random_mazes_have_a_way_to_the_goal():
    levels = draw_suite("random-mazes", levels=12, seed=0).levels
    assert all(solve(read_level(take(levels, at))) is not None for at in range(12))


def test_all_steps_of_a_drawn_level_cost_what_they_cost_before():
    levels = draw_suite("random-genomes", levels=64, seed=0).levels
    whole = np.asarray(levels.reward.step_cost) * np.asarray(levels.step_limit)
    assert whole.max() > 0
    assert (whole <= 0.05 + 1e-6).all()  # the most that a genome can say


def test_digest_is_of_every_array(suite):
    for at, leaf in enumerate(leaves := jax.tree.leaves(suite.levels)):
        changed = list(leaves)
        changed[at] = ~leaf if leaf.dtype == bool else leaf + leaf.dtype.type(1)
        levels = jax.tree.unflatten(jax.tree.structure(suite.levels), changed)
        assert digest_drawn(levels) != suite.digest
    assert digest_drawn(suite.levels) == suite.digest

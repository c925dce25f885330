"""The course of phases, and the numbers that a matrix of solve rates comes to."""

import equinox as eqx
import jax
import numpy as np
import pytest

from alpha_factory.core.errors import Diverged, UsageError
from alpha_factory.runs.tasks.continual import MEANS, Course, Remembered, find_worlds
from alpha_factory.worlds import shortest_walk
from runs.tiny import with_learning

pytestmark = pytest.mark.implicit_promotion

COURSE = Course(with_learning(ewc_weight=10.0, ewc_sequences=16), phases=2, worlds=2, iterations=2)


def test_matrix_is_summed_up_as_by_hand():
    """Three phases of one world: the first is half forgotten, the second not at all."""
    solved = [[0.1, 0.2, 0.0], [0.8, 0.3, 0.1], [0.6, 0.9, 0.4], [0.4, 0.9, 1.0]]
    remembered = Remembered(np.array(solved), 1)
    told = remembered.sum_up()
    np.testing.assert_allclose(remembered.by_world()["forgetting"], [0.4, 0.0], atol=1e-12)
    assert told["learned"] == pytest.approx((0.8 + 0.9 + 1.0) / 3)
    assert told["retired"] == pytest.approx((0.4 + 0.9) / 2)
    assert told["forgetting"] == pytest.approx((0.4 + 0.0) / 2)
    assert told["forward_transfer"] == pytest.approx(((0.3 - 0.2) + (0.4 - 0.0)) / 2)


def test_worlds_of_a_phase_are_compared_with_the_end_of_their_own():
    """Two phases of two worlds: the second world is forgotten, the fourth known beforehand."""
    solved = [[0.0, 0.0, 0.0, 0.2], [1.0, 0.8, 0.0, 0.7], [1.0, 0.2, 0.6, 1.0]]
    told = Remembered(np.array(solved), 2).by_world()
    np.testing.assert_allclose(told["learned"], [1.0, 0.8, 0.6, 1.0])
    np.testing.assert_allclose(told["retired"], [1.0, 0.2])
    np.testing.assert_allclose(told["forgetting"], [0.0, 0.6])
    np.testing.assert_allclose(told["forward_transfer"], [0.0, 0.5])


def test_worlds_are_few_steps_long_and_follow_from_the_seed():
    plans = np.asarray(jax.jit(jax.vmap(shortest_walk))(find_worlds(20, seed=3)))
    assert ((plans >= 2) & (plans <= 8)).all()
    once, again, other = (np.asarray(find_worlds(4, seed=seed).tile) for seed in (3, 3, 4))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_course_plays_every_world_after_every_phase():
    solved = COURSE.follow("ewc+replay", seed=0).solved
    assert solved.shape == (3, 4)
    assert ((solved >= 0) & (solved <= 1)).all()


def test_means_differ_in_what_they_say():
    assert len({means[1:] for means in MEANS.values()}) == len(MEANS)


def test_unknown_means_are_refused():
    with pytest.raises(UsageError, match=r"Unknown means 'ecw'.*Did you mean 'ewc'"):
        COURSE.follow("ecw", seed=0)


def test_learner_that_stands_still_is_not_taken_for_one_that_forgets_nothing(monkeypatch):
    train_phase = COURSE._train

    def stand_still(*args):
        student, losses = train_phase(*args)
        return student, eqx.tree_at(lambda one: one.in_a_row, losses, losses.in_a_row + 10)

    monkeypatch.setattr(COURSE, "_train", stand_still)
    with pytest.raises(Diverged, match=r"10 updates in a row .* world [01] of the course"):
        COURSE.follow("ewc+replay", seed=0)

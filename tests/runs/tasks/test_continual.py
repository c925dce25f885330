"""The course of phases, and the numbers that a matrix of solve rates comes to."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import Diverged, UsageError
from alpha_factory.learn import Losses, Student
from alpha_factory.runs.tasks.continual import MEANS, Course, Remembered, find_worlds
from alpha_factory.worlds import shortest_walk
from runs.tiny import with_learning

pytestmark = pytest.mark.implicit_promotion

COURSE = Course(with_learning(ewc_weight=10.0, ewc_sequences=16), phases=2, worlds=2, iterations=2)
LONGER = Course(COURSE.config, phases=3, worlds=2, iterations=2)


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


ROWS = 3


@pytest.fixture
def given(monkeypatch):
    """What each phase's training is given. It only pretends: so many rows of 7 in every lane, and one update."""
    given = []

    def pretend(practice, student, source, key):
        del key
        given.append((practice, student, source))
        ring, after = student.ring, int(student.ring.head) + ROWS
        ring = eqx.tree_at(
            lambda one: (one.reward, one.head, one.written),
            ring,
            (
                ring.reward.at[:, int(ring.head) : after].set(7.0),
                ring.head + ROWS,
                ring.head + ROWS,
            ),
        )
        learner = eqx.tree_at(lambda one: one.updates, student.learner, student.learner.updates + 1)
        none, sound = jnp.zeros(1), jnp.zeros(1, bool)
        number = jnp.zeros(1, jnp.int32)
        losses = Losses(none, none, none, none, none, none, sound, number, number)
        return Student(learner, ring, student.actors), losses

    monkeypatch.setattr(LONGER, "_train", pretend)
    monkeypatch.setattr(LONGER, "_keep", lambda practice, student, source, key: student)
    monkeypatch.setattr(LONGER, "_solve", lambda model, levels, key: np.zeros(levels.tile.shape[0]))
    return given


@pytest.mark.parametrize(
    ("name", "is_new", "is_emptied", "is_kept", "is_consolidated"),
    [
        ("none", False, False, False, False),
        ("fine-tune", False, True, False, False),
        ("replay", False, False, True, False),
        ("ewc", False, False, False, True),
        ("ewc+replay", False, False, True, True),
        ("scratch", True, True, False, False),
    ],
)
def test_each_of_the_means_is_what_it_says(
    given, name, is_new, is_emptied, is_kept, is_consolidated
):
    """Which network each of three phases begins with, which experience, and how it learns from it."""
    LONGER.follow(name, seed=0)
    assert [int(source.first) for _, _, source in given] == [0, 2, 4]
    for practice, student, _ in given:
        recipe = practice.recipe
        assert recipe.is_balanced == is_kept
        assert recipe.ewc_weight == (10.0 if is_consolidated else 0.0)
        assert (student.learner.consolidation is not None) == is_consolidated
        # Replay that keeps every phase holds all of its rows.
        slots = LONGER.phases * 2 * practice.steps if is_kept else 32
        assert student.ring.action.shape[1] == practice.replay_slots == slots
    students = [student for _, student, _ in given]
    assert [int(one.learner.updates) for one in students] == ([0] * 3 if is_new else [0, 1, 2])
    written = [int(one.ring.written) for one in students]
    assert written == ([0] * 3 if is_emptied else [0, ROWS, 2 * ROWS])
    first = [np.asarray(one.learner.model.dynamics.cell.weight_ih) for one in students]
    assert (first[0] == first[1]).all() != is_new


def test_no_sequence_goes_on_from_the_last_worlds_of_a_phase_into_the_next(given):
    """Actors start anew there, in other worlds, and their rows come right behind."""
    LONGER.follow("none", seed=0)
    for phase, (_, student, _) in enumerate(given):
        ends = [ROWS * end - 1 for end in range(1, phase + 1)]
        assert np.flatnonzero(np.asarray(student.ring.is_last).all(axis=0)).tolist() == ends
        assert np.asarray(student.ring.is_last).any(axis=0).sum() == len(ends)
        assert not np.asarray(student.ring.reward)[:, ends].any()
        others = np.delete(np.asarray(student.ring.reward)[:, : ROWS * phase], ends, axis=1)
        assert (others == 7.0).all()


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

"""What goes from specialists to the generalist and back, by a stand-in for whoever plays."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.records import TO_GENERALIST, TO_SPECIALIST, Transfer
from alpha_factory.rollout import Score
from alpha_factory.runs.evolution.executor.jobs import Exam, Trained
from alpha_factory.runs.evolution.specialists import Specialised, specialise
from alpha_factory.runs.state import Counters, RunState
from runs import tiny

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

CONFIG = tiny.with_curriculum(transfer_margin=0.15, transfer_share=0.1, specialists=2)
LANES = CONFIG.curriculum.slots
HOMES = (1, 2)
"""Slots that specialists 1 and 2 are trained on."""
TRAP = 3
"""The slot of a honeypot."""
Table = dict[tuple[int, int], float]
"""What a policy, 0 for the generalist, earns in the world of a slot; nothing where it is not said."""


def mark(model: Any, number: int) -> Any:
    """The model with nothing but that number in its weights."""
    return jax.tree.map(
        lambda leaf: jnp.full_like(leaf, number) if eqx.is_inexact_array(leaf) else leaf, model
    )


def read(model: Any) -> float:
    weights = [leaf for leaf in jax.tree.leaves(model) if eqx.is_inexact_array(leaf)]
    return float(np.ravel(weights[0])[0])


class Told:
    """Trains specialist i into model i, and plays as told; the first time that it is asked by another table."""

    compile_s = 0.0

    def __init__(self, table: Table, first: Table | None = None) -> None:
        self._table, self._first = table, table if first is None else first
        self._asked: set[tuple[int, int]] = set()
        self._trained = 0
        self.exams = 0

    def perform(self, jobs: Any) -> list[Any]:
        return [self._play(job) if isinstance(job, Exam) else self._train(job) for job in jobs]

    def _train(self, job: Any) -> Trained:
        self._trained += 1
        return Trained(mark(job.learner.model, self._trained), [], frames=1000, updates=7)

    def _play(self, exam: Exam) -> Score:
        self.exams += 1
        policy = round(read(exam.model))
        slots = (np.asarray(exam.levels.step_limit) - 100).tolist()
        pairs = [(policy, slot) for slot in slots]
        table = self._table if self._asked.issuperset(pairs) else self._first
        self._asked.update(pairs)
        total = jnp.array([table.get(pair, 0.0) for pair in pairs])
        return Score(total, total > 0.5, jnp.ones(len(slots), jnp.int32))


@pytest.fixture(scope="module")
def state() -> RunState:
    """Worlds 10 to 13 live in the first slots."""
    begun = tiny.make_programs(tiny.TINY).begin()
    model = mark(begun.student.learner.model, 0)
    slots = jnp.arange(LANES, dtype=jnp.int32)
    limit = (100 + slots).astype(begun.pool.level.step_limit.dtype)
    return eqx.tree_at(
        lambda tree: (
            tree.student.learner.model,
            tree.pool.world,
            tree.pool.size,
            tree.pool.level.step_limit,
            tree.pool.level.reward.is_hidden,
        ),
        begun,
        (model, 10 + slots, jnp.int32(4), limit, slots == TRAP),
    )


def run(state: RunState, executor: Told, homes: tuple[int, ...] = HOMES) -> Specialised:
    return specialise(executor, CONFIG, state, homes, Counters(cycle=5), lambda *given: None)


def of(came: Specialised, direction: str) -> list[Transfer]:
    return [one for one in came.transfers if one.direction == direction]


def test_specialist_that_helps_anywhere_is_merged_and_one_that_does_not_is_not(state):
    came = run(state, Told({(1, 0): 0.4, (2, 0): 0.1, (1, 1): 0.9, (2, 2): 0.9, (0, 2): 0.9}))
    first, second = of(came, TO_GENERALIST)
    assert (first.specialist, first.helped, first.merged) == (11, 11, True)
    assert first.gain == pytest.approx(0.9)
    assert (second.specialist, second.helped, second.merged) == (12, 10, False)
    assert second.gain == pytest.approx(0.1)
    assert read(came.state.student.learner.model) == pytest.approx(0.1)
    assert not any(one.merged for one in of(came, TO_SPECIALIST))
    assert [read(model) for model in came.models] == [1, 2]
    assert came.scores == [1.0, 1.0]


def test_what_a_honeypot_pays_moves_nobody(state):
    came = run(state, Told({(1, TRAP): 1.0}))
    assert not any(one.merged for one in came.transfers)
    assert read(came.state.student.learner.model) == 0.0


def test_specialist_takes_the_generalists_policy_over_where_that_beats_it_at_home(state):
    came = run(state, Told({(0, 1): 0.8, (1, 1): 0.6, (0, 2): 0.7, (2, 2): 0.6}))
    first, second = of(came, TO_SPECIALIST)
    assert (first.specialist, first.source, first.helped, first.merged) == (11, None, 11, True)
    assert first.gain == pytest.approx(0.2)
    assert (second.specialist, second.helped, second.merged) == (12, 12, False)
    assert second.gain == pytest.approx(0.1)
    assert [read(model) for model in came.models] == [2]  # the generalist is no new agent


def test_specialist_takes_over_the_best_of_all_others(state):
    came = run(state, Told({(0, 1): 0.4, (1, 1): 0.1, (2, 1): 0.9, (2, 2): 1.0}))
    first, second = of(came, TO_SPECIALIST)
    assert (first.source, first.merged) == (12, True)
    assert first.gain == pytest.approx(0.8)
    assert not second.merged
    assert [read(model) for model in came.models] == [2]
    assert came.scores == [1.0, 1.0]  # each with the policy that it has in the end


def test_specialists_can_change_places(state):
    came = run(state, Told({(1, 2): 0.9, (2, 1): 0.8}))
    assert [one.source for one in of(came, TO_SPECIALIST)] == [12, 11]
    assert [read(model) for model in came.models] == [1, 2]
    assert came.scores == [1.0, 1.0]
    # Both were merged as they were trained, one after the other.
    assert read(came.state.student.learner.model) == pytest.approx(0.9 * 0.1 + 0.2)


def test_gain_that_was_luck_moves_nobody(state):
    """In the episodes that find it, a policy earns everything; in those that measure it, nothing."""
    luck = dict.fromkeys(((1, 0), (2, 0), (2, 1), (0, 2)), 1.0)
    came = run(state, Told({}, first=luck))
    assert not any(one.merged for one in came.transfers)
    assert [one.gain for one in came.transfers] == [0.0] * 4
    assert all(one.helped is None for one in came.transfers)


def test_single_specialist_is_compared_with_the_generalist_alone(state):
    executor = Told({(0, 1): 0.5})
    came = run(state, executor, homes=(1,))
    assert [one.merged for one in came.transfers] == [False, True]
    assert came.models == []
    # Two looks at the pool, two and two measurements, and one to know what it solves in the end.
    assert executor.exams == 2 + 2 + 2 + 1


@pytest.mark.parametrize("homes", [HOMES, (1,)])
def test_all_that_was_played_counts(state, homes):
    executor = Told({(0, 1): 0.5})
    came = run(state, executor, homes)
    played = LANES * executor.exams  # a step each
    assert came.effort == {"frames": played + 1000 * len(homes), "updates": 7 * len(homes)}

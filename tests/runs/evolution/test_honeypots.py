"""Which worlds become honeypots, and what a check does to one."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.curriculum import NEVER_CHECKED, Candidates
from alpha_factory.rollout import Score
from alpha_factory.runs.evolution.executor.jobs import Exam
from alpha_factory.runs.evolution.honeypots import check_honeypot, lay_honeypots
from alpha_factory.runs.evolution.programs import Proposal
from alpha_factory.runs.settings.config import CurriculumConfig
from alpha_factory.runs.state import Counters, RunState
from alpha_factory.worlds import from_text
from runs import tiny

pytestmark = pytest.mark.implicit_promotion

WITH_BAIT, WITHOUT = (from_text(">$G", coin=0.4), from_text(">.G"))
CONFIG = dataclasses.replace(
    tiny.TINY,
    curriculum=dataclasses.replace(
        tiny.TINY.curriculum, honeypot_episodes=4, block=4, honeypot_weight=0.25
    ),
)


def propose(baits: list[bool]) -> Proposal:
    some = len(baits)
    level = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *(WITH_BAIT if has else WITHOUT for has in baits)
    )
    candidates = Candidates(
        jnp.zeros((some, 16), jnp.uint32),
        level,
        jnp.zeros(some, jnp.int32),
        jnp.zeros((some, 1), jnp.int32),
        jnp.ones(some, jnp.int32),
    )
    none = jnp.zeros(some, bool)
    return Proposal(candidates, none, none, jnp.zeros(some), jnp.zeros((some, 1)))


def lay(every: int | None, cycles: list[str]) -> list[list[int]]:
    """Which candidates of each cycle become honeypots: `-` is rejected, `b` accepted with a bait, `a` without."""
    counters, found = Counters(), []
    for cycle in cycles:
        proposal, is_honeypot, counters = lay_honeypots(
            CurriculumConfig(honeypot_every=every),
            propose([kind != "a" for kind in cycle]),
            np.array([kind != "-" for kind in cycle]),
            counters,
        )
        hidden = proposal.candidates.level.reward.is_hidden
        assert hidden.tolist() == is_honeypot.tolist()
        found.append(np.flatnonzero(is_honeypot).tolist())
    assert counters.honeypots == sum(map(len, found))
    return found


def test_every_so_manieth_accepted_world_is_a_honeypot() -> None:
    assert lay(3, ["bbb-b", "b-", "bbbbb"]) == [[2], [], [0, 3]]  # the third, sixth and ninth


def test_turn_passes_to_the_next_world_with_a_bait() -> None:
    assert lay(3, ["bba", "ab", "bbb"]) == [[], [1], [2]]


def test_no_world_is_a_honeypot_where_none_is_asked_for() -> None:
    assert lay(None, ["bbbb"]) == [[]]


class Says:
    """An executor by whom every episode brings the same."""

    compile_s = 0.0

    def __init__(self, total: float, is_solved: bool) -> None:
        self._total, self._is_solved = total, is_solved

    def perform(self, jobs: Any) -> list[Any]:
        assert all(isinstance(job, Exam) for job in jobs)
        assert not any(job.levels.reward.is_hidden.any() for job in jobs), "the goal must be paid"
        lanes = [len(job.levels.step_limit) for job in jobs]
        return [
            Score(
                jnp.full(some, self._total),
                jnp.full(some, self._is_solved),
                jnp.ones(some, jnp.int32),
            )
            for some in lanes
        ]


@pytest.fixture(scope="module")
def state() -> RunState:
    """Four worlds live; those of slots 1 and 3 are honeypots with a bait of 0.4."""
    begun = tiny.make_programs(tiny.TINY).begin()
    slots = tiny.TINY.curriculum.slots
    is_hidden = jnp.isin(jnp.arange(slots), jnp.array([1, 3, 5]))
    return eqx.tree_at(
        lambda tree: (
            tree.pool.level.reward.is_hidden,
            tree.pool.level.reward.goal,
            tree.pool.size,
            tree.pool.world,
        ),
        begun,
        (is_hidden, jnp.full(slots, 0.6), jnp.int32(4), jnp.arange(slots, dtype=jnp.int32) + 10),
    )


HACKED, HONEST = Says(0.4, False), Says(1.0, True)


def test_honeypots_are_checked_in_turn_and_weighed_by_what_comes_out(state: RunState) -> None:
    told = []
    for cycle, executor in enumerate((HACKED, HONEST, HACKED, HACKED, HONEST, HACKED)):
        counters = Counters(cycle=cycle)
        state, check, steps = check_honeypot(executor, CONFIG, state, counters)
        weight = np.asarray(state.pool.weight)[:4].tolist()
        assert steps == check.episodes  # one step each
        told.append((check.world, check.is_incident, weight))
    assert told == [
        (11, True, [1, 0.25, 1, 1]),
        (13, False, [1, 0.25, 1, 1]),
        (11, False, [1, 0.25, 1, 1]),  # still hacked: the same incident
        (13, True, [1, 0.25, 1, 0.25]),
        (11, False, [1, 1, 1, 0.25]),  # no longer
        (13, False, [1, 1, 1, 0.25]),
    ]
    assert np.asarray(state.pool.checked)[:5].tolist() == [-1, 4, -1, 5, NEVER_CHECKED]
    assert (check.training, check.evaluation, check.episodes) == pytest.approx((1.0, 0.4, 4))


def test_pool_without_a_honeypot_is_left_as_it_is(state: RunState) -> None:
    none = jnp.zeros_like(state.pool.level.reward.is_hidden)
    without = eqx.tree_at(lambda tree: tree.pool.level.reward.is_hidden, state, none)
    same, check, steps = check_honeypot(HONEST, CONFIG, without, Counters())
    assert check is None
    assert steps == 0
    assert same is without

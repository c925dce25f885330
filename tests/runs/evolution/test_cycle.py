"""A cycle's decisions, with the candidates' properties set by hand."""

import dataclasses
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.records import WorldCard
from alpha_factory.rollout import Score
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.evolution.course import Evolution
from alpha_factory.runs.evolution.cycle import evolve
from alpha_factory.runs.evolution.executor.jobs import InProcess
from alpha_factory.runs.evolution.programs import Programs, Proposal
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.directory import create_run
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.state import Counters, RunState
from alpha_factory.runs.suites import held_out_levels
from alpha_factory.worlds import count_matches
from runs import tiny

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

CANDIDATES = tiny.TINY.curriculum.parents * tiny.TINY.curriculum.children


class Doctored(Programs):
    """The real programs, but for what the candidates are like and how they are played."""

    def __init__(
        self, programs: Programs, solved: list[int], growth: str = "poet", **changes: Any
    ) -> None:
        vars(self).update(vars(programs))  # compiled programs included
        curriculum = dataclasses.replace(programs.config.curriculum, growth=growth, pace=2.0)
        self.config = dataclasses.replace(programs.config, curriculum=curriculum)
        episodes = np.arange(tiny.TINY.curriculum.episodes)
        self._solved = (episodes < np.array(solved)[:, None]).reshape(-1)
        self._changes = changes

    def will_have(self, **changes: Any) -> None:
        """What the next candidates are like."""
        self._changes |= changes

    def propose(self, *args: Any, **options: Any) -> Proposal:
        proposal = super().propose(*args, **options)
        candidates = proposal.candidates
        if "plan" in self._changes:
            plan = jnp.asarray(self._changes.pop("plan"))
            candidates = eqx.tree_at(lambda some: some.plan, candidates, plan)
        none = jnp.zeros(CANDIDATES, bool)
        clean = proposal._replace(candidates=candidates, is_repeat=none, is_held_out=none)
        return clean._replace(**{name: jnp.asarray(one) for name, one in self._changes.items()})

    def judge(self, model: Any, levels: Any, *, key: Any) -> Score:
        played = super().judge(model, levels, key=key)
        if played.is_solved.shape != self._solved.shape:
            return played
        return Score(played.total, jnp.asarray(self._solved), played.steps)


def judge(
    tmp_path: Path,
    solved: list[int],
    state: RunState | None = None,
    cycle: int = 1,
    **changes: Any,
) -> tuple[RunState, list[WorldCard]]:
    """The state after one cycle, and the cards of its candidates.

    Args:
        solved: how many of its two episodes the policy solves, for each candidate.
    """
    programs = tiny.make_programs(tiny.TINY)
    doctored = Doctored(programs, solved, **changes)
    with Archive(tmp_path / "worlds.sqlite") as archive:
        seed = WorldCard(
            id=0,
            genome="0" * 128,
            parents=[],
            operator="seed",
            cycle=0,
            frames=0,
            verdict="accepted",
        )
        archive.record(worlds=[seed])
        state, _ = evolve(
            doctored,
            state or programs.begin(),
            Counters(cycle=cycle),  # odd: no specialist's turn
            tiny.MUTATOR.operators,
            archive,
            lambda losses: None,
            InProcess(doctored),
        )
        return state, archive.worlds()[1:]


def test_each_candidate_gets_the_verdict_that_it_deserves(tmp_path: Path) -> None:
    flags = np.zeros((2, CANDIDATES), bool)
    flags[0, 1] = flags[1, 2] = True
    plan = np.full(CANDIDATES, 7)
    plan[0] = -1
    solved = [1, 1, 1, 0, 2, 1, 1, 2]
    qd = np.array([9.0, 9.0, 9.0, 9.0, 9.0, 0.1, 0.2, 9.0], np.float32)
    state, cards = judge(
        tmp_path, solved, plan=plan, is_repeat=flags[0], is_held_out=flags[1], qd=qd
    )
    told = [card.verdict for card in cards]
    assert told[:3] == ["unsolvable", "duplicate", "held out"]
    assert told[4] == told[7] == "too easy"
    assert told[5] == told[6] == "accepted"
    assert int(state.pool.size) == 1 + told.count("accepted")


def test_the_best_by_quality_diversity_enter_first(tmp_path: Path) -> None:
    qd = np.array([0.1, 0.8, 0.3, 0.7, 0.2, 0.9, 0.4, 0.5], np.float32)
    state, cards = judge(tmp_path, [1] * CANDIDATES, qd=qd)
    accepted = [card.id for card in cards if card.verdict == "accepted"]
    assert accepted == [2, 4, 6]  # 0.8, 0.7 and 0.9; three are accepted at most
    assert [card.verdict for card in cards].count("not chosen") == CANDIDATES - 3
    assert np.asarray(state.pool.world)[:4].tolist() == [0, 6, 2, 4]


def test_cycle_of_unsolvable_candidates_leaves_the_pool_as_it_was(tmp_path: Path) -> None:
    before = tiny.make_programs(tiny.TINY).begin()
    state, cards = judge(tmp_path, [1] * CANDIDATES, plan=np.full(CANDIDATES, -1))
    assert {card.verdict for card in cards} == {"unsolvable"}
    assert all(card.shortest_path is None for card in cards)
    for name in ("pool", "frontier", "student"):
        assert eqx.tree_equal(getattr(state, name), getattr(before, name)), name


def test_run_says_when_cycles_begin_to_let_nothing_in_and_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    events: list[tuple[str, dict[str, Any]]] = []
    hooks = Hooks(warned=told.append, event=lambda kind, payload: events.append((kind, payload)))
    doctored = Doctored(tiny.make_programs(tiny.TINY), [1] * CANDIDATES)
    with create_run(tmp_path / "run", to_json(tiny.TINY)) as directory:
        course = Evolution(
            directory,
            doctored,
            tiny.MUTATOR.operators,
            held_out_levels(),
            hooks,
            InProcess(doctored),
        )
        course.rewind()
        living = []
        for cycle, plan in ((1, -1), (3, -1), (5, 7), (7, -1)):  # odd: no specialist's turn
            doctored.will_have(plan=np.full(CANDIDATES, plan))
            course.counters = dataclasses.replace(course.counters, cycle=cycle)
            course.turn()
            living.append(int(course.state.pool.size))
        course.close()
    assert living == [1, 1, 4, 4]
    lines = [line for line in told if "entered the pool" in line]
    assert [line.split("cycle ")[1].split()[0] for line in lines] == ["1", "7"]
    assert f"{CANDIDATES} unsolvable" in lines[0]
    assert [payload["trouble"] for kind, payload in events if kind == "worlds"] == told
    cycles = [payload for kind, payload in events if kind == "cycle"]
    assert [one["accepted"] for one in cycles] == [0, 0, 3, 0]
    assert cycles[0]["verdicts"] == {"unsolvable": CANDIDATES}
    assert cycles[2]["verdicts"] == {"accepted": 3, "not chosen": CANDIDATES - 3}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_candidates_whose_newness_is_no_number_rank_last_and_say_so(
    tmp_path: Path, bad: float
) -> None:
    qd = np.array([bad, 0.8, bad, 0.7, bad, bad, bad, bad], np.float32)
    state, cards = judge(tmp_path, [1] * CANDIDATES, qd=qd)
    accepted = [card.id - 1 for card in cards if card.verdict == "accepted"]
    assert accepted == [0, 1, 3]  # those that can be told, and the first of the others
    assert [card.qd is None for card in cards] == [not np.isfinite(one) for one in qd]
    assert np.asarray(state.pool.world)[1:4].tolist() == [2, 4, 1]
    champion = np.asarray(state.frontier.champion)
    assert (champion == np.asarray(state.pool.genome)[1]).all()


def test_candidates_that_are_equally_new_enter_as_they_were_proposed(tmp_path: Path) -> None:
    _, cards = judge(tmp_path, [1] * CANDIDATES, qd=np.full(CANDIDATES, 0.5, np.float32))
    assert [card.id - 1 for card in cards if card.verdict == "accepted"] == [0, 1, 2]


def test_without_the_criterion_any_solvable_child_may_enter(tmp_path: Path) -> None:
    qd = np.linspace(0.9, 0.1, CANDIDATES, dtype=np.float32)
    plan = np.full(CANDIDATES, 7)
    plan[0] = -1
    _, cards = judge(tmp_path, [2, 0] * 4, growth="random", qd=qd, plan=plan)
    told = [card.verdict for card in cards]
    assert told.count("accepted") == 3
    assert set(told) == {"unsolvable", "accepted", "not chosen"}
    accepted = [index for index, said in enumerate(told) if said == "accepted"]
    assert accepted != [1, 2, 3]  # the newest three


def test_fixed_growth_takes_the_plans_that_are_due_and_lets_the_oldest_go(tmp_path: Path) -> None:
    slots = tiny.TINY.curriculum.slots
    born = np.arange(slots) + 1
    born[1:4] = 0
    full = eqx.tree_at(
        lambda state: (state.pool.score, state.pool.born, state.pool.size, state.pool.world),
        tiny.make_programs(tiny.TINY).begin(),
        (
            jnp.full(slots, 0.95, jnp.float32).at[1].set(0.1),
            jnp.asarray(born, jnp.int32),
            jnp.int32(slots),
            jnp.arange(slots),
        ),
    )
    plan = np.array([20, 9, 3, 8, 12, 40, 2, 7])
    state, cards = judge(
        tmp_path, [0, 2] * 4, state=full, cycle=3, growth="fixed", plan=plan
    )  # in the fourth cycle, at a pace of 2: 8 steps
    told = [card.verdict for card in cards]
    assert [int(plan[index]) for index, said in enumerate(told) if said == "accepted"] == [9, 8, 7]
    left = set(range(slots)) - set(np.asarray(state.pool.world).tolist())
    assert left == {1, 3}  # the oldest three; one of those that entered is number 2


def test_full_pool_makes_room_by_retiring_the_mastered_only(tmp_path: Path) -> None:
    programs = tiny.make_programs(tiny.TINY)
    begun = programs.begin()
    slots = tiny.TINY.curriculum.slots
    score = np.full(slots, 0.6, np.float32)
    score[:4] = 0.1, 0.95, 0.3, 0.92
    full = eqx.tree_at(
        lambda state: (state.pool.score, state.pool.size, state.student.actors.slot),
        begun,
        (jnp.asarray(score), jnp.int32(slots), jnp.arange(tiny.TINY.learning.worlds)),
    )
    state, cards = judge(tmp_path, [1] * CANDIDATES, state=full)
    accepted = [card.id for card in cards if card.verdict == "accepted"]
    assert len(accepted) == 2  # two worlds were mastered, so there is room for two
    # Episodes still going on in the two worlds that left count for nobody.
    assert np.asarray(state.student.actors.slot).tolist() == [0, slots, 2, slots]
    kept = np.asarray(state.pool.world)
    assert {int(kept[1]), int(kept[3])} == set(accepted)
    assert (np.delete(kept, [1, 3]) == 0).all()


def test_what_stays_unmastered_for_long_makes_room_after_the_mastered(tmp_path: Path) -> None:
    begun = tiny.make_programs(tiny.TINY).begin()
    slots, lifetime = tiny.TINY.curriculum.slots, tiny.TINY.curriculum.lifetime
    score, born = np.full(slots, 0.5, np.float32), np.full(slots, 9)
    score[:4], born[:3] = (0.1, 0.2, 0.3, 0.95), (3, 2, 1)
    score[7], born[7] = -1.0, 0
    full = eqx.tree_at(
        lambda state: (state.pool.score, state.pool.born, state.pool.size, state.pool.world),
        begun,
        (jnp.asarray(score), jnp.asarray(born, jnp.int32), jnp.int32(slots), jnp.arange(slots)),
    )
    qd = np.array([0, 0, 0, 1, 1, 1, 0, 0], np.float32)  # worlds 4, 5 and 6 enter
    state, cards = judge(tmp_path, [1] * CANDIDATES, state=full, cycle=lifetime + 1, qd=qd)
    assert [card.verdict for card in cards].count("accepted") == tiny.TINY.curriculum.accepted
    kept = set(np.asarray(state.pool.world).tolist())
    assert set(range(slots)) - kept == {3, 7, 2}  # mastered; never played; old. Not 1: three enter
    with Archive(tmp_path / "worlds.sqlite") as archive:
        told = {gone.world: gone.reason for gone in archive.retirements()}
    assert told == {
        3: "mastered: solve rate 0.95",
        7: "old: never played",
        2: "old: solve rate 0.30",
    }


def test_level_of_a_suite_is_recognised_whatever_its_rules_say() -> None:
    held_out = held_out_levels()
    changed = eqx.tree_at(lambda level: level.physics.slip, held_out, held_out.physics.slip + 0.1)
    assert (np.asarray(count_matches(changed, held_out, is_plan_only=True)) >= 1).all()
    assert (np.asarray(count_matches(changed, held_out)) == 0).all()

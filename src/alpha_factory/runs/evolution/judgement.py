"""Which candidates of a cycle enter the pool, and whose place they take."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.curriculum import meets_criterion
from alpha_factory.records import Verdict
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evolution.executor.jobs import Exam, Executor, count_steps, play_all
from alpha_factory.runs.evolution.programs import Proposal
from alpha_factory.runs.settings.config import FIXED, POET, RANDOM, CurriculumConfig, RunConfig
from alpha_factory.runs.state import Counters, RunState


@dataclass(frozen=True)
class Judgement:
    """What became of a cycle's candidates, one entry each."""

    score: np.ndarray  # share of the episodes solved
    verdict: list[Verdict]
    slot: np.ndarray  # where it enters the pool; the number of slots if it does not
    steps: int  # env steps that it took to judge them


def judge(
    run: RunConfig, executor: Executor, state: RunState, proposal: Proposal, counters: Counters
) -> Judgement:
    """Play the candidates and say which of them enter, and where.

    What the setting `curriculum.growth` is decides who may: with `poet` those that meet the minimal
    criterion, by quality diversity; with `random` any, drawn; with `fixed` those whose shortest plan is
    nearest to what is due, which grows by `curriculum.pace` steps a cycle, whatever the agent can do.
    """
    config, levels = run.curriculum, proposal.candidates.level
    repeated = jax.tree.map(lambda leaf: jnp.repeat(leaf, config.episodes, axis=0), levels)
    key = derive_key(run.seed, "judge", counters.cycle)
    exam = Exam(state.student.learner.model, repeated, key)
    (played,) = play_all(executor, [exam], block=config.block)
    # With reward on the way to a goal, an agent that never reaches it can bring as much as one
    # that does: only what was solved can be compared between worlds.
    is_solved = np.asarray(played.is_solved, np.float32)
    score = is_solved.reshape(-1, config.episodes).mean(axis=1)

    is_met = np.full(score.shape, True)
    if config.growth == POET:
        is_met = np.asarray(
            meets_criterion(jnp.asarray(score), lowest=config.lowest, highest=config.highest)
        )
    reasons: list[tuple[Verdict, np.ndarray]] = [
        ("unsolvable", np.asarray(proposal.candidates.plan) < 0),
        ("duplicate", np.asarray(proposal.is_repeat)),
        ("held out", np.asarray(proposal.is_held_out)),
        ("too hard", ~is_met & (score <= config.lowest)),
        ("too easy", ~is_met & (score >= config.highest)),
    ]
    verdict: list[Verdict] = ["accepted"] * len(score)
    for reason, is_so in reversed(reasons):
        verdict = [reason if so else said for so, said in zip(is_so, verdict, strict=True)]

    free = _free_slots(config, state, counters.cycle)
    wanted = _want(run, proposal, counters.cycle)
    slot = np.full(len(score), config.slots)
    eligible = [index for index, said in enumerate(verdict) if said == "accepted"]
    ranked = sorted(eligible, key=lambda index: -wanted[index])
    for rank, index in enumerate(ranked):
        if rank < min(config.accepted, len(free)):
            slot[index] = free[rank]
        else:
            verdict[index] = "not chosen"
    return Judgement(score, verdict, slot, count_steps([played]))


def _free_slots(config: CurriculumConfig, state: RunState, cycle: int) -> list[int]:
    """Slots never used, those of mastered worlds, the best first, those of the oldest others.

    A curriculum that is fixed lets the oldest go, whatever they are to the agent.
    """
    size = int(state.pool.size)
    score, born = np.asarray(state.pool.score), np.asarray(state.pool.born)
    if config.growth == FIXED:
        return [
            *range(size, config.slots),
            *sorted(range(size), key=lambda slot: (born[slot], slot)),
        ]
    mastered = [slot for slot in range(size) if score[slot] >= config.highest]
    mastered.sort(key=lambda slot: (-score[slot], born[slot], slot))
    old = [
        slot
        for slot in range(size)
        if score[slot] < config.highest and cycle - born[slot] >= config.lifetime
    ]
    old.sort(key=lambda slot: (born[slot], slot))
    return [*range(size, config.slots), *mastered, *old]


def _want(run: RunConfig, proposal: Proposal, cycle: int) -> np.ndarray:
    """By what the candidates rank, the greatest first."""
    growth = run.curriculum.growth
    if growth == RANDOM:
        key = derive_key(run.seed, "draw", cycle)
        return np.asarray(jax.random.uniform(key, proposal.qd.shape))
    if growth == FIXED:
        due = run.curriculum.pace * (cycle + 1)
        return -np.abs(np.asarray(proposal.candidates.plan, np.float32) - due)
    return np.asarray(proposal.qd)

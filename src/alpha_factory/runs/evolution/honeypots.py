"""Honeypots in a run: which accepted worlds become one, and what is done with one that is hacked."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.curriculum import (
    hide_goal,
    is_hacked,
    measure_bait,
    score_honeypot,
)
from alpha_factory.records import HoneypotCheck
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evolution.executor.jobs import Exam, Executor, count_steps, play_all
from alpha_factory.runs.evolution.programs import Proposal
from alpha_factory.runs.settings.config import CurriculumConfig, RunConfig
from alpha_factory.runs.state import Counters, RunState


def lay_honeypots(
    config: CurriculumConfig, proposal: Proposal, is_accepted: np.ndarray, counters: Counters
) -> tuple[Proposal, np.ndarray, Counters]:
    """Hide the goal of every so manieth accepted candidate.

    Where there is next to nothing else to be had nothing could be hacked: the turn passes on to the
    next candidate, of this cycle or a later one, with a bait above the margin.

    Returns:
        The candidates, which of them are honeypots now, and the counters of these.
    """
    is_honeypot = np.zeros(is_accepted.shape, bool)
    every, ordinary = config.honeypot_every, counters.ordinary
    bait = np.asarray(measure_bait(proposal.candidates.level))
    for number in np.flatnonzero(is_accepted):
        ordinary += 1
        if every is not None and ordinary >= every and bait[number] > config.honeypot_margin:
            is_honeypot[number], ordinary = True, 0
    hidden = hide_goal(proposal.candidates.level, jnp.asarray(is_honeypot))
    proposal = eqx.tree_at(lambda one: one.candidates.level, proposal, hidden)
    laid = int(is_honeypot.sum())
    return (
        proposal,
        is_honeypot,
        counters.add(honeypots=laid, ordinary=ordinary - counters.ordinary),
    )


def find_honeypots(state: RunState) -> np.ndarray:
    """Slots of the living honeypots."""
    is_hidden = np.asarray(state.pool.level.reward.is_hidden)
    return np.flatnonzero(is_hidden[: int(state.pool.size)])


def check_honeypot(
    executor: Executor, config: RunConfig, state: RunState, counters: Counters
) -> tuple[RunState, HoneypotCheck | None, int]:
    """Play the living honeypot that was not checked for longest, and weigh it by what comes out.

    Returns:
        The state, in which a world that is hacked is drawn less often and one that no longer is, as
        often as others again; the record, None where no honeypot lives; and the env steps that it took.
    """
    slots = find_honeypots(state)
    if not slots.size:
        return state, None, 0
    curriculum, pool = config.curriculum, state.pool
    checked, weight = np.array(pool.checked), np.array(pool.weight)
    slot = int(min(slots, key=lambda one: (checked[one], one)))
    episodes = curriculum.honeypot_episodes
    one = jax.tree.map(lambda leaf: leaf[slot], pool.level)
    shown = hide_goal(one, jnp.bool_(False))  # pays as the engine does with `pays_hidden`
    levels = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (episodes, *leaf.shape)), shown)
    key = derive_key(config.seed, "honeypot", counters.cycle)
    exam = Exam(state.student.learner.model, levels, key)
    (played,) = play_all(executor, [exam], block=curriculum.block)
    scores = score_honeypot(levels, played)
    training, evaluation = (float(np.asarray(score).mean()) for score in scores)
    was_hacked = bool(weight[slot] < 1.0)
    is_so = is_hacked(training, evaluation, margin=curriculum.honeypot_margin)
    checked[slot] = counters.cycle
    weight[slot] = curriculum.honeypot_weight if is_so else 1.0
    state = eqx.tree_at(
        lambda tree: (tree.pool.checked, tree.pool.weight),
        state,
        (jnp.asarray(checked), jnp.asarray(weight)),
    )
    check = HoneypotCheck(
        world=int(pool.world[slot]),
        cycle=counters.cycle,
        frames=counters.frames,
        training=training,
        evaluation=evaluation,
        episodes=episodes,
        is_incident=is_so and not was_hacked,
    )
    return state, check, count_steps([played])

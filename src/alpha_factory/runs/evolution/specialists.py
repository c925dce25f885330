"""Specialists: copies of the generalist, each trained on a new world, merged where that helps (paper, section 4.5)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.curriculum import isolate, merge
from alpha_factory.learn import Losses, PpoLosses
from alpha_factory.records import Transfer
from alpha_factory.rollout import Score
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evolution.executor.jobs import (
    Exam,
    Executor,
    Trained,
    Training,
    count_steps,
    play_all,
)
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import Counters, RunState

CheckSpecialist = Callable[[Losses | PpoLosses, int, int], None]
"""`check(losses, updates, world)`: given a stretch, the specialists' updates before it, and the world."""


class Specialised(NamedTuple):
    """What came of a cycle's specialists."""

    state: RunState
    transfers: list[Transfer]  # a record of each
    scores: list[float]  # each one's solve rate on its own world
    models: list[eqx.Module]  # each, as it was compared
    effort: dict[str, int]  # frames, those of comparing included, and updates spent


def specialise(
    executor: Executor,
    config: RunConfig,
    state: RunState,
    slots: Sequence[int],
    counters: Counters,
    check_specialist: CheckSpecialist,
) -> Specialised:
    """Fine-tune a copy on the world of each slot, and merge those that are better by the margin on any.

    The world where one seems best is found in one round of episodes and the gain is measured in
    another, since the largest of many noisy gains is always too large. All are compared with the
    generalist as it was, and merged in the order of their slots.
    """
    learner, pool = state.student.learner, state.pool
    key = derive_key(config.seed, "specialise", counters.cycle)
    trained: list[Trained] = executor.perform(
        [
            Training(learner, pool, slot, jax.random.fold_in(key, number))
            for number, slot in enumerate(slots)
        ]
    )
    worlds = [int(pool.world[slot]) for slot in slots]
    _check(trained, worlds, check_specialist)
    helped, gains, scores, steps = _compare(executor, config, state, slots, trained, counters.cycle)

    model: eqx.Module = learner.model
    transfers = []
    for one, world, chosen, gain in zip(trained, worlds, helped, gains, strict=True):
        is_merged = gain > config.curriculum.transfer_margin
        if is_merged:
            model = merge(model, one.model, share=config.curriculum.transfer_share)
        transfers.append(
            Transfer(
                cycle=counters.cycle,
                specialist=world,
                helped=int(pool.world[chosen]) if gain > 0 else None,
                gain=gain,
                merged=is_merged,
            )
        )
    state = eqx.tree_at(lambda tree: tree.student.learner.model, state, model)
    spent = {
        "frames": steps + sum(one.frames for one in trained),
        "updates": sum(one.updates for one in trained),
    }
    return Specialised(state, transfers, scores, [one.model for one in trained], spent)


def _check(
    trained: Sequence[Trained], worlds: Sequence[int], check_specialist: CheckSpecialist
) -> None:
    updates = 0
    for one, world in zip(trained, worlds, strict=True):
        for losses in one.losses:
            check_specialist(losses, updates, world)
            updates += losses.value.size


def _compare(
    executor: Executor,
    config: RunConfig,
    state: RunState,
    slots: Sequence[int],
    trained: Sequence[Trained],
    cycle: int,
) -> tuple[list[int], list[float], list[float], int]:
    """Of each specialist the slot where it seemed best, what it gained there, and how often it solves its own world.

    And the env steps that all of this took.
    """
    pool, block = state.pool, config.curriculum.block
    models = [one.model for one in trained]
    key_seek, key_gain, key_home = jax.random.split(derive_key(config.seed, "transfer", cycle), 3)
    generalist = state.student.learner.model

    ours, *theirs = play_all(
        executor,
        [Exam(model, pool.level, key_seek) for model in [generalist, *models]],
        block=block,
    )
    # What a honeypot pays in training is no sign of skill.
    is_sign = (np.arange(len(pool.world)) < int(pool.size)) & ~np.asarray(
        pool.level.reward.is_hidden
    )
    gained = [np.where(is_sign, _returns(one) - _returns(ours), -np.inf) for one in theirs]
    chosen = [int(np.argmax(gain)) for gain in gained]

    exams = []
    for number, (model, slot, home) in enumerate(zip(models, chosen, slots, strict=True)):
        key = jax.random.fold_in(key_gain, number)
        there = isolate(pool, jnp.int32(slot)).level
        at_home = isolate(pool, jnp.int32(home)).level
        exams += [
            Exam(generalist, there, key),
            Exam(model, there, key),
            Exam(model, at_home, jax.random.fold_in(key_home, number)),
        ]
    played = play_all(executor, exams, block=block)
    gains = [
        float(_returns(theirs).mean() - _returns(ours).mean())
        for ours, theirs in zip(played[::3], played[1::3], strict=True)
    ]
    scores = [float(np.asarray(one.is_solved, np.float32).mean()) for one in played[2::3]]
    return chosen, gains, scores, count_steps([ours, *theirs, *played])


def _returns(score: Score) -> np.ndarray:
    return np.clip(np.asarray(score.total), 0.0, 1.0)

"""Specialists: copies of the generalist, each trained on a new world; what helps is passed on (paper, section 4.5)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.curriculum import isolate, merge
from alpha_factory.learn import Losses, PpoLosses
from alpha_factory.records import TO_GENERALIST, TO_SPECIALIST, Transfer
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evolution.executor.jobs import (
    Exam,
    Executor,
    Trained,
    Training,
    count_steps,
    play_all,
)
from alpha_factory.runs.evolution.transfer import seek_policies, seek_worlds
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import Counters, RunState

CheckSpecialist = Callable[[Losses | PpoLosses, int, int], None]
"""`check(losses, updates, world)`: given a stretch, the specialists' updates before it, and the world."""


class Specialised(NamedTuple):
    """What came of a cycle's specialists."""

    state: RunState
    transfers: list[Transfer]  # two of each specialist, one a direction
    scores: list[
        float
    ]  # each one's solve rate on its own world, with the policy that it has in the end
    models: list[
        eqx.Module
    ]  # those that specialists have in the end, each once, the generalist's left out
    effort: dict[str, int]  # frames, those of comparing included, and updates spent


def specialise(
    executor: Executor,
    config: RunConfig,
    state: RunState,
    slots: Sequence[int],
    counters: Counters,
    check_specialist: CheckSpecialist,
) -> Specialised:
    """Fine-tune a copy on the world of each slot, and let policies transfer in both directions.

    A specialist that is better than the generalist by the margin on any world is merged into it, in the order of the
    slots. A specialist that the generalist or another specialist beats by the margin on its own world takes that
    policy over. All are compared, merged and taken over as they were trained, whatever else happens to them.
    """
    learner, pool, curriculum = state.student.learner, state.pool, config.curriculum
    key = derive_key(config.seed, "specialise", counters.cycle)
    trained: list[Trained] = executor.perform(
        [
            Training(learner, pool, slot, jax.random.fold_in(key, number))
            for number, slot in enumerate(slots)
        ]
    )
    worlds = [int(pool.world[slot]) for slot in slots]
    _check(trained, worlds, check_specialist)

    policies = [learner.model, *(one.model for one in trained)]
    homes = [isolate(pool, jnp.int32(slot)).level for slot in slots]
    key_out, key_home, key_score = jax.random.split(
        derive_key(config.seed, "transfer", counters.cycle), 3
    )
    block = curriculum.block
    abroad, steps = seek_worlds(executor, pool, policies[0], policies[1:], block=block, key=key_out)
    at_home, more = seek_policies(
        executor, homes, policies[0], policies[1:], block=block, key=key_home
    )

    model: eqx.Module = learner.model
    owned, transfers = [], []
    for number, (world, out, home) in enumerate(zip(worlds, abroad, at_home, strict=True)):
        is_merged, is_taken = (one.gain > curriculum.transfer_margin for one in (out, home))
        if is_merged:
            model = merge(model, trained[number].model, share=curriculum.transfer_share)
        owned.append(home.place if is_taken else 1 + number)
        transfers += [
            Transfer(
                cycle=counters.cycle,
                direction=TO_GENERALIST,
                specialist=world,
                helped=int(pool.world[out.place]) if out.gain > 0 else None,
                gain=out.gain,
                merged=is_merged,
            ),
            Transfer(
                cycle=counters.cycle,
                direction=TO_SPECIALIST,
                specialist=world,
                source=worlds[home.place - 1] if home.place else None,
                helped=world if home.gain > 0 else None,
                gain=home.gain,
                merged=is_taken,
            ),
        ]
    state = eqx.tree_at(lambda tree: tree.student.learner.model, state, model)
    scored = play_all(
        executor,
        [
            Exam(policies[place], home, jax.random.fold_in(key_score, number))
            for number, (place, home) in enumerate(zip(owned, homes, strict=True))
        ],
        block=block,
    )
    spent = {
        "frames": steps + more + count_steps(scored) + sum(one.frames for one in trained),
        "updates": sum(one.updates for one in trained),
    }
    scores = [float(np.asarray(one.is_solved, np.float32).mean()) for one in scored]
    kept = [policies[place] for place in sorted(set(owned) - {0})]
    return Specialised(state, transfers, scores, kept, spent)


def _check(
    trained: Sequence[Trained], worlds: Sequence[int], check_specialist: CheckSpecialist
) -> None:
    updates = 0
    for one, world in zip(trained, worlds, strict=True):
        for losses in one.losses:
            check_specialist(losses, updates, world)
            updates += losses.value.size

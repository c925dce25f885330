"""Frames a second of learning CartPole, the task that others' MuZeros are measured on, too."""

import statistics
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from alpha_factory.core.types import Level
from alpha_factory.learn import Practice, Student, train
from alpha_factory.runs.bench.measure import (
    HELD,
    Asked,
    Case,
    Measured,
    Peer,
    ask,
    compile_step,
    tell_peer,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.machine.memory import estimate_practice
from alpha_factory.runs.machine.shortage import Estimate, explain_shortage
from alpha_factory.runs.tasks.catalogue import find_task
from alpha_factory.runs.tasks.study import begin

_SEED = 0
_UNIT = "frames/s"


def bench_cartpole(sizes: Sizes, repeats: int, peer: Peer | None = None) -> Measured:
    """Results `cartpole`, a stretch of `alpha-factory learn cartpole`, and `cartpole-act`.

    The second is the same without its updates: search and worlds alone, which is what a frame
    costs whatever is learned from it. Both are of a peer, too, where there is one. `replay_ratio` is the
    number of unrolled sequences that the first learns from for each frame.

    Raises:
        OutOfMemory: the device's memory did not suffice.
    """
    config, task = sizes.cartpole, find_task("cartpole")
    key_levels, key_start = jax.random.split(jax.random.key(_SEED))
    practice, levels, student = begin(task, config, key_levels=key_levels, key_start=key_start)

    def estimate() -> Estimate:
        whose = "each measurement has its own"
        return estimate_practice(config, practice, levels, students=HELD, whose=whose)

    with explain_shortage("bench cartpole", estimate):
        return _measure(sizes, repeats, peer, practice, levels, student)


def _measure(
    sizes: Sizes,
    repeats: int,
    peer: Peer | None,
    practice: Practice,
    levels: Level,
    student: Student,
) -> Measured:
    config, learning = sizes.cartpole, sizes.cartpole.learning
    compile_s, cases, asked = 0.0, [], []
    for name, updates, peer_updates in (
        ("cartpole", learning.updates, sizes.peer_updates),
        ("cartpole-act", 0, 0),
    ):
        carry = (student, jax.random.key(_SEED), jnp.int32(0))
        step, seconds = compile_step(
            partial(_stretch, practice._replace(updates=updates), sizes.iterations), levels, carry
        )
        compile_s += seconds
        shape = {
            "simulations": config.search.simulations,
            "worlds": learning.worlds,
            "steps": learning.steps,
            "iterations": sizes.iterations,
            "updates": updates,
            "batch": learning.batch,
        }
        cases.append(Case(name, _UNIT, shape, step, levels, carry, lambda carry: float(carry[2])))
        peer_shape = {
            "simulations": config.search.simulations,
            "worlds": 1,
            "steps": sizes.peer_steps,
            "updates": peer_updates,
            "batch": sizes.peer_batch,
        }
        asked.append(Asked(name, _UNIT, peer_shape))
    timings = time_in_turns(cases, repeats, ask(peer, asked))
    results = [to_result(case, timing) for case, timing in zip(cases, timings, strict=False)]
    ratio = learning.measure_replay(
        updates=sizes.iterations * learning.updates,
        frames=statistics.median(timings[0].work),
    )
    return Measured(compile_s, results, {"replay_ratio": ratio} | tell_peer(peer, asked, timings))


def _stretch(practice: Practice, iterations: int, levels: Any, carry: Any) -> Any:
    student, key, _ = carry
    key_train, key_later = jax.random.split(key)
    student, progress = train(practice, student, levels, iterations=iterations, key=key_train)
    return student, key_later, progress.episodes.frames

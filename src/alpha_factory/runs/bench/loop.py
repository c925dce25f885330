"""Frames a second of training as a run does it, learning included, and where the time goes."""

import operator
import statistics
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from alpha_factory.core.types import Level, Policy
from alpha_factory.curriculum import Mutator
from alpha_factory.genome import OPERATORS, mutate
from alpha_factory.nets import Model
from alpha_factory.runs.bench.learn import (
    explain_copies,
    fill_replay,
    make_updates,
    make_walk,
    prepare,
)
from alpha_factory.runs.bench.measure import (
    Case,
    Measured,
    Timing,
    always,
    compile_step,
    find_peak_gb,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.bench.worlds import random_levels
from alpha_factory.runs.build import make_policy, make_recipe
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.worlds import make_grid

_SEED = 0


def bench_loop(sizes: Sizes, repeats: int) -> Measured:
    """Result `loop`: one stretch of training, as a run compiles it, from a full replay buffer.

    Results `worlds`, `search` and `learn` are its parts, each alone, at the shapes that it has in
    the stretch and measured in turns with it. `share` is the time of each over the time of the
    whole; `other` is the rest (what is stored and drawn up between the parts). `share_excess` is
    what the parts take beyond the whole, which noise or a compiler that overlaps them can cause: 0
    if the shares add up. `replay_ratio` is the number of unrolled sequences learned from for each
    frame collected. `memory_gb` is what the stretch needs of the device, in GiB, as the compiler
    says: what goes in, what comes out beside it, and what is held between. `device_peak_gb` is the
    most that the device held, the copies that this benchmark makes included; a CPU doesn't say.

    Raises:
        OutOfMemory: the device's memory did not suffice.
        UsageError: the config's student is not one of MuZero in a pool.
    """
    with explain_copies("bench loop", sizes.config):
        return _measure(sizes, repeats)


def _measure(sizes: Sizes, repeats: int) -> Measured:
    config, learning = sizes.config, sizes.config.learning
    pool, student = prepare(config)
    student, _ = eqx.filter_jit(fill_replay)(config, student, pool)
    parts, compile_s = _compile_parts(config, pool, student)
    programs = Programs(config, Mutator(mutate, OPERATORS), _no_levels(pool.level))

    def stretch(pool: Any, carry: Any) -> Any:
        student, key, _ = carry
        key_train, key_later = jax.random.split(key)
        student, progress = programs.train(student, pool, key=key_train)
        return student, key_later, progress.episodes.frames

    carry = (student, jax.random.key(_SEED), jnp.int32(0))
    shape = {
        "worlds": learning.worlds,
        "steps": learning.steps,
        "iterations": config.curriculum.iterations,
        "simulations": config.search.simulations,
        "updates": learning.updates,
        "batch": learning.batch,
    }
    whole = Case("loop", "frames/s", shape, stretch, pool, carry, lambda carry: float(carry[2]))
    timings = time_in_turns([whole, *parts], repeats)
    peak_gb = find_peak_gb()
    return Measured(
        compile_s + programs.compile_s,
        [to_result(case, timing) for case, timing in zip((whole, *parts), timings, strict=True)],
        share_time(
            timings[0], {part.name: timing for part, timing in zip(parts, timings[1:], strict=True)}
        )
        | {
            "replay_ratio": learning.measure_replay(
                updates=config.curriculum.iterations * learning.updates,
                frames=statistics.median(timings[0].work),
            ),
            "memory_gb": programs.need("train") / 2**30,
        }
        | ({} if peak_gb is None else {"device_peak_gb": peak_gb}),
    )


def share_time(whole: Timing, parts: dict[str, Timing]) -> dict[str, Any]:
    """`share` of each part and of the rest in the time of the whole, and `share_excess`.

    Each turn of a part is compared with the same turn of the whole, since a busy machine is slow
    for minutes rather than moments.
    """
    share = {
        name: statistics.median(map(operator.truediv, part.wall_s, whole.wall_s))
        for name, part in parts.items()
    }
    rest = 1.0 - sum(share.values())
    return {"share": share | {"other": max(0.0, rest)}, "share_excess": max(0.0, -rest)}


def random_observations(count: int) -> Bool[Array, "count features"]:
    """What the agent sees at the start of `count` random worlds."""
    world, levels = make_grid(), random_levels(count)

    def look(level: Any) -> Array:
        return world.observe(level, world.reset(level, key=jax.random.key(_SEED)))

    return jax.jit(jax.vmap(look))(levels)


def search_positions(policy: Policy, model: Model, carry: Any) -> Any:
    """Search a batch of positions; the next call gets them in another order."""
    obs, _, key = carry
    key_plan, key_later = jax.random.split(key)
    plan = policy(model, obs, key=key_plan)
    # Moved on, or else the compiler would take what is the same in every round out of the loop.
    return jnp.roll(obs, 1, axis=0), plan.value + plan.action.astype(jnp.float32), key_later


def _compile_parts(config: RunConfig, pool: Any, student: Any) -> tuple[list[Case], float]:
    """Acting, planning and learning, each alone and as often as in a stretch."""
    learning, rounds = config.learning, config.curriculum.iterations
    walk, policy = make_walk(make_grid(), config), make_policy(config)
    key = jax.random.key(_SEED)

    def act(pool: Any, carry: Any) -> Any:
        def collect_rows(_: Any, carry: Any) -> Any:
            actors, _, key = carry
            key_walk, key_later = jax.random.split(key)
            collected = walk(pool, actors, key_walk)
            return collected.actors, collected.trajectory, key_later

        return jax.lax.fori_loop(0, rounds, collect_rows, carry)

    def plan(model: Any, carry: Any) -> Any:
        def search(_: Any, carry: Any) -> Any:
            return search_positions(policy, model, carry)

        return jax.lax.fori_loop(0, rounds * learning.steps, search, carry)

    rows = rounds * learning.steps * learning.worlds
    shape = {"worlds": learning.worlds, "steps": learning.steps, "iterations": rounds}
    simulations = {"batch": learning.worlds, "simulations": config.search.simulations}
    updates = {"batch": learning.batch, "updates": rounds * learning.updates}
    obs = random_observations(learning.worlds)
    last = eqx.filter_jit(walk)(pool, student.actors, key).trajectory
    learn = make_updates(make_recipe(config), rounds * learning.updates)
    learned = learning.updates * learning.batch * rounds
    searched = rows * config.search.simulations
    cases = [
        Case("worlds", "rows/s", shape, act, pool, (student.actors, last, key), always(rows)),
        Case(
            "search",
            "simulations/s",
            simulations,
            plan,
            student.learner.target,
            (obs, jnp.zeros(learning.worlds), key),
            always(searched),
        ),
        Case(
            "learn",
            "sequences/s",
            updates,
            learn,
            None,
            (student.learner, student.ring, key),
            always(learned),
        ),
    ]
    compile_s = 0.0
    for index, case in enumerate(cases):
        compiled, seconds = compile_step(case.step, case.fixed, case.carry)
        cases[index] = case._replace(step=compiled)
        compile_s += seconds
    return cases, compile_s


def _no_levels(levels: Level) -> Level:
    """None of the levels: training does not look at the held-out ones."""
    return jax.tree.map(lambda leaf: leaf[:0], levels)

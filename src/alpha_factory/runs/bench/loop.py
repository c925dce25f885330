"""Frames a second of training as a run does it, learning included, and where the time goes."""

import operator
import statistics
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from alpha_factory.core.types import Level, Policy
from alpha_factory.curriculum import Mutator
from alpha_factory.genome import OPERATORS, mutate
from alpha_factory.nets import Model
from alpha_factory.runs.bench.learn import fill_replay, make_updates, make_walk, prepare
from alpha_factory.runs.bench.measure import (
    Case,
    Measured,
    Timing,
    always,
    compile_step,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.bench.worlds import random_levels
from alpha_factory.runs.build import make_policy, make_recipe
from alpha_factory.runs.config import RunConfig
from alpha_factory.runs.programs import Programs
from alpha_factory.worlds import make_grid

_SEED = 0
_PARTS = ("worlds", "search", "learn")


def bench_loop(sizes: Sizes, repeats: int) -> Measured:
    """Result `loop`: one stretch of training, as a run compiles it, from a full replay buffer.

    `share` is the time of each part alone, at the shapes it has in the stretch and measured in
    turns with it, over the time of the whole; `other` is the rest (what is stored and drawn up
    between the parts). `share_excess` is what the parts take beyond the whole, which noise or a
    compiler that overlaps them can cause: 0 if the shares add up. `replay_ratio` is the number of
    unrolled sequences learned from for each frame collected.
    """
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
    sequences = config.curriculum.iterations * learning.updates * learning.batch
    return Measured(
        compile_s + programs.compile_s,
        [to_result(whole, timings[0])],
        share_time(timings[0], dict(zip(_PARTS, timings[1:], strict=True)))
        | {"replay_ratio": sequences / statistics.median(timings[0].work)},
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

    obs = random_observations(learning.worlds)
    rows = eqx.filter_jit(walk)(pool, student.actors, key).trajectory
    steps: tuple[tuple[Callable[[Any, Any], Any], Any, Any], ...] = (
        (act, pool, (student.actors, rows, key)),
        (plan, student.learner.target, (obs, jnp.zeros(learning.worlds), key)),
        (
            make_updates(make_recipe(config), rounds * learning.updates),
            None,
            (student.learner, student.ring, key),
        ),
    )
    cases, compile_s = [], 0.0
    for name, (step, fixed, carry) in zip(_PARTS, steps, strict=True):
        compiled, seconds = compile_step(step, fixed, carry)
        compile_s += seconds
        cases.append(Case(name, "", {}, compiled, fixed, carry, always(1.0)))
    return cases, compile_s


def _no_levels(levels: Level) -> Level:
    """None of the levels: training does not look at the held-out ones."""
    return jax.tree.map(lambda leaf: leaf[:0], levels)

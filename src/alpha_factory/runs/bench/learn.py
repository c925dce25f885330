"""Updates a second of the learner at the demo's shapes, and what replay costs beside it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Trajectory, World
from alpha_factory.curriculum import NEVER_PLAYED, Entry, Pool, draw_level, enter
from alpha_factory.evaluate import make_random
from alpha_factory.genome import random_genome
from alpha_factory.learn import Learner, Recipe, Student, start_student, update
from alpha_factory.replay import Ring, Sample, insert, sample
from alpha_factory.rollout import collect
from alpha_factory.runs.bench.measure import (
    HELD,
    Case,
    Measured,
    always,
    compile_step,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.build import make_practice, make_recipe
from alpha_factory.runs.machine.memory import estimate_run
from alpha_factory.runs.machine.shortage import explain_shortage
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.settings.config import MUZERO, POET, PPO, RunConfig
from alpha_factory.runs.state import begin_state
from alpha_factory.runs.workshop.source import decode_genome
from alpha_factory.worlds import GridLevel, decode, make_grid, shortest_walk

_SEED = 0


def bench_learn(sizes: Sizes, repeats: int) -> Measured:
    """Results `update` and `sequences` (of the same measurement), `sample` and `insert`.

    Raises:
        OutOfMemory: the device's memory did not suffice.
        UsageError: as `prepare`.
    """
    with explain_copies("bench learn", sizes.config):
        return _measure(sizes, repeats)


def explain_copies(program: str, config: RunConfig) -> AbstractContextManager[None]:
    """`explain_shortage` of a benchmark at a run's shapes, each of whose cases has its own copy."""
    whose = "each measurement has its own"
    return explain_shortage(program, lambda: estimate_run(config, students=HELD, whose=whose))


def _measure(sizes: Sizes, repeats: int) -> Measured:
    config, learning = sizes.config, sizes.config.learning
    recipe = make_recipe(config)
    pool, student = prepare(config)
    student, trajectory = eqx.filter_jit(fill_replay)(config, student, pool)
    updates, rows = sizes.updates, learning.worlds * learning.steps
    shape = {"batch": recipe.batch, "window": recipe.window, "updates": updates}
    ring_shape = {"worlds": learning.worlds, "slots": learning.replay_slots}
    key = jax.random.key(_SEED)

    programs = (
        (
            "update",
            "updates/s",
            shape | ring_shape,
            make_updates(recipe, updates),
            None,
            (student.learner, student.ring, key),
            updates,
        ),
        (
            "sample",
            "sequences/s",
            shape | ring_shape,
            _make_samples(recipe, updates),
            student.ring,
            (jax.jit(partial(_draw_batch, recipe))(student.ring, key), key),
            updates * recipe.batch,
        ),
        (
            "insert",
            "frames/s",
            {"rows": learning.steps, "inserts": updates} | ring_shape,
            _make_inserts(recipe, updates),
            trajectory,
            student.ring,
            updates * rows,
        ),
    )
    compile_s, cases = 0.0, []
    for name, unit, shapes, step, fixed, carry, work in programs:
        compiled, seconds = compile_step(step, fixed, carry)
        compile_s += seconds
        cases.append(Case(name, unit, shapes, compiled, fixed, carry, always(work)))
    timings = time_in_turns(cases, repeats)
    results = [to_result(case, timing) for case, timing in zip(cases, timings, strict=True)]
    results.insert(1, _in_sequences(results[0], recipe.batch))
    return Measured(compile_s, results)


def prepare(config: RunConfig) -> tuple[Pool, Student]:
    """A full pool of random worlds and an untrained student in it.

    Raises:
        UsageError: the config's student is not one of MuZero in a pool.
    """
    if config.learner != MUZERO or config.curriculum.name != POET:
        raise UsageError(
            f"learner={config.learner} and curriculum.name={config.curriculum.name} are not measured here, but "
            f"{MUZERO} in {POET}'s pool. Run `alpha-factory bench rounds` for {PPO} on chosen levels."
        )

    def build(first: GridLevel) -> tuple[Pool, Student]:
        state = begin_state(config, first)
        slots = jnp.arange(config.curriculum.slots, dtype=jnp.int32)
        genome = jax.vmap(lambda key: random_genome(key=key))(
            jax.random.split(jax.random.key(_SEED), slots.size)
        )
        level = jax.vmap(decode)(genome)
        plan, score = jax.vmap(shortest_walk)(level), jnp.full(slots.shape, NEVER_PLAYED)
        pool = enter(state.pool, Entry(genome, level, slots, plan, score), slots, jnp.int32(0))
        key = jax.random.key(_SEED)
        practice, learner = make_practice(config), state.student.learner
        assert isinstance(learner, Learner)
        return pool, start_student(practice, learner, pool, key=key)

    return eqx.filter_jit(build)(decode_genome(seed_genome()))


def fill_replay(config: RunConfig, student: Student, pool: Pool) -> tuple[Student, Trajectory]:
    """The student with every slot of its replay written by a random policy, and the last rows."""
    learning, window = config.learning, make_recipe(config).window
    walk = make_walk(make_grid(), config)
    key_first, key_rest = jax.random.split(jax.random.key(_SEED))

    def add(carry: Any, key: Any) -> tuple[Any, None]:
        actors, ring = carry
        collected = walk(pool, actors, key)
        return (collected.actors, insert(ring, collected.trajectory, window=window)), None

    collected = walk(pool, student.actors, key_first)
    keys = jax.random.split(key_rest, learning.replay_slots // learning.steps)
    (actors, ring), _ = jax.lax.scan(add, (collected.actors, student.ring), keys)
    return Student(student.learner, ring, actors), collected.trajectory


def make_walk(world: World, config: RunConfig) -> Callable[..., Any]:
    """`walk(pool, actors, key)`: a collection as in training, with a policy that costs nothing."""
    policy = make_random(world.actions)

    def walk(pool: Pool, actors: Any, key: Any) -> Any:
        return collect(
            world,
            policy,
            draw_level,
            None,
            pool,
            actors,
            steps=config.learning.steps,
            slots=config.curriculum.slots,
            key=key,
        )

    return walk


def make_updates(recipe: Recipe, times: int) -> Callable[[Any, Any], Any]:
    """A step that draws and learns from `times` batches; the carry is learner, ring and key."""

    def step(fixed: None, carry: Any) -> Any:
        del fixed
        arrays, static = eqx.partition(carry, eqx.is_array)

        def improve(_: Any, arrays: Any) -> Any:
            learner, ring, key = eqx.combine(arrays, static)
            key_batch, key_later = jax.random.split(key)
            learner, ring, _ = update(recipe, learner, ring, key=key_batch)
            return eqx.filter((learner, ring, key_later), eqx.is_array)

        return eqx.combine(jax.lax.fori_loop(0, times, improve, arrays), static)

    return step


def _make_samples(recipe: Recipe, times: int) -> Callable[[Any, Any], Any]:
    def step(ring: Any, carry: Any) -> Any:
        def draw(_: Any, carry: Any) -> Any:
            # The sample travels in the carry: so all of it is drawn every time.
            key_batch, key_later = jax.random.split(carry[1])
            return _draw_batch(recipe, ring, key_batch), key_later

        return jax.lax.fori_loop(0, times, draw, carry)

    return step


def _make_inserts(recipe: Recipe, times: int) -> Callable[[Any, Any], Any]:
    def step(trajectory: Trajectory, ring: Any) -> Any:
        def add(_: Any, ring: Any) -> Any:
            return insert(ring, trajectory, window=recipe.window)

        return jax.lax.fori_loop(0, times, add, ring)

    return step


def _draw_batch(recipe: Recipe, ring: Ring, key: PRNGKeyArray) -> Sample:
    return sample(
        ring,
        batch=recipe.batch,
        window=recipe.window,
        beta=recipe.beta,
        is_balanced=recipe.is_balanced,
        key=key,
    )


def _in_sequences(result: dict[str, Any], batch: int) -> dict[str, Any]:
    """The same measurement, counted in unrolled sequences."""
    per_cpu_s = result["rate_per_cpu_s"]
    return result | {
        "name": "sequences",
        "unit": "sequences/s",
        "rate": result["rate"] * batch,
        "rate_per_cpu_s": None if per_cpu_s is None else per_cpu_s * batch,
    }

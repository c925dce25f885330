"""Frames a second of the world engine alone: random actions, observations computed, auto-reset."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from alpha_factory.core.types import World
from alpha_factory.genome import random_genome
from alpha_factory.runs.bench.measure import (
    Case,
    Measured,
    always,
    compile_step,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.worlds import GridLevel, decode, make_grid, public_mazes

_SEED = 0
_MAZE = "SixteenRooms"


def bench_worlds(sizes: Sizes, repeats: int) -> Measured:
    """Results `maze` (one plain 13 x 13 maze) and `full` (a different random genome a world)."""
    world = make_grid()
    maze = public_mazes()[_MAZE]
    levels = {
        "maze": jax.tree.map(lambda leaf: jnp.repeat(leaf[None], sizes.worlds, axis=0), maze),
        "full": random_levels(sizes.worlds),
    }
    starts = {name: _start(world, chosen) for name, chosen in levels.items()}
    # One program for both: a level is an argument.
    walk, compile_s = compile_step(_make_walk(world, sizes.steps), levels["maze"], starts["maze"])
    frames = sizes.worlds * sizes.steps
    shape = {"worlds": sizes.worlds, "steps": sizes.steps, "features": world.features}
    cases = [
        Case(name, "frames/s", shape, walk, levels[name], starts[name], always(frames))
        for name in levels
    ]
    timings = time_in_turns(cases, repeats)
    results = [to_result(case, timing) for case, timing in zip(cases, timings, strict=True)]
    return Measured(compile_s, results, {"not_built": ["pixels"]})


def random_levels(count: int) -> GridLevel:
    """Levels of `count` random genomes, always the same ones."""
    keys = jax.random.split(jax.random.key(_SEED), count)
    return jax.jit(jax.vmap(lambda key: decode(random_genome(key=key))))(keys)


def _start(world: World, levels: GridLevel) -> Any:
    key = jax.random.key(_SEED)
    state = jax.vmap(lambda level: world.reset(level, key=key))(levels)
    return state, jax.vmap(world.observe)(levels, state), key


def _make_walk(world: World, steps: int) -> Callable[[Any, Any], Any]:
    def walk(levels: GridLevel, carry: Any) -> Any:
        """`steps` steps; a world that ends is back at its start, in the same step, to go on."""
        state, obs, key = carry
        key_later, key_reset, key_steps = jax.random.split(key, 3)
        count = obs.shape[0]
        start = jax.vmap(lambda level: world.reset(level, key=key_reset))(levels)

        def act(carry: Any, key_step: Any) -> tuple[Any, Any]:
            # The observation travels in the carry: so it is computed in full at every step.
            state, _ = carry
            key_action, key_world = jax.random.split(key_step)
            action = jax.random.randint(key_action, (count,), 0, world.actions)
            state, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
                levels, state, action, jax.random.split(key_world, count)
            )
            is_over = outcome.is_terminated | outcome.is_truncated

            def restart(first: jax.Array, going: jax.Array) -> jax.Array:
                return jnp.where(is_over.reshape((count,) + (1,) * (going.ndim - 1)), first, going)

            state = jax.tree.map(restart, start, state)
            return (state, jax.vmap(world.observe)(levels, state)), jnp.mean(outcome.reward)

        (state, obs), _ = jax.lax.scan(act, (state, obs), jax.random.split(key_steps, steps))
        return state, obs, key_later

    return walk

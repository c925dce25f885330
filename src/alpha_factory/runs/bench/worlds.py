"""Frames a second of the world engines alone: random actions, observations computed, auto-reset."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from alpha_factory.core.types import World
from alpha_factory.genome import random_genome
from alpha_factory.runs.bench.measure import (
    Asked,
    Case,
    Measured,
    Peer,
    always,
    ask,
    compile_step,
    tell_peer,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.worlds import (
    GridLevel,
    decode,
    draw_actions,
    make_grid,
    make_maze,
    pack_maze,
    play_mazes,
    public_mazes,
)
from alpha_factory.worlds.maze import VIEW, find_looks

_SEED = 0
_MAZE = "SixteenRooms"
_SIDE = 13


def bench_worlds(sizes: Sizes, repeats: int, peer: Peer | None = None) -> Measured:
    """Results `maze` and `maze-pack`, `full`, `pixels`, and `maze` of a peer."""
    prepare = (_prepare_maze, _prepare_packing, _prepare_full, _prepare_pixels)
    built = [one(sizes) for one in prepare]
    cases = [case for case, _ in built]
    shape = {"worlds": sizes.worlds, "steps": sizes.steps, "rounds": sizes.peer_rollouts}
    asked = [Asked("maze", "frames/s", shape)]
    timings = time_in_turns(cases, repeats, ask(peer, asked))
    results = [to_result(case, timing) for case, timing in zip(cases, timings, strict=False)]
    seconds = sum(seconds for _, seconds in built)
    return Measured(seconds, results, tell_peer(peer, asked, timings))


def random_levels(count: int) -> GridLevel:
    """Levels of `count` random genomes, always the same ones."""
    keys = jax.random.split(jax.random.key(_SEED), count)
    return jax.jit(jax.vmap(lambda key: decode(random_genome(key=key))))(keys)


def _prepare_maze(sizes: Sizes) -> tuple[Case, float]:
    """One plain 13 x 13 maze in the engine for those; every world has the level as data of its own."""
    levels = pack_maze(_copies(_maze(), sizes.worlds))
    key = jax.random.key(_SEED)
    state = jax.vmap(lambda level: make_maze().reset(level, key=key))(levels)

    def roll(levels: Any, carry: Any) -> Any:
        state, _, key = carry
        key_action, key_later = jax.random.split(key)
        action = draw_actions(sizes.steps, sizes.worlds, key=key_action)
        # All that was seen leaves the program: so every view is computed in full.
        state, seen = play_mazes(levels, state, action)
        return state, seen, key_later

    carry = jax.jit(roll)(levels, (state, None, key))
    compiled, compile_s = compile_step(roll, levels, carry)

    def walk(levels: Any, carry: Any) -> Any:
        for _ in range(sizes.rollouts):
            carry = compiled(levels, carry)
        return carry

    shape = {
        "worlds": sizes.worlds,
        "steps": sizes.steps,
        "rounds": sizes.rollouts,
        "height": _SIDE,
        "width": _SIDE,
        "view": VIEW,
    }
    frames = sizes.worlds * sizes.steps * sizes.rollouts
    return Case("maze", "frames/s", shape, walk, levels, carry, always(frames)), compile_s


def _prepare_packing(sizes: Sizes) -> tuple[Case, float]:
    """What that engine takes, once a level, to get ready for levels that it has not met."""
    tile = _copies(_maze(), sizes.worlds).tile

    def pack(tile: Any, _: Any) -> Any:
        return jax.vmap(find_looks)(tile)

    carry = jax.jit(jax.vmap(find_looks))(tile)
    step, compile_s = compile_step(pack, tile, carry)
    shape = {"levels": sizes.worlds, "height": _SIDE, "width": _SIDE}
    return Case("maze-pack", "levels/s", shape, step, tile, carry, always(sizes.worlds)), compile_s


def _prepare_full(sizes: Sizes) -> tuple[Case, float]:
    """The grid engine with a different random genome in every world, symbolic observations."""
    return _prepare_grid("full", make_grid(), sizes.worlds, sizes.steps)


def _prepare_pixels(sizes: Sizes) -> tuple[Case, float]:
    """The same with frames of 128 x 128 x 3 of the agent's view."""
    world = make_grid(observation="pixels", view=VIEW)
    return _prepare_grid("pixels", world, sizes.pixel_worlds, sizes.pixel_steps)


def _prepare_grid(name: str, world: World, count: int, steps: int) -> tuple[Case, float]:
    levels, key = random_levels(count), jax.random.key(_SEED)
    state = jax.vmap(lambda level: world.reset(level, key=key))(levels)
    obs = jax.jit(jax.vmap(world.observe))(levels, state)
    step, compile_s = compile_step(_make_walk(world, steps), levels, (state, obs, key))
    shape = {"worlds": count, "steps": steps, "features": obs[0].size}
    carry = (state, obs, key)
    return Case(name, "frames/s", shape, step, levels, carry, always(count * steps)), compile_s


def _maze() -> GridLevel:
    """The public maze, without the walls that pad it."""
    maze = public_mazes()[_MAZE]
    return eqx.tree_at(lambda tree: tree.tile, maze, maze.tile[:_SIDE, :_SIDE])


def _copies(level: GridLevel, count: int) -> GridLevel:
    return jax.tree.map(lambda leaf: jnp.repeat(leaf[None], count, axis=0), level)


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

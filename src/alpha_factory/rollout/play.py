"""Whole episodes, one a level: what evaluation and the minimal criterion measure."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Level, Params, Policy, World, WorldState


class Score(eqx.Module):
    """What one episode in each world brought."""

    total: Float[Array, " worlds"]  # undiscounted return, in the world's own units
    is_solved: Bool[Array, " worlds"]
    steps: Int[Array, " worlds"]


def play(
    world: World, policy: Policy, params: Params | None, levels: Level, *, key: PRNGKeyArray
) -> Score:
    """Play every level once, from its start to its end or its own step limit."""
    step = _stepper(world, policy, params, levels)
    state, score, key_steps = _start(world, levels, key)

    def is_any_going(carry: tuple[WorldState, Score, Array]) -> Array:
        return jnp.any(~_is_over(carry[0]))

    def advance(carry: tuple[WorldState, Score, Array]) -> tuple[WorldState, Score, Array]:
        state, score, time = carry
        return (*step(state, score, jax.random.fold_in(key_steps, time)), time + 1)

    return jax.lax.while_loop(is_any_going, advance, (state, score, jnp.int32(0)))[1]


def record(
    world: World,
    policy: Policy,
    params: Params | None,
    levels: Level,
    *,
    steps: int,
    key: PRNGKeyArray,
) -> tuple[Score, WorldState]:
    """Like `play`, for at most `steps` steps, with every state on the way.

    Returns:
        The score, and the states with leading axes `time worlds`, the start first; a finished
        world stays as it is.
    """
    step = _stepper(world, policy, params, levels)
    first, score, key_steps = _start(world, levels, key)

    def advance(
        carry: tuple[WorldState, Score], time: Array
    ) -> tuple[tuple[WorldState, Score], WorldState]:
        state, score = step(*carry, jax.random.fold_in(key_steps, time))
        return (state, score), state

    (_, score), rest = jax.lax.scan(advance, (first, score), jnp.arange(steps))
    states = jax.tree.map(lambda head, tail: jnp.concatenate([head[None], tail]), first, rest)
    return score, states


def _start(
    world: World, levels: Level, key: PRNGKeyArray
) -> tuple[WorldState, Score, PRNGKeyArray]:
    worlds = jax.tree.leaves(levels)[0].shape[0]
    key_reset, key_steps = jax.random.split(key)
    state = jax.vmap(lambda level, key_world: world.reset(level, key=key_world))(
        levels, jax.random.split(key_reset, worlds)
    )
    nothing = Score(jnp.zeros(worlds), jnp.zeros(worlds, bool), jnp.zeros(worlds, jnp.int32))
    return state, nothing, key_steps


def _stepper(
    world: World, policy: Policy, params: Params | None, levels: Level
) -> Callable[[WorldState, Score, PRNGKeyArray], tuple[WorldState, Score]]:
    def step(state: WorldState, score: Score, key: PRNGKeyArray) -> tuple[WorldState, Score]:
        key_plan, key_world = jax.random.split(key)
        is_over = _is_over(state)
        plan = policy(params, jax.vmap(world.observe)(levels, state), key=key_plan)
        following, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
            levels, state, plan.action, jax.random.split(key_world, is_over.shape[0])
        )
        return following, Score(
            score.total + outcome.reward,
            score.is_solved | outcome.is_solved,
            score.steps + (~is_over).astype(jnp.int32),
        )

    return step


def _is_over(state: WorldState) -> Bool[Array, " worlds"]:
    return state.is_terminated | state.is_truncated

"""Whole episodes, one a level: what evaluation and the minimal criterion measure."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Level, Params, Plan, Player, Policy, World, WorldState


class Score(eqx.Module):
    """What one episode in each world brought."""

    total: Float[Array, " worlds"]  # undiscounted return, in the world's own units
    is_solved: Bool[Array, " worlds"]
    steps: Int[Array, " worlds"]


def as_player(policy: Policy | Player) -> Player:
    """A policy without a memory as one that has nothing to remember; a player is one already."""
    if isinstance(policy, Player):
        return policy

    def act(
        params: Params | None, obs: Array, is_first: Array, carry: None, *, key: PRNGKeyArray
    ) -> tuple[Plan, None]:
        del is_first
        return policy(params, obs, key=key), carry

    return Player(start=lambda params, worlds: None, act=act)


def play(
    world: World,
    policy: Policy | Player,
    params: Params | None,
    levels: Level,
    *,
    key: PRNGKeyArray,
) -> Score:
    """Play every level once, from its start to its end or its own step limit."""
    step = _stepper(world, as_player(policy), params, levels)
    going, key_steps = _start(world, as_player(policy), params, levels, key)

    def is_any_going(carry: tuple[_Going, Array]) -> Array:
        return jnp.any(~_is_over(carry[0].state))

    def advance(carry: tuple[_Going, Array]) -> tuple[_Going, Array]:
        going, time = carry
        return step(going, time, jax.random.fold_in(key_steps, time)), time + 1

    return jax.lax.while_loop(is_any_going, advance, (going, jnp.int32(0)))[0].score


def record(
    world: World,
    policy: Policy | Player,
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
    step = _stepper(world, as_player(policy), params, levels)
    first, key_steps = _start(world, as_player(policy), params, levels, key)

    def advance(going: _Going, time: Array) -> tuple[_Going, WorldState]:
        going = step(going, time, jax.random.fold_in(key_steps, time))
        return going, going.state

    last, rest = jax.lax.scan(advance, first, jnp.arange(steps))
    states = jax.tree.map(lambda head, tail: jnp.concatenate([head[None], tail]), first.state, rest)
    return last.score, states


class _Going(eqx.Module):
    """Episodes in play."""

    state: WorldState
    score: Score
    carry: Any  # what the player remembers


def _start(
    world: World, player: Player, params: Params | None, levels: Level, key: PRNGKeyArray
) -> tuple[_Going, PRNGKeyArray]:
    worlds = jax.tree.leaves(levels)[0].shape[0]
    key_reset, key_steps = jax.random.split(key)
    state = jax.vmap(lambda level, key_world: world.reset(level, key=key_world))(
        levels, jax.random.split(key_reset, worlds)
    )
    nothing = Score(jnp.zeros(worlds), jnp.zeros(worlds, bool), jnp.zeros(worlds, jnp.int32))
    return _Going(state, nothing, player.start(params, worlds)), key_steps


def _stepper(
    world: World, player: Player, params: Params | None, levels: Level
) -> Callable[[_Going, Array, PRNGKeyArray], _Going]:
    def step(going: _Going, time: Array, key: PRNGKeyArray) -> _Going:
        state, score = going.state, going.score
        key_plan, key_world = jax.random.split(key)
        is_over = _is_over(state)
        obs = jax.vmap(world.observe)(levels, state)
        is_first = jnp.full(is_over.shape, time == 0)
        plan, carry = player.act(params, obs, is_first, going.carry, key=key_plan)
        following, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
            levels, state, plan.action, jax.random.split(key_world, is_over.shape[0])
        )
        after = Score(
            score.total + outcome.reward,
            score.is_solved | outcome.is_solved,
            score.steps + (~is_over).astype(jnp.int32),
        )
        return _Going(following, after, carry)

    return step


def _is_over(state: WorldState) -> Bool[Array, " worlds"]:
    return state.is_terminated | state.is_truncated

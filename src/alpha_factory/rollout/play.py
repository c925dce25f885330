"""Whole episodes, one a level: what evaluation and the minimal criterion measure."""

from collections.abc import Callable
from typing import Any, NamedTuple

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


class Film(eqx.Module):
    """Episodes moment by moment; a finished world stays as it is, at reward 0."""

    state: WorldState  # leading axes `moments worlds`, the start first: one moment more than steps
    action: Int[Array, "steps worlds"]
    reward: Float[Array, "steps worlds"]
    score: Score


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
        return step(going, time, jax.random.fold_in(key_steps, time)).going, time + 1

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
    shot = film(world, policy, params, levels, steps=steps, key=key)
    return shot.score, shot.state


def film(
    world: World,
    policy: Policy | Player,
    params: Params | None,
    levels: Level,
    *,
    steps: int,
    key: PRNGKeyArray,
) -> Film:
    """Like `play`, for at most `steps` steps, with all that can be seen of it.

    It takes no longer than the longest of the episodes.
    """
    step = _stepper(world, as_player(policy), params, levels)
    first, key_steps = _start(world, as_player(policy), params, levels, key)
    worlds = first.score.total.shape[0]
    empty = Film(
        jax.tree.map(lambda leaf: jnp.repeat(leaf[None], steps + 1, axis=0), first.state),
        jnp.zeros((steps, worlds), jnp.int32),
        jnp.zeros((steps, worlds)),
        first.score,
    )

    def is_any_going(carry: tuple[_Going, Array, Film]) -> Array:
        return (carry[1] < steps) & jnp.any(~_is_over(carry[0].state))

    def advance(carry: tuple[_Going, Array, Film]) -> tuple[_Going, Array, Film]:
        going, time, shot = carry
        done = step(going, time, jax.random.fold_in(key_steps, time))

        def put(reel: Array, frame: Array) -> Array:
            return reel.at[time + 1].set(frame)

        shot = Film(
            jax.tree.map(put, shot.state, done.going.state),
            shot.action.at[time].set(done.action),
            shot.reward.at[time].set(done.reward),
            done.going.score,
        )
        return done.going, time + 1, shot

    _, last, shot = jax.lax.while_loop(is_any_going, advance, (first, jnp.int32(0), empty))
    moment = jnp.minimum(jnp.arange(steps + 1), last)
    return eqx.tree_at(
        lambda one: one.state, shot, jax.tree.map(lambda leaf: leaf[moment], shot.state)
    )


class _Going(eqx.Module):
    """Episodes in play."""

    state: WorldState
    score: Score
    carry: Any  # what the player remembers


class _Step(NamedTuple):
    """What a step of every world came to."""

    going: _Going
    action: Int[Array, " worlds"]
    reward: Float[Array, " worlds"]


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
) -> Callable[[_Going, Array, PRNGKeyArray], _Step]:
    def step(going: _Going, time: Array, key: PRNGKeyArray) -> _Step:
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
        return _Step(_Going(following, after, carry), plan.action, outcome.reward)

    return step


def _is_over(state: WorldState) -> Bool[Array, " worlds"]:
    return state.is_terminated | state.is_truncated

"""Whole episodes, one a level: what evaluation and the minimal criterion measure, together or in relay."""

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


class Going(eqx.Module):
    """Episodes in play, one a world."""

    state: WorldState
    score: Score
    carry: Any  # what the player remembers


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
    step, going, key_steps = _open(world, policy, params, levels, key)

    def is_any_going(carry: tuple[Going, Array]) -> Array:
        return jnp.any(~is_over(carry[0].state))

    def advance(carry: tuple[Going, Array]) -> tuple[Going, Array]:
        going, time = carry
        return step(going, time == 0, jax.random.fold_in(key_steps, time)).going, time + 1

    return jax.lax.while_loop(is_any_going, advance, (going, jnp.int32(0)))[0].score


def begin(
    world: World,
    policy: Policy | Player,
    params: Params | None,
    levels: Level,
    *,
    key: PRNGKeyArray,
) -> Going:
    """Every level at its start, for `relay`."""
    return _start(world, as_player(policy), params, levels, key)[0]


def relay(
    world: World,
    policy: Policy | Player,
    params: Params | None,
    levels: Level,
    going: Going,
    is_new: Bool[Array, " worlds"],
    *,
    steps: int,
    key: PRNGKeyArray,
) -> Going:
    """Episodes go on for at most `steps` steps, and begin where a world has a new level; one that is over waits."""
    step, fresh, key_steps = _open(world, policy, params, levels, key)

    def relieve(new: Array, old: Array) -> Array:
        return jnp.where(is_new.reshape(-1, *(1,) * (new.ndim - 1)), new, old)

    state, score = jax.tree.map(relieve, (fresh.state, fresh.score), (going.state, going.score))

    def is_any_going(carry: tuple[Going, Array]) -> Array:
        return (carry[1] < steps) & jnp.any(~is_over(carry[0].state))

    def advance(carry: tuple[Going, Array]) -> tuple[Going, Array]:
        going, time = carry
        done = step(going, is_new & (time == 0), jax.random.fold_in(key_steps, time))
        return done.going, time + 1

    # Memory stays: a player forgets at the first act of an episode.
    start = Going(state, score, going.carry), jnp.int32(0)
    return jax.lax.while_loop(is_any_going, advance, start)[0]


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
    step, first, key_steps = _open(world, policy, params, levels, key)
    worlds = first.score.total.shape[0]
    empty = Film(
        jax.tree.map(lambda leaf: jnp.repeat(leaf[None], steps + 1, axis=0), first.state),
        jnp.zeros((steps, worlds), jnp.int32),
        jnp.zeros((steps, worlds)),
        first.score,
    )

    def is_any_going(carry: tuple[Going, Array, Film]) -> Array:
        return (carry[1] < steps) & jnp.any(~is_over(carry[0].state))

    def advance(carry: tuple[Going, Array, Film]) -> tuple[Going, Array, Film]:
        going, time, shot = carry
        done = step(going, time == 0, jax.random.fold_in(key_steps, time))

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


class _Step(NamedTuple):
    """What a step of every world came to."""

    going: Going
    action: Int[Array, " worlds"]
    reward: Float[Array, " worlds"]


def _open(
    world: World,
    policy: Policy | Player,
    params: Params | None,
    levels: Level,
    key: PRNGKeyArray,
) -> tuple[Callable[[Going, Array, PRNGKeyArray], _Step], Going, PRNGKeyArray]:
    """What takes a step of every world, the worlds at their starts, and the key of all steps."""
    player = as_player(policy)
    return _stepper(world, player, params, levels), *_start(world, player, params, levels, key)


def _start(
    world: World, player: Player, params: Params | None, levels: Level, key: PRNGKeyArray
) -> tuple[Going, PRNGKeyArray]:
    worlds = jax.tree.leaves(levels)[0].shape[0]
    key_reset, key_steps = jax.random.split(key)
    state = jax.vmap(lambda level, key_world: world.reset(level, key=key_world))(
        levels, jax.random.split(key_reset, worlds)
    )
    nothing = Score(jnp.zeros(worlds), jnp.zeros(worlds, bool), jnp.zeros(worlds, jnp.int32))
    return Going(state, nothing, player.start(params, worlds)), key_steps


def _stepper(
    world: World, player: Player, params: Params | None, levels: Level
) -> Callable[[Going, Array, PRNGKeyArray], _Step]:
    def step(going: Going, is_first: Array, key: PRNGKeyArray) -> _Step:
        state, score = going.state, going.score
        key_plan, key_world = jax.random.split(key)
        ended = is_over(state)
        obs = jax.vmap(world.observe)(levels, state)
        is_first = jnp.broadcast_to(is_first, ended.shape)
        plan, carry = player.act(params, obs, is_first, going.carry, key=key_plan)
        following, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
            levels, state, plan.action, jax.random.split(key_world, ended.shape[0])
        )
        after = Score(
            score.total + outcome.reward,
            score.is_solved | outcome.is_solved,
            score.steps + (~ended).astype(jnp.int32),
        )
        return _Step(Going(following, after, carry), plan.action, outcome.reward)

    return step


def is_over(state: WorldState) -> Bool[Array, " worlds"]:
    """Whether the episode of each world has ended."""
    return state.is_terminated | state.is_truncated

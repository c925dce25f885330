"""Policy and worlds to a trajectory: many worlds side by side, each restarted when it ends."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import (
    Level,
    Params,
    Player,
    Policy,
    Trajectory,
    World,
    WorldState,
)
from alpha_factory.rollout.play import as_player

DrawLevel = Callable[..., tuple[Int[Array, ""], Level]]
"""`draw_level(source, *, key) -> (slot, level)`: which world an actor plays next."""


class Actors(eqx.Module):
    """Worlds in play; the leading axis of every leaf is `worlds`, or there is none for one."""

    level: Level
    state: WorldState
    slot: Int[Array, "*worlds"]  # where in its source the level was drawn; beyond it: gone since
    total: Float[Array, "*worlds"]  # reward of the running episode so far
    is_first: Bool[Array, "*worlds"]  # an episode begins: what is remembered is to be forgotten
    carry: Any  # what the player remembers of the rows so far


class Episodes(eqx.Module):
    """Episodes that ended in a stretch of rows, counted by the slot of their level."""

    ended: Int[Array, " slots"]
    solved: Int[Array, " slots"]
    total: Float[Array, " slots"]  # undiscounted returns, added up
    frames: Int[Array, ""]  # steps taken; rows that only hold a last observation are left out


class Collected(NamedTuple):
    """What `collect` returns."""

    actors: Actors
    trajectory: Trajectory
    episodes: Episodes


def no_episodes(slots: int) -> Episodes:
    """The count before anything happened."""
    none = jnp.zeros(slots, jnp.int32)
    return Episodes(none, none, jnp.zeros(slots), jnp.int32(0))


def start_actors(
    world: World,
    draw_level: DrawLevel,
    source: Level,
    *,
    worlds: int,
    carry: Any = None,
    key: PRNGKeyArray,
) -> Actors:
    """Actors at the start of freshly drawn levels.

    Args:
        carry: what the player remembers, and will forget at its first act; None for a policy without a memory.
    """
    key_draw, key_reset = jax.random.split(key)

    def start(key_level: PRNGKeyArray, key_state: PRNGKeyArray) -> tuple[Level, WorldState, Array]:
        slot, level = draw_level(source, key=key_level)
        return level, world.reset(level, key=key_state), slot

    level, state, slot = jax.vmap(start)(
        jax.random.split(key_draw, worlds), jax.random.split(key_reset, worlds)
    )
    return Actors(level, state, slot, jnp.zeros(worlds), jnp.ones(worlds, bool), carry)


def collect(
    world: World,
    policy: Policy | Player,
    draw_level: DrawLevel,
    params: Params | None,
    source: Level,
    actors: Actors,
    *,
    steps: int,
    slots: int,
    key: PRNGKeyArray,
) -> Collected:
    """Let the policy act for `steps` rows in every world.

    Args:
        slots: how many levels the source has.
        source: what `draw_level` draws the next level from when an episode is over.
    """
    worlds, player = actors.slot.shape[0], as_player(policy)

    def act(
        before: tuple[Actors, Episodes], key_step: PRNGKeyArray
    ) -> tuple[tuple[Actors, Episodes], Trajectory]:
        actors, episodes = before
        key_plan, key_world, key_draw = jax.random.split(key_step, 3)
        obs = jax.vmap(world.observe)(actors.level, actors.state)
        plan, carry = player.act(params, obs, actors.is_first, actors.carry, key=key_plan)
        is_last = actors.state.is_terminated | actors.state.is_truncated
        stepped, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
            actors.level, actors.state, plan.action, jax.random.split(key_world, worlds)
        )
        fresh = start_actors(world, draw_level, source, worlds=worlds, carry=carry, key=key_draw)
        going = Actors(
            level=actors.level,
            state=stepped,
            slot=actors.slot,
            total=actors.total + outcome.reward,
            is_first=jnp.zeros(worlds, bool),
            carry=carry,
        )
        row = Trajectory(
            slot=actors.slot,
            obs=obs,
            action=plan.action,
            reward=outcome.reward,
            is_terminated=outcome.is_terminated & ~is_last,
            is_last=is_last,
            policy=plan.policy,
            value=plan.value,
        )
        is_end = (outcome.is_terminated | outcome.is_truncated) & ~is_last
        episodes = Episodes(
            ended=episodes.ended.at[actors.slot].add(is_end.astype(jnp.int32), mode="drop"),
            solved=episodes.solved.at[actors.slot].add(
                outcome.is_solved.astype(jnp.int32), mode="drop"
            ),
            total=episodes.total.at[actors.slot].add(
                jnp.where(is_end, going.total, 0.0), mode="drop"
            ),
            frames=episodes.frames + jnp.sum(~is_last).astype(jnp.int32),
        )
        return (_choose(is_last, fresh, going), episodes), row

    (actors, episodes), trajectory = jax.lax.scan(
        act, (actors, no_episodes(slots)), jax.random.split(key, steps)
    )
    return Collected(actors, trajectory, episodes)


def _choose(is_first: Bool[Array, " worlds"], first: Actors, second: Actors) -> Actors:
    def pick(left: Array, right: Array) -> Array:
        mask = is_first.reshape(is_first.shape + (1,) * (left.ndim - 1))
        return jnp.where(mask, left, right)

    return jax.tree.map(pick, first, second)

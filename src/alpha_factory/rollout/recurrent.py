"""A recurrent policy on levels of its choosing: every lane plays one level, over and over.

A lane's level is an argument and never drawn here: when an episode ends, the same level starts again.
So each row of lane i, of whichever episode, is of level i, and what an update learns or a score says of
a level is of that level alone.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from alpha_factory.core.types import Level, Plan, Player, World, WorldState
from alpha_factory.nets.actor_critic import ActorCritic, Carry
from alpha_factory.rollout.fiction import Fiction, Posterior, imagine

_IMAGINED = 2  # in a step's key, apart from the two that it is split into

Tree = TypeVar("Tree")


class Lanes(eqx.Module):
    """Levels in play side by side; the leading axis of every leaf is `lanes`."""

    level: Level
    state: WorldState
    carry: Carry  # what the policy remembers of the rows so far
    is_first: Bool[Array, " lanes"]  # an episode begins: the carry is to be forgotten
    total: Float[Array, " lanes"]  # reward of the running episode so far


class Rows(eqx.Module):
    """What happened, a row a step, laid out as `core.types.Trajectory`;
    a single row has no `time` axis.

    An episode of n steps takes n + 1 rows. No action counts in the last one, `is_last`: it holds the
    observation in which the episode ended and, as its value, what the policy thought of it, knowing
    all that came before. That is what a truncated episode is bootstrapped with, found on the way.
    """

    obs: Shaped[Array, "..."]  # axes `*time lanes`, then those of an observation
    action: Int[Array, "*time lanes"]
    log_prob: Float[Array, "*time lanes"]  # of the action, by the policy that took it
    value: Float[Array, "*time lanes"]
    reward: Float[Array, "*time lanes"]  # received on leaving this row; 0 from a last one
    is_terminated: Bool[Array, "*time lanes"]  # the step from this row ended the episode
    is_truncated: Bool[Array, "*time lanes"]  # the step limit cut it
    is_last: Bool[Array, "*time lanes"]
    is_reset: Bool[Array, "*time lanes"]  # an episode begins with this row


class Attempts(eqx.Module):
    """Episodes that ended in a stretch of rows, by lane, those begun before it included."""

    ended: Int[Array, " lanes"]
    solved: Int[Array, " lanes"]
    total: Float[Array, " lanes"]  # undiscounted returns, added up
    best: Float[Array, " lanes"]  # the highest of them; -inf where none ended
    frames: Int[Array, ""]  # steps taken; rows that only hold a last observation are left out


class Stretch(NamedTuple):
    """What `collect_lanes` returns."""

    lanes: Lanes
    rows: Rows
    attempts: Attempts
    carry: Carry  # what was remembered before the first row
    last_value: Float[Array, " lanes"]  # of the state after the last row
    fiction: Fiction | None = None  # of every row, where a posterior was given


def start_lanes(world: World, net: ActorCritic, level: Level, *, key: PRNGKeyArray) -> Lanes:
    """Every lane at the start of its level, nothing remembered.

    Args:
        level: as many as there are lanes, along the leading axis of every leaf.
    """
    lanes = jax.tree.leaves(level)[0].shape[0]
    return Lanes(
        level=level,
        state=_reset(world, level, lanes, key=key),
        carry=net.start(lanes),
        is_first=jnp.ones(lanes, bool),
        total=jnp.zeros(lanes),
    )


def collect_lanes(
    world: World,
    net: ActorCritic,
    lanes: Lanes,
    *,
    steps: int,
    posterior: Posterior | None = None,
    key: PRNGKeyArray,
) -> Stretch:
    """Let the policy act for `steps` rows in every lane; actions are drawn from its logits.

    Args:
        posterior: of what levels hide; with it, a step is imagined beside every one that is taken (`rollout.fiction`).
    """
    key_noise, key_steps = jax.random.split(key)
    count, level = lanes.is_first.shape[0], lanes.level
    # A draw for all rows at once; the action with the highest sum of logit and noise is as one drawn.
    noise = jax.random.gumbel(key_noise, (steps, count, world.actions))

    def act(
        carry: tuple[Lanes, Attempts], row: tuple[Array, PRNGKeyArray]
    ) -> tuple[tuple[Lanes, Attempts], tuple[Rows, Fiction | None]]:
        (lanes, attempts), (noise, key_step) = carry, row
        key_world, key_reset = jax.random.split(key_step)
        obs = jax.vmap(world.observe)(level, lanes.state)
        opinion, remembered = net.step(obs, lanes.is_first, lanes.carry)
        action = jnp.argmax(opinion.logits + noise, axis=-1).astype(jnp.int32)
        is_last = lanes.state.is_terminated | lanes.state.is_truncated
        stepped, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
            level, lanes.state, action, jax.random.split(key_world, count)
        )
        fiction = None
        if posterior is not None:
            fiction = imagine(
                *(world, net, posterior, level, lanes.state, action),
                stepped=stepped,
                carry=remembered,
                key_world=key_world,
                key=jax.random.fold_in(key_step, _IMAGINED),
            )
        fresh = _reset(world, level, count, key=key_reset)
        total = jnp.where(is_last, 0.0, lanes.total + outcome.reward)
        is_end = (outcome.is_terminated | outcome.is_truncated) & ~is_last
        made = Rows(
            obs=obs,
            action=action,
            log_prob=pick(jax.nn.log_softmax(opinion.logits), action),
            value=opinion.value,
            reward=jnp.where(is_last, 0.0, outcome.reward),
            is_terminated=outcome.is_terminated & ~is_last,
            is_truncated=outcome.is_truncated & ~is_last,
            is_last=is_last,
            is_reset=lanes.is_first,
        )
        attempts = Attempts(
            ended=attempts.ended + is_end.astype(jnp.int32),
            solved=attempts.solved + (outcome.is_solved & ~is_last).astype(jnp.int32),
            total=attempts.total + jnp.where(is_end, total, 0.0),
            best=jnp.maximum(attempts.best, jnp.where(is_end, total, -jnp.inf)),
            frames=attempts.frames + jnp.sum(~is_last).astype(jnp.int32),
        )
        state = choose_lanes(is_last, fresh, stepped)
        return (Lanes(None, state, remembered, is_last, total), attempts), (made, fiction)

    going = eqx.tree_at(lambda tree: tree.level, lanes, None)
    (going, attempts), (rows, fiction) = jax.lax.scan(
        act, (going, _no_attempts(count)), (noise, jax.random.split(key_steps, steps))
    )
    after = Lanes(level, going.state, going.carry, going.is_first, going.total)
    obs = jax.vmap(world.observe)(level, after.state)
    opinion, _ = net.step(obs, after.is_first, after.carry)
    return Stretch(after, rows, attempts, lanes.carry, opinion.value, fiction)


def make_sampler() -> Player:
    """A player whose parameters are an actor and critic, from whose policy it draws, as in training."""

    def act(
        net: ActorCritic, obs: Array, is_first: Array, carry: Carry, *, key: PRNGKeyArray
    ) -> tuple[Plan, Carry]:
        opinion, carry = net.step(obs, is_first, carry)
        action = jax.random.categorical(key, opinion.logits).astype(jnp.int32)
        return Plan(action, jax.nn.softmax(opinion.logits), opinion.value), carry

    return Player(start=lambda net, worlds: net.start(worlds), act=act)


def pick(chances: Float[Array, "*axes actions"], action: Int[Array, "*axes"]) -> Array:
    """The entry of each action."""
    return jnp.take_along_axis(chances, action[..., None], axis=-1)[..., 0]


def choose_lanes(is_first: Bool[Array, " lanes"], first: Tree, second: Tree) -> Tree:
    """Of each lane the leaves of one of two trees."""

    def among(left: Array, right: Array) -> Array:
        mask = is_first.reshape(is_first.shape + (1,) * (left.ndim - 1))
        return jnp.where(mask, left, right)

    return jax.tree.map(among, first, second)


def _no_attempts(lanes: int) -> Attempts:
    none = jnp.zeros(lanes, jnp.int32)
    return Attempts(none, none, jnp.zeros(lanes), jnp.full(lanes, -jnp.inf), jnp.int32(0))


def _reset(world: World, level: Level, lanes: int, *, key: PRNGKeyArray) -> WorldState:
    reset: Callable = jax.vmap(lambda level, key_world: world.reset(level, key=key_world))
    return reset(level, jax.random.split(key, lanes))

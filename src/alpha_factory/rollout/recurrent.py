"""A player, be it one with a memory or without, on given levels: every lane plays one level, over and over.

A lane's level is an argument and never drawn here: when an episode ends, the same level starts again.
So each row of lane i, of whichever episode, is of level i, and what an update learns or a score says of
a level is of that level alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from alpha_factory.core.types import Level, Params, Plan, Player, World, WorldState
from alpha_factory.nets.actor_critic import ActorCritic, Carry
from alpha_factory.rollout.fiction import Fiction, Posterior, imagine

_IMAGINED = 2  # in a step's key, apart from the two that it is split into

Tree = TypeVar("Tree")


class Lanes(eqx.Module):
    """Levels in play side by side; the leading axis of every leaf is `lanes`."""

    level: Level
    state: WorldState
    carry: Any  # what the player remembers of the rows so far
    is_first: Bool[Array, " lanes"]  # an episode begins: the carry is to be forgotten
    total: Float[Array, " lanes"]  # reward of the running episode so far


class Rows(eqx.Module):
    """What happened, a row a step, laid out as `core.types.Trajectory`;
    a single row has no `time` axis.

    An episode of n steps takes n + 1 rows. No action counts in the last one, `is_last`: it holds the
    observation in which the episode ended and, as its value, what the player thought of it, knowing
    all that came before. That is what a truncated episode is bootstrapped with, found on the way.
    """

    obs: Shaped[Array, "..."]  # axes `*time lanes`, then those of an observation
    action: Int[Array, "*time lanes"]
    policy: Float[Array, "*time lanes actions"]  # what it drew from, or what a search aims at
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
    carry: Any  # what was remembered before the first row
    last_value: Float[Array, " lanes"]  # of the state after the last row
    fiction: Fiction | None = None  # of every row, where a posterior was given


class Passage(NamedTuple):
    """What of a stretch is learned from; the fields are those of a `Stretch`."""

    rows: Rows
    carry: Any
    last_value: Float[Array, " lanes"]


def start_lanes(
    world: World, player: Player, params: Params | None, level: Level, *, key: PRNGKeyArray
) -> Lanes:
    """Every lane at the start of its level, nothing remembered.

    Args:
        params: what the player acts with.
        level: as many as there are lanes, along the leading axis of every leaf.
    """
    lanes = jax.tree.leaves(level)[0].shape[0]
    return Lanes(
        level=level,
        state=_reset(world, level, lanes, key=key),
        carry=player.start(params, lanes),
        is_first=jnp.ones(lanes, bool),
        total=jnp.zeros(lanes),
    )


def collect_lanes(
    world: World,
    player: Player,
    params: Params | None,
    lanes: Lanes,
    *,
    steps: int,
    posterior: Posterior | None = None,
    key: PRNGKeyArray,
) -> Stretch:
    """Let the player act for `steps` rows in every lane.

    Args:
        params: what it acts with.
        posterior: of what levels hide; with it, a step is imagined beside every one that is taken (`rollout.fiction`).
    """
    key_luck, key_steps = jax.random.split(key)
    count, level = lanes.is_first.shape[0], lanes.level
    if player.luck is None:
        luck = jax.random.split(key_luck, steps)
    else:
        luck = player.luck(params, steps, count, key=key_luck)

    def act(
        carry: tuple[Lanes, Attempts], row: tuple[Array, PRNGKeyArray]
    ) -> tuple[tuple[Lanes, Attempts], tuple[Rows, Fiction | None]]:
        (lanes, attempts), (chance, key_step) = carry, row
        key_world, key_reset = jax.random.split(key_step)
        obs = jax.vmap(world.observe)(level, lanes.state)
        plan, remembered = player.act(params, obs, lanes.is_first, lanes.carry, key=chance)
        action = plan.action.astype(jnp.int32)
        is_last = lanes.state.is_terminated | lanes.state.is_truncated
        stepped, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
            level, lanes.state, action, jax.random.split(key_world, count)
        )
        fiction = None
        if posterior is not None:
            fiction = imagine(
                *(world, player, params, posterior, level, lanes.state, action),
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
            policy=plan.policy,
            value=plan.value,
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
        act, (going, _no_attempts(count)), (luck, jax.random.split(key_steps, steps))
    )
    after = Lanes(level, going.state, going.carry, going.is_first, going.total)
    obs = jax.vmap(world.observe)(level, after.state)
    key_after = jax.random.fold_in(key_luck, steps)
    plan, _ = player.act(params, obs, after.is_first, after.carry, key=key_after)
    return Stretch(after, rows, attempts, lanes.carry, plan.value, fiction)


def make_sampler() -> Player:
    """A player whose parameters are an actor and critic, from whose policy it draws, as in training.

    The action with the highest sum of logit and Gumbel noise is as one drawn; its luck is that noise.
    """

    def act(
        net: ActorCritic, obs: Array, is_first: Array, carry: Carry, *, key: Array
    ) -> tuple[Plan, Carry]:
        opinion, carry = net.step(obs, is_first, carry)
        is_key = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        noise = jax.random.gumbel(key, opinion.logits.shape) if is_key else key
        action = jnp.argmax(opinion.logits + noise, axis=-1).astype(jnp.int32)
        return Plan(action, jax.nn.softmax(opinion.logits), opinion.value), carry

    def luck(net: ActorCritic, rows: int, worlds: int, *, key: PRNGKeyArray) -> Array:
        return jax.random.gumbel(key, (rows, worlds, net.actions))

    return Player(start=lambda net, worlds: net.start(worlds), act=act, luck=luck)


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

"""Mazes that are built while they are walked: the builder makes what the walker is about to see, then the walker steps.

Each lane goes on at its own pace. In a turn a lane either has one cell made, where something in the walker's view is
not known, or has its walker act for one row. As many turns as there are rows to walk and cells to make are enough for
both in every lane; afterwards the rows of the walker and those of the builder are put together, each without gaps.
"""

from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Params, Player
from alpha_factory.nets.actor_critic import ActorCritic, Carry
from alpha_factory.rollout import Attempts, Lanes, Rows, Stretch, collect_lanes, start_lanes
from alpha_factory.rollout.recurrent import choose_lanes
from alpha_factory.worlds import (
    KINDS_PLACED,
    UnfoldingLevel,
    find_unknown,
    is_goal_placed,
    make_unfolding,
    place_tile,
    show_kinds,
)
from alpha_factory.worlds.grid.view import VIEW
from alpha_factory.worlds.levels import tiles

Tree = TypeVar("Tree")

PLACES = VIEW * VIEW
"""Cells in view, of which the builder chooses one."""
BUILDER_ACTIONS = (PLACES, len(KINDS_PLACED))
"""Parts of a builder's action: which cell of the view, and what it becomes."""
BUILDER_SEES = 3 * PLACES + len(tiles.HEADINGS) + 4 + PLACES * len(KINDS_PLACED)
"""Entries of what the builder observes, the mask of its actions last."""


class Unfolded(NamedTuple):
    """What a round on mazes of this kind brought."""

    walked: Stretch
    built: Stretch  # last rows beyond what was built in a lane; nothing is paid yet
    made: Int[Array, "time lanes"]  # cells that had been made before each row of the walker


class _Site(eqx.Module):
    """The builder at work, and what it is told of the walker; the leading axis of every leaf is `lanes`."""

    carry: Carry
    made: Int[Array, " lanes"]  # cells so far
    walked: Int[Array, " lanes"]  # rows of the walker so far
    value: Float[Array, " lanes"]  # by the walker, at the last of them


def count_most(level: UnfoldingLevel) -> int:
    """Cells that can be made in a maze, whose start is known."""
    return level.tile.shape[-1] - 1


def unfold(
    player: Player,
    walker: Params | None,
    builder: ActorCritic,
    level: UnfoldingLevel,
    *,
    steps: int,
    key: PRNGKeyArray,
) -> Unfolded:
    """Walk and build for so many rows of the walker in every lane; both act as their policies draw.

    Whatever the walker sees is made before it sees it, also where an episode ends; and what was made stays for all
    its episodes.

    Args:
        player: walks.
        walker: what it acts with.
        builder: sees `BUILDER_SEES` entries, masked, and has `BUILDER_ACTIONS`.
        level: with an axis `lanes` in front; nothing but the starts is known.
    """
    world, most, lanes = make_unfolding(), count_most(level), level.start.shape[0]
    key_start, key_turns = jax.random.split(key)
    here = start_lanes(world, player, walker, level, key=key_start)
    none = jnp.zeros(lanes, jnp.int32)
    site = _Site(builder.start(lanes), none, none, jnp.zeros(lanes))

    def turn(
        carry: tuple[Lanes, _Site], key: PRNGKeyArray
    ) -> tuple[tuple[Lanes, _Site], tuple[Rows, Attempts, Rows, tuple[Array, ...]]]:
        here, site = carry
        key_walk, key_build = jax.random.split(key)
        is_unknown = jax.vmap(find_unknown)(here.level, here.state)
        is_building = jnp.any(is_unknown, axis=1)
        is_walking = ~is_building & (site.walked < steps)

        drawn, remembered, grown = _build(
            builder, here, site, is_unknown, most=most, steps=steps, key=key_build
        )
        one = collect_lanes(world, player, walker, here, steps=1, key=key_walk)
        row = jax.tree.map(lambda leaf: leaf[0], one.rows)
        told = is_building, is_walking, site.made
        after = choose_lanes(is_walking, one.lanes, here)
        after = eqx.tree_at(
            lambda tree: tree.level, after, choose_lanes(is_building, grown, here.level)
        )
        site = _Site(
            carry=choose_lanes(is_building, remembered, site.carry),
            made=site.made + is_building.astype(jnp.int32),
            walked=site.walked + is_walking.astype(jnp.int32),
            value=jnp.where(is_walking, row.value, site.value),
        )
        return (after, site), (row, one.attempts, drawn, told)

    keys = jax.random.split(key_turns, steps + most)
    (after, site), (rows, attempts, drawn, told) = jax.lax.scan(turn, (here, site), keys)
    is_building, is_walking, made = told
    obs = jax.vmap(world.observe)(after.level, after.state)
    key_after = jax.random.fold_in(key_start, 0)
    plan, _ = player.act(walker, obs, after.is_first, after.carry, key=key_after)
    walks, builds = (
        _find_turns(one, rows) for one, rows in ((is_walking, steps), (is_building, most))
    )
    walked = Stretch(
        lanes=after,
        rows=_take_turns(rows, walks),
        attempts=_add_up(attempts, is_walking, _take_turns(rows, walks)),
        carry=here.carry,
        last_value=plan.value,
    )
    built = Stretch(
        lanes=Lanes(after.level, after.state, site.carry, site.made == 0, jnp.zeros(lanes)),
        rows=_close(_take_turns(drawn, builds), site.made),
        attempts=_count_building(site.made),
        carry=builder.start(lanes),
        last_value=jnp.zeros(lanes),
    )
    return Unfolded(walked, built, _take_turns(made, walks))


def observe_site(
    here: Lanes,
    is_unknown: Bool[Array, "lanes places"],
    shares: Float[Array, "lanes 3"],
) -> Float[Array, "lanes features"]:
    """What the builder sees.

    Args:
        shares: cells made and rows walked, of all that may be, and the walker's last value.

    Returns:
        Bits of walls, goal and what is known in the walker's view, its heading, whether the goal was made, the
        shares, and the mask: cells that are not known, and all kinds but a second goal.
    """
    kind = jax.vmap(show_kinds)(here.level, here.state)
    is_placed = jax.vmap(is_goal_placed)(here.level)
    heading = jnp.arange(len(tiles.HEADINGS))[None] == here.state.heading[:, None]
    may_be = jnp.stack([~is_placed | (one != tiles.GOAL) for one in KINDS_PLACED], axis=1)
    mask = is_unknown[:, :, None] & may_be[:, None, :]
    bits = [kind == tiles.WALL, kind == tiles.GOAL, ~is_unknown, heading, is_placed[:, None]]
    return jnp.concatenate(
        [
            jnp.concatenate(bits, axis=1).astype(jnp.float32),
            shares,
            mask.reshape(mask.shape[0], -1).astype(jnp.float32),
        ],
        axis=1,
    )


def _build(
    builder: ActorCritic,
    here: Lanes,
    site: _Site,
    is_unknown: Bool[Array, "lanes places"],
    *,
    most: int,
    steps: int,
    key: PRNGKeyArray,
) -> tuple[Rows, Carry, UnfoldingLevel]:
    """A row of the builder in every lane, as if all were to build, and the levels after it."""
    made, walked = (count.astype(jnp.float32) for count in (site.made, site.walked))
    shares = jnp.stack([made / most, walked / steps, site.value], axis=1)
    obs = observe_site(here, is_unknown, shares)
    is_first = site.made == 0
    opinion, remembered = builder.step(obs, is_first, site.carry)
    action = jax.random.categorical(key, opinion.logits).astype(jnp.int32)
    place, kind = jnp.divmod(action, len(KINDS_PLACED))
    grown = jax.vmap(place_tile)(here.level, here.state, place, kind)
    no = jnp.zeros_like(is_first)
    drawn = Rows(
        obs=obs,
        action=action,
        policy=jax.nn.softmax(opinion.logits),
        value=opinion.value,
        reward=jnp.zeros_like(opinion.value),
        is_terminated=no,
        is_truncated=no,
        is_last=no,
        is_reset=is_first,
    )
    return drawn, remembered, grown


def _find_turns(is_taken: Bool[Array, "turns lanes"], rows: int) -> Int[Array, "rows lanes"]:
    """The turns that a lane took, in their order; others behind them, where it took fewer."""
    return jnp.argsort(~is_taken, axis=0, stable=True)[:rows]


def _take_turns(made: Tree, turns: Int[Array, "rows lanes"]) -> Tree:
    lane = jnp.arange(turns.shape[1])[None]
    return jax.tree.map(lambda leaf: leaf[turns, lane], made)


def _close(rows: Rows, made: Int[Array, " lanes"]) -> Rows:
    """The builder's rows as one episode: it ends with its last action, and the rows behind that count nothing."""
    number = jnp.arange(rows.action.shape[0])[:, None]
    return eqx.tree_at(
        lambda rows: (rows.is_terminated, rows.is_last, rows.is_reset),
        rows,
        (
            number == made[None] - 1,
            number >= made[None],
            (number == 0) & jnp.ones_like(rows.is_last),
        ),
    )


def _add_up(attempts: Attempts, is_walking: Bool[Array, "turns lanes"], rows: Rows) -> Attempts:
    """Over the turns in which a lane walked; axes of the attempts: `turns lanes`."""

    def total(told: Array) -> Array:
        return jnp.sum(jnp.where(is_walking, told, jnp.zeros_like(told)), axis=0, dtype=told.dtype)

    return Attempts(
        ended=total(attempts.ended),
        solved=total(attempts.solved),
        total=total(attempts.total),
        best=jnp.max(jnp.where(is_walking, attempts.best, -jnp.inf), axis=0),
        frames=jnp.sum(~rows.is_last, dtype=jnp.int32),
    )


def _count_building(made: Int[Array, " lanes"]) -> Attempts:
    """One episode a lane, which solves nothing."""
    nothing = jnp.zeros_like(made)
    return Attempts(
        ended=nothing + 1,
        solved=nothing,
        total=nothing.astype(jnp.float32),
        best=nothing.astype(jnp.float32),
        frames=jnp.sum(made),
    )

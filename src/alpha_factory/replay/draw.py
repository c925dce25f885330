"""Drawing windows: first worlds, each with the same chance, then rows by priority within them."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray

from alpha_factory.replay.ring import Place, Ring, Window, read


class Sample(NamedTuple):
    """A batch of windows, where they came from and what corrects for how they were drawn."""

    window: Window
    place: Place
    world: Int32[Array, " batch"]  # number of the first row's world
    weight: Float32[Array, " batch"]  # importance weight, at most 1


def sample(
    ring: Ring,
    *,
    batch: int,
    window: int,
    beta: float,
    is_balanced: bool = False,
    key: PRNGKeyArray,
) -> Sample:
    """Draw windows with P(i) proportional to priority (Schaul et al. 2016; paper, section 3.5).

    Balanced, a batch comes from ceil(sqrt(m)) of the m worlds that have a startable row, drawn
    uniformly without replacement, in equal shares (to within one window), and priorities hold
    within each world.

    Prefix sums go over blocks of lanes, then the lanes of the block drawn, blocks of that lane's
    slots, and the slots of that block: short ones, which round less than one over all rows. They
    are made anew for each batch, so nothing drifts.

    Args:
        beta: exponent of the importance weights (1 / (N P(i)))^beta, scaled to at most 1.
    """
    key_world, *keys, key_slot = jax.random.split(key, 5)
    if is_balanced:
        group, chosen, worlds = _choose_worlds(ring.startable, batch, key_world)
        groups = _round_root_up(ring.startable.size)
    else:
        group = jnp.where(ring.startable > 0, 0, 1)
        chosen, worlds, groups = jnp.zeros(batch, jnp.int32), jnp.float32(1.0), 1
    lanes_in_block, slots_in_block = map(_find_block, ring.priority.shape)
    shape = (-1, lanes_in_block, ring.priority.shape[1] // slots_in_block, slots_in_block)
    row_group, priority = group[ring.world].reshape(shape), ring.priority.reshape(shape)
    by_slot_block = jax.vmap(
        lambda one: jnp.sum(jnp.where(row_group == one, priority, 0.0), axis=3)
    )(jnp.arange(groups))
    by_lane = jnp.sum(by_slot_block, axis=3)
    by_lane_block = jnp.sum(by_lane, axis=2)
    at: tuple[Array, ...] = (chosen,)
    for weights, key_level in zip((by_lane_block, by_lane, by_slot_block), keys, strict=True):
        at += (locate(weights[at], jax.random.uniform(key_level, (batch,))),)
    block = at[1:]
    in_block = jnp.where(row_group[block] == chosen[:, None], priority[block], 0.0)
    slot = locate(in_block, jax.random.uniform(key_slot, (batch,)))
    place = (block[0] * lanes_in_block + block[1], block[2] * slots_in_block + slot)
    chance = ring.priority[place] / (worlds * jnp.sum(by_lane_block, axis=1)[chosen])
    weight = (jnp.sum(ring.startable).astype(jnp.float32) * chance) ** -beta
    return Sample(
        window=read(ring, place, window=window),
        place=place,
        world=ring.world[place],
        weight=weight / jnp.max(weight),
    )


def sample_evenly(
    ring: Ring,
    among: Bool[Array, " numbers"],
    *,
    batch: int,
    window: int,
    key: PRNGKeyArray,
) -> Sample:
    """Draw windows of some worlds, each with the same chance, and any of a world's as likely.

    Priorities play no part: what stands out in learning is not what matters most of a world. All
    weights are 1.

    Args:
        among: the worlds that may be drawn, by number. One of them must have a startable row, or
            what is drawn means nothing.
    """
    startable = jnp.where(among, ring.startable, 0)
    chance = jnp.where(startable > 0, 1.0 / startable.astype(jnp.float32), 0.0)
    even = eqx.tree_at(
        lambda tree: (tree.priority, tree.startable),
        ring,
        (jnp.where(ring.priority > 0, chance[ring.world], 0.0), startable),
    )
    return sample(even, batch=batch, window=window, beta=0.0, key=key)


def _choose_worlds(
    startable: Int32[Array, " numbers"], batch: int, key: PRNGKeyArray
) -> tuple[Int32[Array, " numbers"], Int32[Array, " batch"], Float32[Array, ""]]:
    """Which group each world is, which group each window is of, and how many worlds there were.

    A world that was not chosen is of a group that no window is of.
    """
    is_there = startable > 0
    there = jnp.sum(is_there)
    # ceil(sqrt(m)) is how many whole numbers have a square below m. A float32 root may be off in its last digit on a
    # GPU, and that of a square would then be rounded up to one world more.
    groups = jnp.sum(jnp.arange(_round_root_up(startable.size)) ** 2 < there, dtype=jnp.int32)
    order = jnp.where(is_there, jax.random.uniform(key, startable.shape), 2.0)
    rank = jnp.argsort(jnp.argsort(order)).astype(jnp.int32)
    group = jnp.where(rank < groups, rank, startable.size)
    return group, jnp.arange(batch, dtype=jnp.int32) % groups, there.astype(jnp.float32)


def _round_root_up(number: int) -> int:
    return math.isqrt(number - 1) + 1


def _find_block(number: int) -> int:
    """The greatest divisor up to the root: as many in a block as blocks, or nearly, but where few numbers divide it."""
    return next(size for size in range(math.isqrt(number), 0, -1) if number % size == 0)


def locate(
    weights: Float32[Array, "batch choices"], share: Float32[Array, " batch"]
) -> Int32[Array, " batch"]:
    """Where a share of the whole weight is reached, a row each; never at a weight of 0.

    A parallel prefix sum adds in another order at every place, so by rounding it may rise where
    the weight is 0, or fall. Places of weight 0 are therefore left out by name.

    Args:
        weights: at least 0, and not all 0.
        share: in [0, 1); drawn uniformly, it makes the index proportional to the weights.
    """
    total = jnp.cumsum(weights, axis=1)
    is_choice = weights > 0
    is_beyond = is_choice & (total > share[:, None] * total[:, -1:])
    # Rounding may also put the point beyond every sum: then the last place with a weight is taken.
    last = weights.shape[1] - 1 - jnp.argmax(is_choice[:, ::-1], axis=1)
    index = jnp.where(jnp.any(is_beyond, axis=1), jnp.argmax(is_beyond, axis=1), last)
    return index.astype(jnp.int32)

"""The living worlds: arrays of fixed size, so that the pool grows without recompiling."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, Int32, PRNGKeyArray, UInt32

from alpha_factory.core.types import Level

NEVER_PLAYED = -1.0
NEVER_CHECKED = -1


class Pool(eqx.Module):
    """Worlds that are trained on. Slots from `size` on are padding: copies of the first world."""

    genome: UInt32[Array, "slots 16"]
    level: Level  # leading axis `slots`
    world: Int32[Array, " slots"]  # number under which the world is archived
    born: Int32[Array, " slots"]  # cycle of its acceptance
    plan: Int32[Array, " slots"]  # actions of the shortest plan
    score: Float32[Array, " slots"]  # share solved when last played, or NEVER_PLAYED
    weight: Float32[
        Array, " slots"
    ]  # chance to be drawn, next to each other; 1 unless it was hacked
    checked: Int32[Array, " slots"]  # of honeypots: cycle of the last check, or NEVER_CHECKED
    size: Int32[Array, ""]


class Entry(eqx.Module):
    """Worlds about to enter a pool."""

    genome: UInt32[Array, "worlds 16"]
    level: Level
    world: Int32[Array, " worlds"]
    plan: Int32[Array, " worlds"]
    score: Float32[Array, " worlds"]


def make_pool(
    genome: UInt32[Array, "16"], level: Level, plan: Int32[Array, ""], *, slots: int
) -> Pool:
    """A pool that holds one world, archived as number 0."""

    def spread(leaf: Array) -> Array:
        return jnp.repeat(leaf[None], slots, axis=0)

    return Pool(
        genome=spread(genome),
        level=jax.tree.map(spread, level),
        world=jnp.zeros(slots, jnp.int32),
        born=jnp.zeros(slots, jnp.int32),
        plan=spread(plan),
        score=jnp.full(slots, NEVER_PLAYED),
        weight=jnp.ones(slots),
        checked=jnp.full(slots, NEVER_CHECKED, jnp.int32),
        size=jnp.int32(1),
    )


def draw_level(pool: Pool, *, key: PRNGKeyArray) -> tuple[Int32[Array, ""], Level]:
    """A living world: each with the same chance (paper, section 3.1), but for its weight."""
    is_living = jnp.arange(pool.weight.size) < pool.size
    edges = jnp.cumsum(jnp.where(is_living, pool.weight, 0.0))
    drawn = jax.random.uniform(key) * edges[-1]
    # Rounding may bring what is drawn up to the last edge.
    slot = jnp.minimum(jnp.sum(edges <= drawn, dtype=jnp.int32), pool.size - 1)
    return slot, jax.tree.map(lambda leaf: leaf[slot], pool.level)


def isolate(pool: Pool, slot: Int32[Array, ""]) -> Pool:
    """A pool of the same shape that holds nothing but the world of one slot."""
    return eqx.tree_at(
        lambda tree: tree.size,
        jax.tree.map(
            lambda leaf: leaf if leaf.ndim == 0 else jnp.broadcast_to(leaf[slot], leaf.shape), pool
        ),
        jnp.int32(1),
    )


def enter(pool: Pool, entry: Entry, slot: Int32[Array, " worlds"], cycle: Int32[Array, ""]) -> Pool:
    """Put worlds into slots; a slot beyond the pool means that the world does not enter."""

    def put(stored: Array, new: Array) -> Array:
        return stored.at[slot].set(new, mode="drop")

    slots = pool.world.shape[0]
    highest = jnp.max(jnp.where(slot < slots, slot, -1))
    return Pool(
        genome=put(pool.genome, entry.genome),
        level=jax.tree.map(put, pool.level, entry.level),
        world=put(pool.world, entry.world),
        born=put(pool.born, jnp.broadcast_to(cycle, slot.shape)),
        plan=put(pool.plan, entry.plan),
        score=put(pool.score, entry.score),
        weight=put(pool.weight, jnp.ones(slot.shape)),
        checked=put(pool.checked, jnp.full(slot.shape, NEVER_CHECKED, jnp.int32)),
        size=jnp.maximum(pool.size, highest + 1).astype(jnp.int32),
    )

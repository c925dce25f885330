"""A playable level: what `reset` takes, and what a genome or a text map becomes."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int16, Int32, UInt8

from alpha_factory.worlds import tiles

UNREACHABLE = 10_000
"""Distance of a cell from which the goal can't be reached."""


class GridLevel(eqx.Module):
    """Everything that makes one grid world differ from another.

    Cells beyond the level's own width and height are walls, so that levels of different size
    share a shape.
    """

    tile: UInt8[Array, "height width"]  # codes of `worlds.tiles`
    start: Int32[Array, "2"]  # row, column
    heading: Int32[Array, ""]  # code of `worlds.tiles`
    goal: Int32[Array, "2"]  # row, column; the tile there is GOAL
    distance: Int16[Array, "height width"]  # cells to the goal, doors taken as open
    step_limit: Int32[Array, ""]
    dense: Float32[Array, ""]  # share of the total reward that is paid on the way, 0 if sparse
    trap_odds: Float32[Array, ""]  # chance that a trap entered fires
    trap_penalty: Float32[Array, ""]  # what it costs then
    slip: Float32[Array, ""]  # chance that a forward step does nothing
    mirror_period: Int32[Array, ""]  # left and right swap in every other such period; 0 never
    fog_period: Int32[Array, ""]  # the view shrinks to 3 x 3 in every other such period; 0 never


def flood(
    is_free: Bool[Array, "height width"], source: Int32[Array, "2"]
) -> Int16[Array, "height width"]:
    """Cells on the shortest way from `source` through free cells, by breadth-first search.

    Returns:
        0 at the source, which counts as free, and UNREACHABLE where no way leads.
    """
    far = jnp.full(is_free.shape, UNREACHABLE, jnp.int16)
    first = far.at[source[0], source[1]].set(jnp.int16(0))

    def is_moving(carry: tuple[Array, Array]) -> Array:
        return carry[1]

    def relax(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        distance, _ = carry
        nearer = jnp.where(
            is_free, jnp.minimum(distance, nearest_neighbour(distance) + 1), distance
        )
        return nearer, jnp.any(nearer != distance)

    return jax.lax.while_loop(is_moving, relax, (first, jnp.bool_(True)))[0]


def nearest_neighbour(distance: Int16[Array, "height width"]) -> Int16[Array, "height width"]:
    """The least distance among the four neighbours of each cell."""
    padded = jnp.pad(distance, 1, constant_values=UNREACHABLE)
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return jnp.minimum(jnp.minimum(sides[0], sides[1]), jnp.minimum(sides[2], sides[3]))


def distance_to_goal(
    tile: UInt8[Array, "height width"], goal: Int32[Array, "2"]
) -> Int16[Array, "height width"]:
    """Cells to the goal, doors taken as open and traps avoided.

    A trap itself counts one more than its nearest neighbour, since it need not fire.
    """
    is_free = (tile != tiles.WALL) & (tile != tiles.TRAP)
    clear = flood(is_free, goal)
    beside = jnp.minimum(nearest_neighbour(clear) + 1, UNREACHABLE).astype(jnp.int16)
    return jnp.where(tile == tiles.TRAP, beside, clear)


def count_matches(
    levels: GridLevel,
    others: GridLevel,
    *,
    is_plan_only: bool = False,
    is_counted: Bool[Array, "levels others"] | None = None,
) -> Int32[Array, " levels"]:
    """For each level, how many of the others are the same.

    Args:
        is_plan_only: compare tiles and start alone, whatever the reward and the rules.
        is_counted: pairs that are looked at; all of them if not given.
    """

    def flatten(level: GridLevel) -> Array:
        leaves = (level.tile, level.start) if is_plan_only else jax.tree.leaves(level)
        return jnp.concatenate([leaf.astype(jnp.float32).ravel() for leaf in leaves])

    left, right = jax.vmap(flatten)(levels), jax.vmap(flatten)(others)
    is_same = jax.lax.map(lambda one: jnp.all(one[None] == right, axis=1), left)
    if is_counted is not None:
        is_same = is_same & is_counted
    return jnp.sum(is_same, axis=1, dtype=jnp.int32)

"""The shortest plan of a level, by breadth-first search over the true state on the device."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from alpha_factory.worlds import tiles
from alpha_factory.worlds.level import GridLevel

NO_PLAN = -1


def shortest_plan(level: GridLevel) -> Int32[Array, ""]:
    """Actions, turns included, from the start to the goal in the fewest steps.

    The state is place, heading and whether the key is held. Traps are never entered, nothing
    slips, and turning costs the same with left and right swapped, so rules don't matter here.

    Returns:
        The number of actions, or NO_PLAN if no plan is within the level's step limit.
    """
    height, width = level.tile.shape
    is_way = (level.tile != tiles.WALL) & (level.tile != tiles.TRAP)
    # First axis: without and with the key.
    is_free = jnp.stack([is_way & (level.tile != tiles.DOOR), is_way])
    is_key = (level.tile == tiles.KEY)[None]
    blank = jnp.zeros((2, 4, height, width), bool)
    start = blank.at[0, level.heading, level.start[0], level.start[1]].set(True)

    def is_at_goal(reached: Bool[Array, "held heading height width"]) -> Array:
        return jnp.any(reached[:, :, level.goal[0], level.goal[1]])

    def is_searching(carry: tuple[Array, Array, Array]) -> Array:
        reached, actions, is_growing = carry
        return is_growing & ~is_at_goal(reached) & (actions < level.step_limit)

    def widen(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        reached, actions, _ = carry
        ahead = jnp.stack([_shift(reached[:, way], way) & is_free for way in range(4)], axis=1)
        found = reached | ahead | jnp.roll(reached, 1, axis=1) | jnp.roll(reached, -1, axis=1)
        picked = found[0] & is_key
        found = jnp.stack([found[0] & ~is_key, found[1] | picked])
        return found, actions + 1, jnp.any(found != reached)

    reached, actions, _ = jax.lax.while_loop(
        is_searching, widen, (start, jnp.int32(0), jnp.bool_(True))
    )
    return jnp.where(is_at_goal(reached), actions, NO_PLAN)


def _shift(
    places: Bool[Array, "held height width"], heading: int
) -> Bool[Array, "held height width"]:
    """Every place one cell further in a heading; those at the edge fall off."""
    rows, columns = tiles.ROW_STEP[heading], tiles.COLUMN_STEP[heading]
    height, width = places.shape[1:]
    padded = jnp.pad(places, ((0, 0), (1, 1), (1, 1)))
    return padded[:, 1 - rows : 1 - rows + height, 1 - columns : 1 - columns + width]

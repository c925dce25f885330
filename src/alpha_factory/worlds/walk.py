"""The shortest walk to the goal, by breadth-first search on the device: quick, and not the truth.

It knows walls, keys, doors, buttons, gates and one-way tiles, and takes nothing else into account:
nothing slides, falls or hunts, no box is pushed, no rule is in force. `worlds.oracle` is exact and
too slow to ask about every child of every world.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, UInt32

from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.reach import find_steps

NO_WALK = -1

_WIDEST = 32  # a row of cells is one word


def shortest_walk(level: GridLevel) -> Int32[Array, ""]:
    """Actions, turns included, from the start to the goal in the fewest steps.

    Exact for a level that has nothing but walls, keys, doors, buttons, gates and one-way tiles.

    Returns:
        The number of actions, or NO_WALK if no walk is within the level's step limit.

    Raises:
        ValueError: the arrays of the level are wider than a word has bits.
    """
    height, width = level.tile.shape
    if width > _WIDEST:
        raise ValueError(f"width={width} is more than the {_WIDEST} columns that a word holds.")
    may_step = _find_ways(level)
    goal_cell = jnp.zeros((height, width), bool).at[level.goal[0], level.goal[1]].set(True)
    marked = (level.tile == tiles.KEY, level.tile == tiles.BUTTON, goal_cell)
    key, button, goal = (_pack(cells)[None, None, None] for cells in marked)
    start = _pack(jnp.zeros((height, width), bool).at[level.start[0], level.start[1]].set(True))
    blank = jnp.zeros((2, 2, 4, height), jnp.uint32)  # key held, gates open, heading, row
    first = blank.at[0, 0, level.heading].set(start)

    def is_at_goal(reached: UInt32[Array, "held open heading rows"]) -> Bool[Array, ""]:
        return jnp.any((reached & goal) != 0)

    def is_searching(carry: tuple[Array, Array, Array]) -> Bool[Array, ""]:
        reached, actions, is_growing = carry
        return is_growing & ~is_at_goal(reached) & (actions < level.step_limit)

    def widen(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        reached, actions, _ = carry
        leaving = reached & may_step
        ahead = jnp.stack([_move(leaving[:, :, way], way) for way in range(4)], axis=2)
        taken = ahead[:1] & key
        ahead = jnp.concatenate([ahead[:1] & ~key, ahead[1:] | taken])
        pressed = ahead & button
        ahead = (ahead & ~button) | jnp.flip(pressed, axis=1)
        turned = jnp.roll(reached, 1, axis=2) | jnp.roll(reached, -1, axis=2)
        found = reached | ahead | turned
        return found, actions + 1, jnp.any(found != reached)

    reached, actions, _ = jax.lax.while_loop(
        is_searching, widen, (first, jnp.int32(0), jnp.bool_(True))
    )
    return jnp.where(is_at_goal(reached), actions, NO_WALK)


def _find_ways(level: GridLevel) -> UInt32[Array, "held open heading rows"]:
    """From which cells one may step in which heading, with or without the key, gates closed or open."""
    ways = []
    for doors in ((tiles.DOOR,), ()):
        for gates in ((tiles.GATE,), ()):
            ways.append(_pack(find_steps(level.tile, closed=doors + gates)))
    return jnp.stack(ways).reshape(2, 2, 4, level.tile.shape[0])


def _pack(cells: Bool[Array, "*stack height width"]) -> UInt32[Array, "*stack height"]:
    """Rows as words: bit i is column i."""
    bits = jnp.uint32(1) << jnp.arange(cells.shape[-1], dtype=jnp.uint32)
    return jnp.sum(jnp.where(cells, bits, jnp.uint32(0)), axis=-1, dtype=jnp.uint32)


def _move(rows: UInt32[Array, "*stack rows"], heading: int) -> UInt32[Array, "*stack rows"]:
    """Every place one cell further; none of them stands at the edge."""
    if tiles.HEADINGS[heading] == "right":
        return rows << jnp.uint32(1)
    if tiles.HEADINGS[heading] == "left":
        return rows >> jnp.uint32(1)
    return jnp.roll(rows, tiles.ROW_STEP[heading], axis=-1)

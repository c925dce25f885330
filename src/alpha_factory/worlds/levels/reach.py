"""Where one can walk: which steps tiles allow, and how far cells are apart.

Walking here is as if nothing slid, fell or hurt: `worlds.oracle` plays by the engine's own rules.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int16, Int32, UInt8

from alpha_factory.worlds.levels import tiles

UNREACHABLE = 30_000
"""Distance of a cell to which no way leads."""

_AVOIDED = (*(tiles.WALL, tiles.TRAP, tiles.LAVA, tiles.BOX, tiles.TELEPORT, tiles.DECOY),)


def find_steps(
    tile: UInt8[Array, "height width"], *, closed: tuple[int, ...] = ()
) -> Bool[Array, "4 height width"]:
    """Whether one may step from each cell in each heading.

    Walls, traps, lava, boxes, teleporters and decoys are never entered, but one may leave them, walls
    excepted. A conveyor can't be walked against.

    Args:
        closed: further kinds that may not be entered, such as doors.
    """
    is_free = ~tiles.is_among(tile, _AVOIDED + closed)
    is_one_way = (tile >= tiles.ONE_WAY) & (tile < tiles.CONVEYOR)
    steps = []
    for heading in range(4):
        may_enter = is_free & (~is_one_way | (tile == tiles.ONE_WAY + heading))
        against = tiles.CONVEYOR + (heading + 2) % 4
        steps.append(_from(may_enter, heading, False) & (tile != tiles.WALL) & (tile != against))
    return jnp.stack(steps)


def flood(
    steps: Bool[Array, "4 height width"], source: Int32[Array, "2"]
) -> Int16[Array, "height width"]:
    """Steps on the shortest way from `source` to each cell, 0 there and UNREACHABLE where none leads."""

    def relax(distance: Array) -> Array:
        ways = [
            _from(jnp.where(steps[heading], distance, UNREACHABLE), (heading + 2) % 4, UNREACHABLE)
            for heading in range(4)
        ]
        return _nearest(ways)

    return _spread(relax, source, steps.shape[1:])


def flood_back(
    steps: Bool[Array, "4 height width"], goal: Int32[Array, "2"]
) -> Int16[Array, "height width"]:
    """Steps on the shortest way from each cell to `goal`."""

    def relax(distance: Array) -> Array:
        ways = [
            jnp.where(steps[heading], _from(distance, heading, UNREACHABLE), UNREACHABLE)
            for heading in range(4)
        ]
        return _nearest(ways)

    return _spread(relax, goal, steps.shape[1:])


def _spread(relax, source: Array, shape: tuple[int, ...]) -> Int16[Array, "height width"]:
    """Distances that no longer change when every cell asks its neighbours."""
    far = jnp.full(shape, UNREACHABLE, jnp.int16)
    first = far.at[source[0], source[1]].set(jnp.int16(0))

    def advance(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        distance, _ = carry
        nearer = jnp.minimum(distance, relax(distance))
        return nearer, jnp.any(nearer != distance)

    return jax.lax.while_loop(lambda carry: carry[1], advance, (first, jnp.bool_(True)))[0]


def _nearest(ways: list[Array]) -> Int16[Array, "height width"]:
    nearest = jnp.minimum(jnp.minimum(ways[0], ways[1]), jnp.minimum(ways[2], ways[3]))
    return jnp.minimum(nearest + 1, UNREACHABLE).astype(jnp.int16)


def _from(cells: Array, heading: int, beyond: int | bool) -> Array:
    """What the neighbour in a heading holds, `beyond` outside of the level."""
    rows, columns = tiles.ROW_STEP[heading], tiles.COLUMN_STEP[heading]
    height, width = cells.shape
    padded = jnp.pad(cells, 1, constant_values=beyond)
    return padded[1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]

"""What a step changes in the cells, applied in one pass over all of them.

A scatter would touch fewer cells and is slower by far where worlds are many.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int8, Int32, UInt8

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.force import Force
from alpha_factory.worlds.grid.motion import Motion
from alpha_factory.worlds.grid.settle import settle
from alpha_factory.worlds.grid.state import KIND_BITS, SEEN_BIT, VISITED_BIT, GridState
from alpha_factory.worlds.grid.view import view_bounds
from alpha_factory.worlds.levels import tiles


class Marks(eqx.Module):
    """Changes; a place of (-1, -1) changes nothing."""

    first: Int32[Array, "2"]  # corners of what was seen
    last: Int32[Array, "2"]
    is_forgotten: Bool[Array, ""]  # what was seen before
    stood: Int32[Array, "2"]  # where the agent is now
    entered: Int32[Array, "2"]  # where its step led
    left: Int32[Array, ""]  # what lies there now
    pushed: Int32[Array, "2"]  # where a box was pushed
    filled: Int32[Array, ""]  # what lies there now


def find_marks(
    state: GridState,
    force: Force,
    motion: Motion,
    position: Int32[Array, "2"],
    is_over: Bool[Array, ""],
) -> Marks:
    """The changes of a step from `state`; none if the episode was over."""
    nowhere = jnp.full(2, -1, jnp.int32)
    first, last = view_bounds(state, force)
    entered = motion.entered
    is_taken = tiles.is_among(jnp.maximum(entered, 0), (tiles.KEY, tiles.COIN, tiles.BOX))
    left = jnp.where(is_taken, tiles.FLOOR, entered)
    return settle(
        Marks(
            first=first,
            last=jnp.where(is_over, nowhere, last),
            is_forgotten=force.has(dsl.FORGET) & ~is_over,
            stood=jnp.where(is_over, nowhere, position),
            entered=jnp.where(is_over | (entered < 0), nowhere, motion.position),
            left=jnp.where(entered == tiles.DOOR, tiles.OPEN_DOOR, left),
            pushed=jnp.where(is_over, nowhere, motion.box_to),
            filled=jnp.where(motion.box_onto == tiles.LAVA, tiles.FLOOR, tiles.BOX),
        )
    )


def apply_marks(cell: UInt8[Array, "height width"], marks: Marks) -> UInt8[Array, "height width"]:
    """The cells after these changes."""
    height, width = cell.shape
    # In single bytes, of which a processor compares the most at once.
    marks = jax.tree.map(lambda leaf: leaf.astype(jnp.int8), marks)
    row = jnp.arange(height, dtype=jnp.int8)[:, None]
    column = jnp.arange(width, dtype=jnp.int8)[None]

    def is_at(place: Int8[Array, "2"]) -> Bool[Array, "height width"]:
        return (row == place[0]) & (column == place[1])

    def put(cell: Array, place: Array, kind: Array) -> UInt8[Array, "height width"]:
        changed = (cell & jnp.uint8(~KIND_BITS & 0xFF)) | kind.astype(jnp.uint8)
        return jnp.where(is_at(place), changed, cell)

    is_shown = ((row >= marks.first[0]) & (row <= marks.last[0])) & (
        (column >= marks.first[1]) & (column <= marks.last[1])
    )
    kept = jnp.where(marks.is_forgotten != 0, jnp.uint8(~SEEN_BIT & 0xFF), jnp.uint8(0xFF))
    cell = cell & kept
    cell = jnp.where(is_shown, cell | jnp.uint8(SEEN_BIT), cell)
    cell = jnp.where(is_at(marks.stood), cell | jnp.uint8(VISITED_BIT), cell)
    cell = put(cell, marks.entered, marks.left)
    return put(cell, marks.pushed, marks.filled)

"""Where an episode of the grid world stands."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, UInt8

KIND_BITS = 31
"""The bits of a cell that hold its kind of tile."""
SEEN_BIT, VISITED_BIT = 32, 64


class GridState(eqx.Module):
    """What changes with every step.

    A cell is one byte, since the engine's speed is that of going over all cells once a step.
    """

    cell: UInt8[Array, "height width"]  # kind of tile | SEEN_BIT | VISITED_BIT
    position: Int32[Array, "2"]  # row, column
    offset: Int32[Array, "2"]  # from the middle of the cell, in 1/16 of a cell, -8 to 8
    velocity: Int32[Array, "2"]  # in 1/16 of a cell a step, -16 to 16
    heading: Int32[Array, ""]
    has_key: Bool[Array, ""]
    is_open: Bool[Array, ""]  # the gates, as the buttons left them
    has_pressed: Bool[Array, ""]  # some button, in this episode
    opponent: Int32[Array, "opponents 2"]  # row, column; means nothing where there is none
    opponent_heading: Int32[Array, " opponents"]
    timer: Int32[Array, " rules"]  # steps for which what happened keeps a rule in force
    time: Int32[Array, ""]  # steps taken, as the level counts them
    is_terminated: Bool[Array, ""]
    is_truncated: Bool[Array, ""]

    @property
    def tile(self) -> UInt8[Array, "*batch height width"]:
        """The kind of each cell; it changes as keys are taken and doors opened."""
        return self.cell & jnp.uint8(KIND_BITS)

    @property
    def seen(self) -> Bool[Array, "*batch height width"]:
        """The view has held this cell in this episode."""
        return (self.cell & jnp.uint8(SEEN_BIT)) != 0

    @property
    def visited(self) -> Bool[Array, "*batch height width"]:
        """The agent has stood here in this episode."""
        return (self.cell & jnp.uint8(VISITED_BIT)) != 0

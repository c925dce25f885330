"""A moment of an episode as text, one symbol a cell: what the engine shows in pictures, for a terminal."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt8

from alpha_factory.worlds.grid.force import find_force
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.grid.view import GLYPHS, HIDDEN, show_all, view_bounds
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.text import own_size

SYMBOLS = f"{tiles.SYMBOLS}:HC {tiles.HEADING_SYMBOLS}"
"""Symbols of the codes of `worlds.grid.view`: tiles, open gate, opponents, hidden, the agent."""
NAMES = (
    *(*tiles.NAMES, "open gate", "patrol", "chaser", "hidden"),
    *(f"the agent, facing {heading}" for heading in tiles.HEADINGS),
)
assert len(SYMBOLS) == len(NAMES) == GLYPHS


def print_scene(level: GridLevel, state: GridState, *, is_known_only: bool = False) -> str:
    """What a moment looks like, a line a row, cropped to the level's own size.

    Args:
        is_known_only: hide what the agent neither sees nor has seen.
    """
    shown = show_scene(level, state, is_known_only=is_known_only)
    return "\n".join("".join(SYMBOLS[code] for code in row) for row in shown.tolist())


def show_scene(
    level: GridLevel, state: GridState, *, is_known_only: bool = False
) -> UInt8[np.ndarray, "rows columns"]:
    """The codes of `worlds.grid.view` of what a moment looks like, cropped to the level's own size."""
    height, width = own_size(level)
    shown = _show_known(level, state) if is_known_only else _show_all(level, state)
    return np.asarray(shown)[:height, :width]


_show_all = jax.jit(show_all)


@jax.jit
def _show_known(level: GridLevel, state: GridState) -> UInt8[Array, "height width"]:
    """What the agent sees, with opponents in its view alone, and the tiles that it has seen."""
    force = find_force(level, state)
    first, last = view_bounds(state, force)
    height, width = state.cell.shape
    row = jnp.arange(height, dtype=jnp.int32)[:, None]
    column = jnp.arange(width, dtype=jnp.int32)[None]
    is_seen_now = ((row >= first[0]) & (row <= last[0])) & (
        (column >= first[1]) & (column <= last[1])
    )
    remembered = jnp.where(state.seen, state.tile, jnp.uint8(HIDDEN))
    return jnp.where(is_seen_now, show_all(level, state), remembered)

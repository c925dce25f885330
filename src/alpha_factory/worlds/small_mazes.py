"""Small mazes, fresh ones from a key and seen whole: a world to learn planning on.

13 x 13 cells, at most 25 walls and 250 steps, as in the field's maze benchmark, played by the grid engine. An
agent that knows the whole maze needs no memory, so what is learned here is planning and nothing else.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from alpha_factory.core.errors import unknown
from alpha_factory.core.types import World
from alpha_factory.worlds.grid.engine import make_grid
from alpha_factory.worlds.grid.force import unit_vector
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel

_SIDE = 13
_REACH = _SIDE - 1  # cells from the agent to the farthest that can be in the maze
_SPAN = 2 * _REACH + 1
_HEADINGS = len(tiles.HEADINGS)
_BYTE = 8  # replay keeps eight bits in one


def make_small_mazes(*, frame: str = "agent", pays_hidden: bool = False) -> World:
    """The grid world with all of a 13 x 13 level in view, as bits; for levels of floor, walls and a goal.

    Args:
        frame: `agent`, 680 bits, the maze turned and moved so that the agent stands in the middle and faces up, which
            shows as much of a larger one as lies within 12 cells; `north`, 232 bits, the maze as it lies, and where
            the agent is in it, for 13 x 13 cells only.
        pays_hidden: as `make_grid` takes it.

    Raises:
        UsageError: there is no such frame.
    """
    if frame not in _FRAMES:
        raise unknown("frame", frame, _FRAMES)
    chosen = _FRAMES[frame]
    world = make_grid(pays_hidden=pays_hidden)
    return world._replace(observe=chosen.observe, features=_round_up(chosen.bits))


def observe_turned(level: GridLevel, state: GridState) -> Bool[Array, " features"]:
    """The maze as the agent stands in it.

    Returns:
        Walls of 25 x 25 cells, 12 ahead to 12 behind, each row from 12 to the left to 12 to the right, beyond
        the edge all walls; 25 bits for how far ahead the goal is, from -12 to 12, and 25 for how far to the
        right, none of them set for one that is farther; five that are never set.
    """
    framed = jnp.pad(level.tile == tiles.WALL, _REACH, constant_values=True)
    row, column = state.position
    around = jax.lax.dynamic_slice(framed, (row, column), (_SPAN, _SPAN))
    # Turned anticlockwise so often that what lies to the right, below or to the left comes up.
    turned = jnp.stack([jnp.rot90(around, times) for times in (1, 2, 3, 0)])[state.heading]
    return _join([turned.ravel(), mark_turned(level.goal, state)])


def mark_turned(place: Int32[Array, "2"], state: GridState) -> Bool[Array, " bits"]:
    """A place as the agent stands to it: 25 bits for how far ahead, from -12 to 12, and 25 for how far to the right."""
    apart = place - state.position
    ahead, aside = (
        jnp.sum(apart * unit_vector(state.heading + turn), dtype=jnp.int32) for turn in (0, 1)
    )
    return jnp.concatenate([_mark(ahead + _REACH, _SPAN), _mark(aside + _REACH, _SPAN)])


def observe_north(level: GridLevel, state: GridState) -> Bool[Array, " features"]:
    """The maze as it lies, north at the top.

    Returns:
        Walls of 13 x 13 cells, row by row; 13 bits each for the goal's row and column and for the agent's; four
        for its heading; seven that are never set.
    """
    _check_side(level)
    places = [_mark(place, _SIDE) for place in (*level.goal, *state.position)]
    heading = _mark(state.heading, _HEADINGS)
    return _join([(level.tile == tiles.WALL).ravel(), *places, heading])


class _Frame(NamedTuple):
    """A way to see a maze."""

    observe: Callable[[GridLevel, GridState], Array]
    bits: int


_FRAMES = {
    "agent": _Frame(observe_turned, _SPAN * _SPAN + 2 * _SPAN),
    "north": _Frame(observe_north, _SIDE * _SIDE + 4 * _SIDE + _HEADINGS),
}


def _check_side(level: GridLevel) -> None:
    if level.tile.shape != (_SIDE, _SIDE):
        height, width = level.tile.shape
        raise ValueError(
            f"A small maze has {_SIDE} x {_SIDE} cells, this level {height} x {width}. "
            f"Make it with `from_text(..., side={_SIDE})`, or see it with `make_grid`."
        )


def _mark(at: Int32[Array, ""], size: int) -> Bool[Array, " bits"]:
    return jnp.arange(size, dtype=jnp.int32) == at


def _join(parts: list[Array]) -> Bool[Array, " features"]:
    bits = jnp.concatenate(parts)
    return jnp.pad(bits, (0, _round_up(bits.size) - bits.size))


def _round_up(bits: int) -> int:
    """The next multiple of a byte."""
    return -(-bits // _BYTE) * _BYTE

"""A plain maze that need not be there yet: its cells are made when they come into the agent's view.

The rules, the rewards and the view are the plain maze's (`worlds.maze`). What is known of a maze is in its level, which
grows between two steps (`place_tile`) and is an argument of each of them; so what was made stays when the agent starts
again. A cell that is not known is shown, and passed, as floor, which happens to nobody who first makes what is in view.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, PRNGKeyArray, UInt8

from alpha_factory.core.types import Outcome, World
from alpha_factory.worlds.grid.force import unit_vector
from alpha_factory.worlds.grid.view import VIEW, VIEW_BITS, view_offsets
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.plain import assemble

KINDS_PLACED = (tiles.FLOOR, tiles.WALL, tiles.GOAL)
"""What a cell can become."""

_HEADINGS = len(tiles.HEADINGS)
_CELLS = VIEW * VIEW
_OWN = _CELLS - 1 - VIEW // 2  # the agent's cell in its view, whose nearest row comes last
_AHEAD = _OWN - VIEW


class UnfoldingLevel(eqx.Module):
    """What is known of a maze."""

    tile: UInt8[Array, "*levels cells"]  # floor where nothing is known
    is_known: Bool[Array, "*levels cells"]
    start: Int32[Array, "*levels"]  # cell
    heading: Int32[Array, "*levels"]
    step_limit: Int32[Array, "*levels"]
    side: int = eqx.field(static=True)


class UnfoldingState(eqx.Module):
    """Where the agent is in it."""

    cell: Int32[Array, "*worlds"]
    heading: Int32[Array, "*worlds"]
    time: Int32[Array, "*worlds"]
    is_terminated: Bool[Array, "*worlds"]
    is_truncated: Bool[Array, "*worlds"]


def make_unfolding() -> World:
    """Plain mazes as far as they are known, seen as the 54 bits that `make_maze(observation="bits")` shows."""
    return World(reset=_reset, step=_step, observe=_observe, actions=3, features=VIEW_BITS)


def begin_unfolding(level: GridLevel) -> UnfoldingLevel:
    """A maze of the level's size, start, heading and step limit of which nothing but the start's floor is known."""
    height, width = level.tile.shape
    assert height == width
    start = level.start[0] * jnp.int32(width) + level.start[1]
    return UnfoldingLevel(
        tile=jnp.full(height * width, tiles.FLOOR, jnp.uint8),
        is_known=jnp.arange(height * width) == start,
        start=start,
        heading=level.heading,
        step_limit=level.step_limit,
        side=width,
    )


def settle_unfolding(level: GridLevel, unfolding: UnfoldingLevel) -> GridLevel:
    """What is known as a level of the grid, cells that nobody saw being floor.

    A maze whose goal was not made becomes one without a way: walls but for the start and a goal far from it.

    Args:
        level: that the unfolding began with.
    """
    side, cells = unfolding.side, unfolding.tile.size
    number = jnp.arange(cells, dtype=jnp.int32)
    is_there = is_goal_placed(unfolding)
    far = (unfolding.start + cells // 2) % cells
    goal = jnp.where(is_there, jnp.argmax(unfolding.tile == tiles.GOAL).astype(jnp.int32), far)
    is_wall = jnp.where(
        is_there, unfolding.tile == tiles.WALL, (number != unfolding.start) & (number != goal)
    )
    return assemble(
        level,
        is_wall.reshape(side, side),
        start=unfolding.start,
        heading=unfolding.heading,
        goal=goal,
    )


def find_unknown(level: UnfoldingLevel, state: UnfoldingState) -> Bool[Array, " view"]:
    """Which cells of the view, the farthest row first, lie in the maze and are not known yet."""
    cell, is_inside = _find_cells(level, state)
    return is_inside & ~level.is_known[cell]


def show_kinds(level: UnfoldingLevel, state: UnfoldingState) -> UInt8[Array, " view"]:
    """The kinds of tile in view: walls beyond the edge, floor where nothing is known."""
    cell, is_inside = _find_cells(level, state)
    return jnp.where(is_inside, level.tile[cell], jnp.uint8(tiles.WALL))


def is_goal_placed(level: UnfoldingLevel) -> Bool[Array, ""]:
    """Whether the goal was made."""
    return jnp.any(level.tile == tiles.GOAL)


def place_tile(
    level: UnfoldingLevel, state: UnfoldingState, place: Int32[Array, ""], kind: Int32[Array, ""]
) -> UnfoldingLevel:
    """The level with a cell made.

    Args:
        place: in the view; one of those that `find_unknown` says.
        kind: index into KINDS_PLACED.
    """
    cell, _ = _find_cells(level, state)
    tile = jnp.asarray(KINDS_PLACED, jnp.uint8)[kind]
    return eqx.tree_at(
        lambda tree: (tree.tile, tree.is_known),
        level,
        (level.tile.at[cell[place]].set(tile), level.is_known.at[cell[place]].set(True)),
    )


def _reset(level: UnfoldingLevel, *, key: PRNGKeyArray) -> UnfoldingState:
    del key
    no = jnp.bool_(False)
    return UnfoldingState(level.start, level.heading, jnp.int32(0), no, no)


def _step(
    level: UnfoldingLevel, state: UnfoldingState, action: Int32[Array, ""], *, key: PRNGKeyArray
) -> tuple[UnfoldingState, Outcome]:
    del key
    cell, _ = _find_cells(level, state)
    kind = show_kinds(level, state)[_AHEAD]
    is_over = state.is_terminated | state.is_truncated
    is_moved = (action == tiles.FORWARD) & (kind != tiles.WALL) & ~is_over
    is_solved = is_moved & (kind == tiles.GOAL)
    right = (action == tiles.TURN_RIGHT).astype(jnp.int32)
    left = (action == tiles.TURN_LEFT).astype(jnp.int32)
    time = state.time + 1
    moved = UnfoldingState(
        cell=jnp.where(is_moved, cell[_AHEAD], state.cell),
        heading=(state.heading + right - left) & (_HEADINGS - 1),
        time=time,
        is_terminated=is_solved,
        is_truncated=(time >= level.step_limit) & ~is_solved,
    )
    kept = jax.tree.map(lambda old, new: jnp.where(is_over, old, new), state, moved)
    reward = is_solved.astype(jnp.float32)
    return kept, Outcome(reward, kept.is_terminated, kept.is_truncated, is_solved)


def _observe(level: UnfoldingLevel, state: UnfoldingState) -> Bool[Array, " features"]:
    kind = show_kinds(level, state)
    # The agent's own cell shows the agent, be it on floor or at the goal.
    is_goal = (kind == tiles.GOAL) & (np.arange(_CELLS) != _OWN)
    return jnp.concatenate([kind == tiles.WALL, is_goal, jnp.arange(_HEADINGS) == state.heading])


def _find_cells(
    level: UnfoldingLevel, state: UnfoldingState
) -> tuple[Int32[Array, " view"], Bool[Array, " view"]]:
    """The cells in view, and which of them lie in the maze; 0 for the others."""
    ahead, aside = (jnp.asarray(one, jnp.int32) for one in view_offsets(VIEW))
    forward, right = unit_vector(state.heading), unit_vector(state.heading + 1)
    row = state.cell // level.side + ahead * forward[0] + aside * right[0]
    column = state.cell % level.side + ahead * forward[1] + aside * right[1]
    is_inside = (row >= 0) & (row < level.side) & (column >= 0) & (column < level.side)
    return jnp.where(is_inside, row * level.side + column, 0), is_inside

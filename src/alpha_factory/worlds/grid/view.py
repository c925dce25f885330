"""What lies around the agent, turned the way it faces: cells of the level, and what each looks like."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, UInt8

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.force import Force, find_force, unit_vector
from alpha_factory.worlds.grid.state import KIND_BITS, GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel

VIEW = 5
"""Cells a side of the view; the agent stands in the middle of its nearest row."""

OPEN_GATE_SHOWN, PATROL_SHOWN, CHASER_SHOWN, HIDDEN, AGENT_SHOWN = 23, 24, 25, 26, 27
GLYPHS = 31
"""Codes of what a cell can look like: the kinds of tile, then these, the last four for the agent."""

VIEW_BITS = 2 * VIEW * VIEW + len(tiles.HEADINGS)
"""Of a view as bits: walls, goal, heading."""

_FOG_REACH = 1  # cells ahead and to the sides that fog leaves visible
_AHEAD_SHOWN = 3  # in a view, ahead is up


class Offsets(NamedTuple):
    """Places relative to the agent, flat: cells ahead, and aside to the right."""

    ahead: np.ndarray
    aside: np.ndarray


def view_offsets(side: int) -> Offsets:
    """Those of a view, the farthest row first, each from left to right."""
    ahead, aside = np.mgrid[side - 1 : -1 : -1, -(side // 2) : side // 2 + 1]
    return Offsets(ahead.ravel(), aside.ravel())


def look_reach(force: Force) -> tuple[Int32[Array, ""], Int32[Array, ""]]:
    """Cells ahead and to each side that can be seen, out of a view of `VIEW` a side."""
    is_dark, is_foggy = force.has(dsl.DARK), force.has(dsl.FOG)
    ahead = jnp.where(is_dark, 0, jnp.where(is_foggy, _FOG_REACH, VIEW - 1))
    aside = jnp.where(is_dark, 0, jnp.where(is_foggy, _FOG_REACH, VIEW // 2))
    return ahead, aside


def view_bounds(state: GridState, force: Force) -> tuple[Int32[Array, "2"], Int32[Array, "2"]]:
    """First and last row and column of what is seen, which may lie beyond the level."""
    ahead, aside = look_reach(force)
    forward, right = unit_vector(state.heading), unit_vector(state.heading + 1)
    near, far = -aside * jnp.abs(right), aside * jnp.abs(right)
    first = state.position + jnp.minimum(forward * ahead, 0) + near
    last = state.position + jnp.maximum(forward * ahead, 0) + far
    return first, last


def cells_around(state: GridState, force: Force, offsets: Offsets) -> UInt8[Array, " cells"]:
    """Bytes of `state.cell` around the agent, a wall beyond the edge.

    The rule that mirrors the view is applied.
    """
    height, width = state.cell.shape
    forward, right = unit_vector(state.heading), unit_vector(state.heading + 1)
    right = jnp.where(force.has(dsl.SQUINT), -right, right)
    ahead, aside = jnp.asarray(offsets.ahead, jnp.int32), jnp.asarray(offsets.aside, jnp.int32)
    row = state.position[0] + ahead * forward[0] + aside * right[0]
    column = state.position[1] + ahead * forward[1] + aside * right[1]
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    cell = state.cell[jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1)]
    return jnp.where(is_inside, cell, jnp.uint8(tiles.WALL))


def opponents_around(
    level: GridLevel, state: GridState, force: Force, offsets: Offsets
) -> list[Bool[Array, " cells"]]:
    """For each opponent, which of the places it stands on; the view mirrored as in `cells_around`."""
    forward, right = unit_vector(state.heading), unit_vector(state.heading + 1)
    right = jnp.where(force.has(dsl.SQUINT), -right, right)
    found = []
    for index in range(tiles.OPPONENTS):
        apart = state.opponent[index] - state.position
        ahead, aside = jnp.sum(apart * forward), jnp.sum(apart * right)
        is_real = level.opponent[index] != tiles.NOBODY
        found.append((offsets.ahead == ahead) & (offsets.aside == aside) & is_real)
    return found


def is_clear(force: Force, offsets: Offsets) -> Bool[Array, " cells"]:
    """Which of the places fog and darkness leave visible."""
    is_near = (offsets.ahead <= _FOG_REACH) & (np.abs(offsets.aside) <= _FOG_REACH)
    is_here = (offsets.ahead == 0) & (offsets.aside == 0)
    in_fog = jnp.asarray(is_near & (offsets.ahead >= 0)) | ~force.has(dsl.FOG)
    return (jnp.asarray(is_here) | ~force.has(dsl.DARK)) & in_fog


def view_directions(
    kind: UInt8[Array, "*cells"], heading: Int32[Array, ""], force: Force
) -> UInt8[Array, "*cells"]:
    """Tiles with the headings of one-way tiles and conveyors as the agent sees them: ahead is up."""
    base = jnp.where(kind >= tiles.CONVEYOR, jnp.uint8(tiles.CONVEYOR), jnp.uint8(tiles.ONE_WAY))
    turn = (_AHEAD_SHOWN - heading).astype(jnp.uint8)
    shown = (kind - base + turn) % jnp.uint8(4)
    mirrored = jnp.where(shown % 2 == 0, jnp.uint8(2) - shown, shown)
    shown = jnp.where(force.has(dsl.SQUINT), mirrored, shown)
    return jnp.where(kind >= tiles.ONE_WAY, base + shown, kind)


def show_view(level: GridLevel, state: GridState, side: int) -> UInt8[Array, "side side"]:
    """What each cell of the agent's view looks like, ahead at the top: codes below `GLYPHS`."""
    force = find_force(level, state)
    offsets = view_offsets(side)
    cell = cells_around(state, force, offsets)
    kind = view_directions(cell & jnp.uint8(KIND_BITS), state.heading, force)
    there = opponents_around(level, state, force, offsets)
    shown = _show_movers(level, state, force, kind, there)
    shown = jnp.where(is_clear(force, offsets), shown, jnp.uint8(HIDDEN))
    is_here = jnp.asarray((offsets.ahead == 0) & (offsets.aside == 0))
    return jnp.where(is_here, jnp.uint8(AGENT_SHOWN + _AHEAD_SHOWN), shown).reshape(side, side)


def show_bits(level: GridLevel, state: GridState) -> Bool[Array, " features"]:
    """The view as the field's mazes show it: which of its 25 cells are walls, which is the goal, and the heading.

    A bit for each. What else a level may have looks like floor.
    """
    shown = show_view(level, state, VIEW).ravel()
    heading = jnp.arange(len(tiles.HEADINGS)) == state.heading
    return jnp.concatenate([shown == tiles.WALL, shown == tiles.GOAL, heading])


def show_all(level: GridLevel, state: GridState) -> UInt8[Array, "height width"]:
    """What every cell of the level looks like, as `show_view`, north at the top.

    Fog and darkness hide what they hide in a view; the rule that mirrors views is left out.
    """
    force = find_force(level, state)
    height, width = state.cell.shape
    row = jnp.arange(height, dtype=jnp.int32)[:, None] + jnp.zeros((1, width), jnp.int32)
    column = jnp.arange(width, dtype=jnp.int32)[None] + jnp.zeros((height, 1), jnp.int32)
    kind = state.cell & jnp.uint8(KIND_BITS)
    there = [
        (row == place[0]) & (column == place[1]) & (who != tiles.NOBODY)
        for place, who in zip(state.opponent, level.opponent, strict=True)
    ]
    shown = _show_movers(level, state, force, kind, there)
    first, last = view_bounds(state, force)
    is_near = (row >= first[0]) & (row <= last[0]) & (column >= first[1]) & (column <= last[1])
    is_obscured = (force.has(dsl.FOG) | force.has(dsl.DARK)) & ~is_near
    shown = jnp.where(is_obscured, jnp.uint8(HIDDEN), shown)
    is_here = (row == state.position[0]) & (column == state.position[1])
    return jnp.where(is_here, (AGENT_SHOWN + state.heading).astype(jnp.uint8), shown)


def is_gate_open(state: GridState, force: Force) -> Bool[Array, ""]:
    """Whether the gates let through now, by the buttons and by the rules."""
    return (state.is_open | force.has(dsl.LIFT)) & ~force.has(dsl.SHUT)


def _show_movers(
    level: GridLevel,
    state: GridState,
    force: Force,
    kind: UInt8[Array, "*cells"],
    there: list[Bool[Array, "*cells"]],
) -> UInt8[Array, "*cells"]:
    """Tiles with open gates and, where each is, opponents drawn over them."""
    is_open_gate = (kind == tiles.GATE) & is_gate_open(state, force)
    shown = jnp.where(is_open_gate, jnp.uint8(OPEN_GATE_SHOWN), kind)
    for who, is_there in zip(level.opponent, there, strict=True):
        code = jnp.where(who == tiles.PATROL, jnp.uint8(PATROL_SHOWN), jnp.uint8(CHASER_SHOWN))
        shown = jnp.where(is_there, code, shown)
    return shown

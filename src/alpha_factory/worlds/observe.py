"""The symbolic basis of 1024 bits that the agent sees (paper, section 3.1).

It holds what a person walking through the maze would have: the view ahead, and a map drawn of
nothing but earlier views of this episode. The map is computed from the agent's own history, so a
network without memory plays the partially observable maze with the information a recurrent
network could have gathered, and none besides.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, UInt8

from alpha_factory.worlds import tiles
from alpha_factory.worlds.level import GridLevel
from alpha_factory.worlds.state import GridState, is_in_force

VIEW = 5
"""Cells a side of the view; the agent stands in the middle of its nearest row."""
FEATURES = 1024

_KINDS_SHOWN = 16  # features a cell of the view: a tile kind each, the last one for fog
_MAP = 11  # cells a side of the map, the agent in its middle
_SLIP_MARKS = 4
_TIME_MARKS = 8
_FOG_REACH = 1  # cells ahead and to the sides that fog leaves visible

_VIEW_AHEAD, _VIEW_ASIDE = (
    offset.ravel() for offset in np.mgrid[0:VIEW, -(VIEW // 2) : VIEW // 2 + 1]
)
_MAP_AHEAD, _MAP_ASIDE = (
    offset.ravel()
    for offset in np.mgrid[-(_MAP // 2) : _MAP // 2 + 1, -(_MAP // 2) : _MAP // 2 + 1]
)


def observe(level: GridLevel, state: GridState) -> Bool[Array, " features"]:
    """What the agent sees, 1024 bits.

    Returns:
        5 x 5 view cells of 16 one-hot kinds; 11 x 11 map cells of 5 marks (known wall, known way,
        visited, known closed door, known goal); key held, mirror in force, fog in force; slip
        in 4 marks; the share of time left in 8 marks; zeros.
    """
    view = _look(level, state)[:, None] == jnp.arange(_KINDS_SHOWN, dtype=jnp.uint8)[None]

    row, column, is_inside = _cells_around(state, _MAP_AHEAD, _MAP_ASIDE)
    tile = state.tile[row, column]
    is_known = is_inside & state.seen[row, column]
    around = jnp.stack(
        [
            is_known & (tile == tiles.WALL),
            is_known & (tile != tiles.WALL),
            is_known & state.visited[row, column],
            is_known & (tile == tiles.DOOR),
            is_known & (tile == tiles.GOAL),
        ]
    )
    time_left = level.step_limit - state.time
    marks = jnp.concatenate(
        [
            jnp.stack(
                [
                    state.has_key,
                    is_in_force(level.mirror_period, state.time),
                    is_in_force(level.fog_period, state.time),
                ]
            ),
            level.slip > 0.25 / _SLIP_MARKS * jnp.arange(_SLIP_MARKS, dtype=jnp.float32),
            # In whole numbers: a compiled division need not give exactly 1 at the step limit.
            time_left * _TIME_MARKS > level.step_limit * jnp.arange(_TIME_MARKS, dtype=jnp.int32),
        ]
    )
    features = jnp.concatenate([view.ravel(), around.ravel(), marks])
    return jnp.pad(features, (0, FEATURES - features.size))


def mark_seen(level: GridLevel, state: GridState) -> GridState:
    """The state with the cells of the current view added to what has been seen."""
    row, column, is_inside = _cells_around(state, _VIEW_AHEAD, _VIEW_ASIDE)
    is_shown = is_inside & _is_clear(level, state)
    # A row out of bounds is dropped: that cell is not shown.
    row = jnp.where(is_shown, row, state.seen.shape[0])
    seen = state.seen.at[row, column].set(True, mode="drop")
    return eqx.tree_at(lambda tree: tree.seen, state, seen)


def _look(level: GridLevel, state: GridState) -> UInt8[Array, " cells"]:
    """Tile kind of every cell of the view, walls beyond the edge, and fog."""
    row, column, is_inside = _cells_around(state, _VIEW_AHEAD, _VIEW_ASIDE)
    kind = jnp.where(is_inside, state.tile[row, column], jnp.uint8(tiles.WALL))
    return jnp.where(_is_clear(level, state), kind, jnp.uint8(_KINDS_SHOWN - 1))


def _is_clear(level: GridLevel, state: GridState) -> Bool[Array, " cells"]:
    """Which cells of the view fog leaves visible."""
    is_near = (_VIEW_AHEAD <= _FOG_REACH) & (abs(_VIEW_ASIDE) <= _FOG_REACH)
    return jnp.asarray(is_near) | ~is_in_force(level.fog_period, state.time)


def _cells_around(
    state: GridState, ahead: np.ndarray, aside: np.ndarray
) -> tuple[Int32[Array, " cells"], Int32[Array, " cells"], Bool[Array, " cells"]]:
    """Row and column of the cells `ahead` and `aside` (to the right) of the agent.

    Returns:
        Rows and columns clipped into the level, and whether the cell lies in it at all.
    """
    height, width = state.tile.shape
    row_step = jnp.array(tiles.ROW_STEP, jnp.int32)[state.heading]
    column_step = jnp.array(tiles.COLUMN_STEP, jnp.int32)[state.heading]
    forward, right = jnp.asarray(ahead, jnp.int32), jnp.asarray(aside, jnp.int32)
    # Turning right takes (row, column) to (column, -row).
    row = state.position[0] + forward * row_step + right * column_step
    column = state.position[1] + forward * column_step - right * row_step
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1), is_inside

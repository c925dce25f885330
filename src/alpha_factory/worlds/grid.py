"""The grid engine: reset and step of one world, as pure functions of a level.

The plain maze follows the field's rules: turn left, turn right, forward; walls block; solved means
the goal was reached.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, PRNGKeyArray

from alpha_factory.core.types import Outcome, World
from alpha_factory.worlds import tiles
from alpha_factory.worlds.level import UNREACHABLE, GridLevel
from alpha_factory.worlds.observe import FEATURES, mark_seen, observe
from alpha_factory.worlds.state import GridState, is_in_force


def make_grid() -> World:
    """The grid world with its 1024 symbolic features and 3 actions."""
    return World(
        reset=reset,
        step=step,
        observe=observe,
        actions=tiles.ACTIONS,
        features=FEATURES,
    )


def reset(level: GridLevel, *, key: PRNGKeyArray) -> GridState:
    """The state in which every episode of the level starts; `key` is for worlds that draw one."""
    del key
    nothing = jnp.zeros(level.tile.shape, bool)
    state = GridState(
        tile=level.tile,
        position=level.start,
        heading=level.heading,
        has_key=jnp.bool_(False),
        seen=nothing,
        visited=nothing.at[level.start[0], level.start[1]].set(True),
        time=jnp.int32(0),
        is_terminated=jnp.bool_(False),
        is_truncated=jnp.bool_(False),
    )
    return mark_seen(level, state)


def step(
    level: GridLevel, state: GridState, action: Int32[Array, ""], *, key: PRNGKeyArray
) -> tuple[GridState, Outcome]:
    """One step; a finished world stays as it is and pays nothing.

    Args:
        action: 0 turn left, 1 turn right, 2 forward.

    Returns:
        The next state, and a reward in [-1, 1]: `1 - dense` for the goal, `dense` spread over the
        way by distance covered, and the penalty of a trap that fires.
    """
    key_slip, key_trap = jax.random.split(key)
    heading = _turn(level, state, action)
    is_slipping = jax.random.uniform(key_slip) < level.slip
    position, is_moved = _move(state, heading, (action == tiles.FORWARD) & ~is_slipping)
    row, column = position
    entered = state.tile[row, column]

    is_sprung = jax.random.uniform(key_trap) < level.trap_odds
    is_trapped = is_moved & (entered == tiles.TRAP) & is_sprung
    is_solved = is_moved & (entered == tiles.GOAL)
    is_terminated = is_trapped | is_solved
    time = state.time + 1
    reward = (
        _progress(level, state.position, position)
        + jnp.where(is_solved, 1.0 - level.dense, 0.0)
        - jnp.where(is_trapped, level.trap_penalty, 0.0)
    )
    left_behind = jnp.where(entered == tiles.KEY, jnp.uint8(tiles.FLOOR), entered)
    left_behind = jnp.where(entered == tiles.DOOR, jnp.uint8(tiles.OPEN_DOOR), left_behind)
    stepped = GridState(
        tile=state.tile.at[row, column].set(left_behind),
        position=position,
        heading=heading,
        has_key=state.has_key | (entered == tiles.KEY),
        seen=state.seen,
        visited=state.visited.at[row, column].set(True),
        time=time,
        is_terminated=is_terminated,
        is_truncated=(time >= level.step_limit) & ~is_terminated,
    )
    stepped = mark_seen(level, stepped)
    is_over = state.is_terminated | state.is_truncated
    kept = jax.tree.map(lambda old, new: jnp.where(is_over, old, new), state, stepped)
    outcome = Outcome(
        reward=jnp.where(is_over, 0.0, jnp.clip(reward, -1.0, 1.0)),
        is_terminated=kept.is_terminated,
        is_truncated=kept.is_truncated,
        is_solved=is_solved & ~is_over,
    )
    return kept, outcome


def _turn(level: GridLevel, state: GridState, action: Int32[Array, ""]) -> Int32[Array, ""]:
    sense = jnp.where(is_in_force(level.mirror_period, state.time), -1, 1)
    quarter = jnp.where(action == tiles.TURN_RIGHT, 1, 0) - jnp.where(
        action == tiles.TURN_LEFT, 1, 0
    )
    return (state.heading + sense * quarter) % 4


def _move(
    state: GridState, heading: Int32[Array, ""], is_pushing: Bool[Array, ""]
) -> tuple[Int32[Array, "2"], Bool[Array, ""]]:
    height, width = state.tile.shape
    towards = jnp.stack([jnp.array(tiles.ROW_STEP)[heading], jnp.array(tiles.COLUMN_STEP)[heading]])
    ahead = state.position + towards
    is_inside = (ahead[0] >= 0) & (ahead[0] < height) & (ahead[1] >= 0) & (ahead[1] < width)
    # Out of bounds is clamped by the gather; `is_inside` decides.
    tile = state.tile[ahead[0], ahead[1]]
    is_open = (tile != tiles.WALL) & ((tile != tiles.DOOR) | state.has_key)
    is_moved = is_pushing & is_inside & is_open
    return jnp.where(is_moved, ahead, state.position), is_moved


def _progress(level: GridLevel, before: Int32[Array, "2"], after: Int32[Array, "2"]) -> Array:
    """The dense part of the reward: it sums to `dense` over any way from start to goal.

    A cell farther from the goal than the start is counts as the start, so that no episode's sum
    leaves [0, dense] and getting lost costs no more than what was gained.
    """
    whole = level.distance[level.start[0], level.start[1]]
    left = jnp.minimum(level.distance[before[0], before[1]], whole)
    left_after = jnp.minimum(level.distance[after[0], after[1]], whole)
    is_known = (whole > 0) & (whole < UNREACHABLE)
    nearer = (left - left_after).astype(jnp.float32)
    share = nearer / jnp.maximum(whole, 1).astype(jnp.float32)
    return jnp.where(is_known, level.dense * share, 0.0)

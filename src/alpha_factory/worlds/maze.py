"""The plain maze at speed: what is seen from every place is found once a level, then looked up.

Three actions, walls that block, a goal that ends the episode and a step limit that cuts it: the grid engine's
rules for levels that hold nothing else, step by step the same. All that a step needs to know about a level is
in what the agent sees: whether the cell ahead is a wall or the goal. So a level is packed into one word of 32
bits for each heading and cell, 25 of them walls and 5 the goal's place in the view, and a step is a little
arithmetic and one load. `play_mazes` runs a batch through rows of actions, worlds on the last axis, so that
every operation goes over contiguous worlds.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray, UInt8, UInt32

from alpha_factory.core.errors import InvalidLevel, unknown
from alpha_factory.core.types import Outcome, World
from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.view import AGENT_SHOWN, VIEW, VIEW_BITS, view_offsets
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import WHOLE, GridLevel

LARGEST = 32
"""Most cells a side."""

_HEADINGS = len(tiles.HEADINGS)
_CELLS = VIEW * VIEW
_AGENT_IN_VIEW = _CELLS - 1 - VIEW // 2  # the nearest row comes last
_AHEAD_IN_VIEW = _AGENT_IN_VIEW - VIEW
_UP = 3  # the heading that the agent has in its own view
_NO_GOAL = 31  # in the five bits above those of the walls
_DRAWS = 4  # actions for each word of random bits
_DRAW_BITS = 30  # of a word, so that three times as much still fits into it


class MazeLevel(eqx.Module):
    """A plain maze packed for walking."""

    look: UInt32[Array, "*levels headings cells"]
    """What is seen from each cell, row by row: a bit for each wall in the order of the view, and above
    them the number of the cell of the view that holds the goal, 31 if none does."""
    start: Int32[Array, "*levels"]  # cell
    heading: Int32[Array, "*levels"]
    step_limit: Int32[Array, "*levels"]
    width: int = eqx.field(static=True)


class MazeState(eqx.Module):
    """What changes with every step."""

    cell: Int32[Array, "*worlds"]  # row * width + column
    heading: Int32[Array, "*worlds"]
    look: UInt32[Array, "*worlds"]  # the level's, from here
    time: Int32[Array, "*worlds"]  # steps taken in this episode
    is_terminated: Bool[Array, "*worlds"]
    is_truncated: Bool[Array, "*worlds"]


class MazeSteps(eqx.Module):
    """What a batch of worlds went through, a row a step.

    The goal is the only thing that pays, 1, and the only one that terminates: the reward with which
    an episode ends is its return, and 1 means solved.
    """

    view: UInt8[Array, "time cells worlds"]  # after the step, of the new episode where one ended
    heading: UInt8[Array, "time worlds"]  # the same
    reward: Float32[Array, "time worlds"]
    is_terminated: Bool[Array, "time worlds"]
    is_truncated: Bool[Array, "time worlds"]


def make_maze(*, observation: str = "view") -> World:
    """The plain maze as a world of `MazeLevel`.

    Args:
        observation: `view`, codes of 5 x 5 cells; `bits`, 54 of them: what `make_grid` shows by these names.

    Raises:
        UsageError: there is no such observation.
    """
    if observation not in _OBSERVATIONS:
        raise unknown("observation", observation, _OBSERVATIONS)
    see, features = _OBSERVATIONS[observation]
    return World(reset=reset, step=step, observe=see, actions=3, features=features)


def pack_maze(level: GridLevel) -> MazeLevel:
    """The packed form of a plain level, or of a batch of them along leading axes.

    Host code; it takes about as long as stepping once from every cell in every heading.

    Raises:
        InvalidLevel: the level is larger than 32 x 32, or has what a plain maze hasn't; the message
            names it.
    """
    _check_plain(level)
    pack = pack_unchecked
    for _ in level.tile.shape[:-2]:
        pack = jax.vmap(pack)
    packed: MazeLevel = jax.jit(pack)(level)
    return packed


def pack_unchecked(level: GridLevel) -> MazeLevel:
    """The packed form of one level that is known to be plain, as those that `draw_maze` draws are; for `jit`."""
    width = level.tile.shape[-1]
    return MazeLevel(
        look=find_looks(level.tile),
        start=level.start[0] * jnp.int32(width) + level.start[1],
        heading=level.heading,
        step_limit=level.step_limit,
        width=width,
    )


def reset(level: MazeLevel, *, key: PRNGKeyArray) -> MazeState:
    """The state in which every episode of the level starts; `key` is for worlds that draw one."""
    del key
    no = jnp.bool_(False)
    return MazeState(
        cell=level.start,
        heading=level.heading,
        look=level.look[level.heading, level.start],
        time=jnp.int32(0),
        is_terminated=no,
        is_truncated=no,
    )


def step(
    level: MazeLevel, state: MazeState, action: Int32[Array, ""], *, key: PRNGKeyArray
) -> tuple[MazeState, Outcome]:
    """One step; a finished world stays as it is and pays nothing.

    Args:
        action: 0 turn left, 1 turn right, 2 forward.
    """
    del key
    is_over = state.is_terminated | state.is_truncated
    moved = _move(level, state, action)
    kept = jax.tree.map(lambda old, new: jnp.where(is_over, old, new), state, _look(level, moved))
    is_solved = moved.is_terminated & ~is_over
    return kept, _tell(kept, is_solved)


def step_again(
    level: MazeLevel, state: MazeState, action: Int32[Array, ""]
) -> tuple[MazeState, Outcome]:
    """One step, and back to the start within it if it ended the episode.

    Returns:
        The state to go on from, and the outcome of the step itself.
    """
    moved = _move(level, state, action)
    is_over = moved.is_terminated | moved.is_truncated
    going = MazeState(
        cell=jnp.where(is_over, level.start, moved.cell),
        heading=jnp.where(is_over, level.heading, moved.heading),
        look=moved.look,
        time=jnp.where(is_over, 0, moved.time),
        is_terminated=jnp.bool_(False),
        is_truncated=jnp.bool_(False),
    )
    return _look(level, going), _tell(moved, moved.is_terminated)


def observe(level: MazeLevel, state: MazeState) -> UInt8[Array, "side side"]:
    """What the agent sees, ahead at the top: floor, wall, goal, and itself, coded as in the grid."""
    del level
    return show_look(state.look).reshape(VIEW, VIEW)


def observe_bits(level: MazeLevel, state: MazeState) -> Bool[Array, " features"]:
    """What the agent sees: which of 25 cells are walls, which is the goal, and its heading, a bit for each."""
    del level
    number = jnp.arange(_CELLS, dtype=jnp.uint32)
    is_wall = ((state.look >> number) & jnp.uint32(1)) != 0
    # The agent's own cell shows the agent, be it on floor or at the goal.
    is_goal = ((state.look >> jnp.uint32(_CELLS)) == number) & (number != _AGENT_IN_VIEW)
    return jnp.concatenate([is_wall, is_goal, jnp.arange(_HEADINGS) == state.heading])


def show_look(look: UInt32[Array, "*worlds"]) -> UInt8[Array, "cells *worlds"]:
    """The cells of the view, one after the other, that a level's words stand for."""
    number = jnp.arange(_CELLS, dtype=jnp.uint32).reshape((_CELLS,) + (1,) * look.ndim)
    is_wall = ((look[None] >> number) & jnp.uint32(1)).astype(jnp.uint8)
    is_goal = (look[None] >> jnp.uint32(_CELLS)) == number
    shown = jnp.where(is_goal, jnp.uint8(tiles.GOAL), is_wall * jnp.uint8(tiles.WALL))
    return jnp.where(number == _AGENT_IN_VIEW, jnp.uint8(AGENT_SHOWN + _UP), shown)


def play_mazes(
    level: MazeLevel, state: MazeState, action: Int32[Array, "time worlds"]
) -> tuple[MazeState, MazeSteps]:
    """Step a batch through rows of actions; a world that ends goes on from its start.

    Args:
        level: one for each world, or a single one, without their axis, for all of them.
    """
    level_axis = None if level.start.ndim == 0 else 0
    walk = jax.vmap(step_again, in_axes=(level_axis, 0, 0))

    def play(state: MazeState, action: Int32[Array, " worlds"]) -> tuple[MazeState, Any]:
        state, outcome = walk(level, state, action)
        seen = show_look(state.look), state.heading.astype(jnp.uint8)
        return state, (*seen, outcome.is_terminated, outcome.is_truncated)

    state, (view, heading, is_terminated, is_truncated) = jax.lax.scan(play, state, action)
    reward = is_terminated.astype(jnp.float32)
    return state, MazeSteps(view, heading, reward, is_terminated, is_truncated)


def draw_actions(steps: int, worlds: int, *, key: PRNGKeyArray) -> Int32[Array, "steps worlds"]:
    """Actions at random, each as likely as the others to within 1e-7.

    Four come from a word of random bits: its first 30 as a fraction, written in base three.
    """
    words = -(-steps // _DRAWS)
    fraction = jax.random.bits(key, (words, worlds), jnp.uint32) >> (32 - _DRAW_BITS)
    digits = []
    for _ in range(_DRAWS):
        fraction = fraction * jnp.uint32(3)
        digits.append(fraction >> _DRAW_BITS)
        fraction = fraction & jnp.uint32((1 << _DRAW_BITS) - 1)
    return jnp.stack(digits, axis=1).reshape(-1, worlds)[:steps].astype(jnp.int32)


def find_looks(tile: UInt8[Array, "height width"]) -> UInt32[Array, "headings cells"]:
    """The words of `MazeLevel.look`, for tiles that are floor, wall or goal."""
    height, width = tile.shape
    framed = jnp.pad(tile, VIEW - 1, constant_values=tiles.WALL)
    looks = []
    for ahead, right in zip(range(_HEADINGS), (1, 2, 3, 0), strict=True):
        look = jnp.zeros(height * width, jnp.uint32)
        goal = jnp.full(height * width, _NO_GOAL, jnp.uint32)
        for number, (far, aside) in enumerate(zip(*view_offsets(VIEW), strict=True)):
            top = VIEW - 1 + far * tiles.ROW_STEP[ahead] + aside * tiles.ROW_STEP[right]
            left = VIEW - 1 + far * tiles.COLUMN_STEP[ahead] + aside * tiles.COLUMN_STEP[right]
            seen = framed[top : top + height, left : left + width].ravel()
            look = look | ((seen == tiles.WALL).astype(jnp.uint32) << jnp.uint32(number))
            goal = jnp.where(seen == tiles.GOAL, jnp.uint32(number), goal)
        looks.append(look | (goal << jnp.uint32(_CELLS)))
    return jnp.stack(looks)


_OBSERVATIONS = {"view": (observe, _CELLS), "bits": (observe_bits, VIEW_BITS)}


def _move(level: MazeLevel, state: MazeState, action: Int32[Array, ""]) -> MazeState:
    """The state after a step, with the look from before it."""
    ahead = jnp.uint32(_AHEAD_IN_VIEW)
    is_blocked = ((state.look >> ahead) & jnp.uint32(1)) != 0
    is_moved = (action == tiles.FORWARD) & ~is_blocked
    is_solved = is_moved & ((state.look >> jnp.uint32(_CELLS)) == ahead)
    right = (action == tiles.TURN_RIGHT).astype(jnp.int32)
    left = (action == tiles.TURN_LEFT).astype(jnp.int32)
    stride = _stride(state.heading, level.width)
    time = state.time + 1
    return MazeState(
        cell=jnp.where(is_moved, state.cell + stride, state.cell),
        heading=(state.heading + right - left) & (_HEADINGS - 1),
        look=state.look,
        time=time,
        is_terminated=is_solved,
        is_truncated=(time >= level.step_limit) & ~is_solved,
    )


def _stride(heading: Int32[Array, ""], width: int) -> Int32[Array, ""]:
    """From a cell to the next one ahead: arithmetic, since a table would be a second load."""
    steps = zip(tiles.ROW_STEP, tiles.COLUMN_STEP, strict=True)
    strides = [down * width + right for down, right in steps]
    low = jnp.where(heading == 0, strides[0], strides[1])
    high = jnp.where(heading == 2, strides[2], strides[3])
    return jnp.where(heading < 2, low, high)


def _look(level: MazeLevel, state: MazeState) -> MazeState:
    # A cell is never out of bounds: beyond the edge all is wall.
    place = state.heading * jnp.int32(level.look.shape[-1]) + state.cell
    look = level.look.ravel().at[place].get(mode="promise_in_bounds")
    return eqx.tree_at(lambda tree: tree.look, state, look)


def _tell(state: MazeState, is_solved: Bool[Array, ""]) -> Outcome:
    return Outcome(
        reward=is_solved.astype(jnp.float32),
        is_terminated=state.is_terminated,
        is_truncated=state.is_truncated,
        is_solved=is_solved,
    )


def _check_plain(level: GridLevel) -> None:
    """Raise unless the grid engine would play every one of these levels as a plain maze."""
    tile = np.asarray(level.tile)
    height, width = tile.shape[-2:]
    if max(height, width) > LARGEST:
        rule = f"at most {LARGEST} x {LARGEST} cells (rows x columns) for the plain maze"
        raise InvalidLevel("map", rule, f"{height} x {width}")
    is_odd = ~np.isin(tile, (tiles.FLOOR, tiles.WALL, tiles.GOAL))
    if is_odd.any():
        *_, row, column = np.argwhere(is_odd)[0].tolist()
        found = f"{tiles.NAMES[tile[is_odd][0]]} in row {row + 1}, column {column + 1}"
        raise InvalidLevel("tile", "floor, wall or goal in a plain maze", found)
    goals = (tile == tiles.GOAL).sum(axis=(-2, -1))
    if (goals != 1).any():
        raise InvalidLevel("goal", "on exactly one cell of a plain maze", goals[goals != 1][0])
    start = np.asarray(level.start).reshape(-1, 2)
    beneath = tile.reshape(-1, height, width)[np.arange(len(start)), start[:, 0], start[:, 1]]
    if (beneath != tiles.FLOOR).any():
        found = tiles.NAMES[beneath[beneath != tiles.FLOOR][0]]
        raise InvalidLevel("start", "on a floor tile", found)
    physics, reward, rules = level.physics, level.reward, level.rules
    in_force = (rules.trigger != dsl.NEVER) & (rules.effect != dsl.NOTHING)
    for field, value, plain in (
        ("opponent", level.opponent, tiles.NOBODY),
        ("rules in force", in_force, False),
        ("physics.gravity", physics.gravity, 0),
        ("physics.wind", physics.wind, 0),
        ("physics.drag", physics.drag, 0),
        ("physics.friction", physics.friction, WHOLE),
        ("physics.restitution", physics.restitution, 0),
        ("physics.slip", physics.slip, 0.0),
        ("reward.goal", reward.goal, 1.0),
        ("reward.dense", reward.dense, 0.0),
        ("reward.step_cost", reward.step_cost, 0.0),
        ("reward.is_hidden", reward.is_hidden, False),
    ):
        is_special = np.asarray(value) != plain
        if is_special.any():
            special = np.asarray(value)[is_special][0].item()
            raise InvalidLevel(field, f"{plain} in a plain maze", special)

"""A maze under construction as a world: who plays it builds, cell by cell, what another plays afterwards.

An episode is one maze. An action is a cell, counted row by row: walls first, then the goal, then the agent's start
(the order "goal last" of the environments in which PAIRED is compared, Dennis et al. 2020). It pays nothing; what a
maze is worth its players tell.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray

from alpha_factory.core.types import Outcome, World
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.plain import assemble

_LUCK = 50  # random numbers seen beside the maze, so that the same policy can build different ones
_NOT_YET = -1


class BuildState(eqx.Module):
    """What stands so far."""

    is_wall: Bool[Array, "*worlds cells"]
    goal: Int32[Array, "*worlds"]  # cell, or -1 before it is placed
    start: Int32[Array, "*worlds"]  # the same of the agent
    luck: Float32[Array, "*worlds draws"]  # in [0, 1), new at every step
    time: Int32[Array, "*worlds"]
    is_terminated: Bool[Array, "*worlds"]
    is_truncated: Bool[Array, "*worlds"]  # never: a maze is built to its end


def make_building(*, side: int, walls: int) -> World:
    """Mazes of side x side cells in the making; an episode is `walls` + 2 steps.

    The level of this world is an empty room, as `draw_maze(walls=0)` draws it: what is built keeps its heading and
    its step limit. A wall on a wall changes nothing, so that there are at most `walls`. Goal and agent take the
    place of a wall; an agent put on the goal goes to a free cell drawn uniformly, so that each maze built has one
    goal and its start elsewhere. Whether a way leads from one to the other is the builder's business.

    Returns:
        A world whose observations are bits of walls, goal and start for each cell, the share of the steps taken,
        and 50 random numbers.

    Raises:
        ValueError: so many walls leave no room for the agent and the goal.
    """
    cells, steps = side * side, walls + 2
    if not 0 <= walls <= cells - 2:
        raise ValueError(
            f"walls={walls} in a maze of {side} x {side} cells: from 0 to {cells - 2} leave room "
            "for the agent and the goal."
        )
    number = jnp.arange(cells, dtype=jnp.int32)

    def reset(level: GridLevel, *, key: PRNGKeyArray) -> BuildState:
        del level
        nowhere, no = jnp.int32(_NOT_YET), jnp.bool_(False)
        luck = jax.random.uniform(key, (_LUCK,))
        return BuildState(jnp.zeros(cells, bool), nowhere, nowhere, luck, jnp.int32(0), no, no)

    def step(
        level: GridLevel, state: BuildState, action: Int32[Array, ""], *, key: PRNGKeyArray
    ) -> tuple[BuildState, Outcome]:
        del level
        key_cell, key_luck = jax.random.split(key)
        is_goal, is_start = state.time == walls, state.time == walls + 1
        is_wall = state.is_wall.at[action].set(state.time < walls)
        is_free = ~is_wall & (number != state.goal)
        order = jax.random.randint(key_cell, (cells,), 0, jnp.iinfo(jnp.int32).max)
        elsewhere = jnp.argmax(jnp.where(is_free, order, -1)).astype(jnp.int32)
        start = jnp.where(action == state.goal, elsewhere, action)
        built = BuildState(
            is_wall=is_wall,
            goal=jnp.where(is_goal, action, state.goal),
            start=jnp.where(is_start, start, state.start),
            luck=jax.random.uniform(key_luck, (_LUCK,)),
            time=state.time + 1,
            is_terminated=state.time + 1 >= steps,
            is_truncated=jnp.bool_(False),
        )
        kept = jax.tree.map(lambda old, new: jnp.where(state.is_terminated, old, new), state, built)
        no = jnp.bool_(False)
        return kept, Outcome(jnp.float32(0.0), kept.is_terminated, no, no)

    def observe(level: Any, state: BuildState) -> Float32[Array, " features"]:
        del level
        bits = jnp.concatenate([state.is_wall, number == state.goal, number == state.start])
        share = state.time.astype(jnp.float32)[None] / steps
        return jnp.concatenate([bits.astype(jnp.float32), share, state.luck])

    features = 3 * cells + 1 + _LUCK
    return World(reset=reset, step=step, observe=observe, actions=cells, features=features)


def finish_building(level: GridLevel, state: BuildState) -> GridLevel:
    """What was built, as a level to be played.

    Args:
        level: the empty room that it was built in.
        state: of an episode that has ended.
    """
    is_wall = state.is_wall.reshape(level.tile.shape)
    return assemble(level, is_wall, start=state.start, heading=level.heading, goal=state.goal)

"""Plain mazes on the device: drawn at random, and put together from walls, a start and a goal.

Levels of floor, walls, one goal and the agent, within the walls that pad a level's arrays.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.reach import UNREACHABLE
from alpha_factory.worlds.levels.settings import measure_ways
from alpha_factory.worlds.levels.text import from_text

MOST_WALLS = 25
"""Walls that a maze of 13 x 13 has unless told otherwise, each a cell."""

NUMBERS_OF_WALLS = ("at most", "exactly", "overlapping")


def draw_maze(
    *,
    side: int = 13,
    walls: int = MOST_WALLS,
    number: str = "at most",
    step_limit: int = 250,
    key: PRNGKeyArray,
) -> GridLevel:
    """A maze drawn evenly: first how many walls, then cells for them, the goal and the agent, and a heading.

    No cell is drawn twice. With `walls=0` it is the empty room from which ACCEL starts. Some mazes have no way to
    the goal: those for which `shortest_walk` says -1.

    Args:
        number: of the walls. `at most`: from 0 to `walls`, each as likely; `exactly`; `overlapping`: as many as
            are different among so many draws of a cell, as JaxUED does.

    Raises:
        UsageError: there is no such way to choose the number.
        ValueError: so many walls leave no room for the agent and the goal.
    """
    if number not in NUMBERS_OF_WALLS:
        raise unknown("number of walls", number, NUMBERS_OF_WALLS)
    cells = side * side
    if not 0 <= walls <= cells - 2:
        raise ValueError(
            f"walls={walls} in a maze of {side} x {side} cells: from 0 to {cells - 2} leave room "
            "for the agent and the goal."
        )
    key_walls, key_cells, key_heading = jax.random.split(key, 3)
    if number == "at most":
        there = jax.random.randint(key_walls, (), 0, walls + 1)
    elif number == "exactly":
        there = jnp.int32(walls)
    else:
        drawn = jax.random.randint(key_walls, (walls,), 0, cells)
        there = jnp.sum(jnp.zeros(cells, bool).at[drawn].set(True), dtype=jnp.int32)
    # Each cell has a number of its own, so whoever is known by a number has a cell of its own.
    order = jax.random.permutation(key_cells, jnp.arange(cells, dtype=jnp.int32))
    plain = from_text(
        ">G", side=side, step_limit=step_limit
    )  # for all that is as in any plain maze
    return assemble(
        dataclasses.replace(plain, size=jnp.full(2, side, jnp.int32)),
        (order < there).reshape(side, side),
        start=jnp.argmax(order == walls + 1).astype(jnp.int32),
        heading=jax.random.randint(key_heading, (), 0, len(tiles.HEADINGS)),
        goal=jnp.argmax(order == walls).astype(jnp.int32),
    )


def assemble(
    level: GridLevel,
    is_wall: Bool[Array, "height width"],
    *,
    start: Int32[Array, ""],
    heading: Int32[Array, ""],
    goal: Int32[Array, ""],
) -> GridLevel:
    """The level with another map; start and goal are cells, counted row by row."""
    start, goal = (jnp.stack(jnp.divmod(one, is_wall.shape[1])) for one in (start, goal))
    tile = jnp.where(is_wall, jnp.uint8(tiles.WALL), jnp.uint8(tiles.FLOOR))
    tile = tile.at[goal[0], goal[1]].set(jnp.uint8(tiles.GOAL))
    return dataclasses.replace(
        level,
        tile=tile,
        start=start,
        heading=heading,
        goal=goal,
        distance=measure_ways(tile, goal),
    )


def measure_maze(level: GridLevel) -> tuple[Int32[Array, ""], Float32[Array, ""]]:
    """Walls within the level's own size, and cells from the start to the goal: infinitely many if there is no way."""
    height, width = level.tile.shape
    is_own = (jnp.arange(height)[:, None] < level.size[0]) & (
        jnp.arange(width)[None] < level.size[1]
    )
    walls = jnp.sum((level.tile == tiles.WALL) & is_own, dtype=jnp.int32)
    cells = level.distance[level.start[0], level.start[1]].astype(jnp.float32)
    return walls, jnp.where(cells < UNREACHABLE, cells, jnp.inf)

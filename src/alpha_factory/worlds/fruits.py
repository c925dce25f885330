"""A maze that ends in a choice of two fruits, of which one is good, and nothing shows which (Jiang et al. 2022).

A plain maze with a banana, which is its goal, and near it an apple, a decoy: whichever is entered ends the episode.
Which of them is good is drawn with the level, the apple with the chance q. A good banana pays 1, a good apple 0.3, and
what is not good nothing: the published 10 and 3, in tenths. With the published q = 0.7 a banana is worth 0.3 on average
and an apple 0.21, so that who knows the odds takes the banana (up to q = 10/13); a level is solved by it.

The grid engine plays these levels. What is hidden lies in their `reward`, which no observation shows, and comes to
light when a fruit is eaten.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, PRNGKeyArray

from alpha_factory.core.types import World
from alpha_factory.worlds.grid.engine import make_grid
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.grid.view import VIEW, VIEW_BITS, show_bits, show_view
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.plain import MOST_WALLS, draw_maze
from alpha_factory.worlds.levels.settings import measure_ways
from alpha_factory.worlds.small_mazes import make_small_mazes, mark_turned, observe_turned

ODDS = 0.7
"""q, as published."""

APPLE_PAYS, BANANA_PAYS = 0.3, 1.0

_APPLE_BITS = 56  # 50 and what fills the last byte
_NEAR = 2  # rows and columns together from the banana to the apple


def make_fruits(*, is_whole: bool = False, pays_hidden: bool = False) -> World:
    """The grid world as it is seen here: the 54 bits of a plain maze, and 25 for the cells of the view with an apple.

    Args:
        is_whole: it is seen whole, as `make_small_mazes` shows mazes, with 50 bits for where the apple is and 6 that
            are never set.
        pays_hidden: as `make_grid` takes it.
    """
    if is_whole:
        mazes = make_small_mazes(pays_hidden=pays_hidden)
        assert mazes.features is not None
        return mazes._replace(observe=observe_all_fruits, features=mazes.features + _APPLE_BITS)
    world = make_grid(observation="bits", pays_hidden=pays_hidden)
    return world._replace(observe=observe_fruits, features=VIEW_BITS + VIEW * VIEW)


def draw_fruits(
    *,
    side: int = 13,
    walls: int = MOST_WALLS,
    number: str = "at most",
    step_limit: int = 250,
    odds: int | float = ODDS,
    key: PRNGKeyArray,
) -> GridLevel:
    """A maze as `draw_maze` draws it, with an apple, and which fruit is good.

    Args:
        odds: q.

    Raises:
        UsageError: there is no such way to choose the number of walls.
        ValueError: so many walls leave no room for the agent and both fruits.
    """
    if walls > side * side - 3:
        raise ValueError(
            f"walls={walls} in a maze of {side} x {side} cells: {side * side - 3} at most leave room "
            "for the agent and both fruits."
        )
    key_maze, key_apple, key_good = jax.random.split(key, 3)
    maze = draw_maze(side=side, walls=walls, number=number, step_limit=step_limit, key=key_maze)
    return draw_good(place_apple(maze, key=key_apple), odds=odds, key=key_good)


def place_apple(level: GridLevel, *, key: PRNGKeyArray) -> GridLevel:
    """The maze with an apple on a free cell at most two steps from the banana; on any free one if there is none.

    It takes the place of one that was there. A maze without a free cell stays as it is.
    """
    height, width = level.tile.shape
    row, column = jnp.mgrid[:height, :width].astype(jnp.int32)
    is_start = (row == level.start[0]) & (column == level.start[1])
    plain = jnp.where(level.tile == tiles.DECOY, jnp.uint8(tiles.FLOOR), level.tile)
    is_free = (plain == tiles.FLOOR) & ~is_start
    is_near = jnp.abs(row - level.goal[0]) + jnp.abs(column - level.goal[1]) <= _NEAR
    draw = jax.random.uniform(key, level.tile.shape) + is_near.astype(jnp.float32)
    chosen = jnp.argmax(jnp.where(is_free, draw, -1.0).ravel())
    is_apple = (jnp.arange(height * width) == chosen).reshape(height, width) & is_free
    tile = jnp.where(is_apple, jnp.uint8(tiles.DECOY), plain)
    return dataclasses.replace(level, tile=tile, distance=measure_ways(tile, level.goal))


def draw_good(level: GridLevel, *, odds: int | float, key: PRNGKeyArray) -> GridLevel:
    """The level with the good fruit drawn anew, the apple with the chance `odds`: from the prior."""
    return _pay(level, jax.random.bernoulli(key, odds).astype(jnp.float32))


def guess_good(
    level: GridLevel, state: GridState, *, odds: int | float, key: PRNGKeyArray
) -> GridLevel:
    """The level with the good fruit drawn given all that the episode has shown: from the posterior.

    That is the prior until a fruit was eaten, and then what is the case.
    """
    guessed = draw_good(level, odds=odds, key=key)
    is_shown = state.is_terminated
    reward = jax.tree.map(
        lambda true, other: jnp.where(is_shown, true, other), level.reward, guessed.reward
    )
    return dataclasses.replace(level, reward=reward)


def expect_good(level: GridLevel, *, odds: int | float = ODDS) -> GridLevel:
    """The level in which each fruit pays what it is worth on average.

    Nothing tells good from bad before the episode ends, so every policy earns there what it earns on average where one
    of the two is good, and the oracle's optimum of this level is the most that can be earned under the odds.
    """
    return _pay(level, jnp.float32(odds))


def observe_fruits(level: GridLevel, state: GridState) -> Bool[Array, " features"]:
    """What the agent sees: walls, goal and heading as `make_maze` shows them by bits, and where an apple is."""
    is_apple = show_view(level, state, VIEW) == tiles.DECOY
    return jnp.concatenate([show_bits(level, state), is_apple.ravel()])


def observe_all_fruits(level: GridLevel, state: GridState) -> Bool[Array, " features"]:
    """All of a maze as the agent stands in it, the goal, and how far ahead and to the right an apple is."""
    is_apple = level.tile == tiles.DECOY
    place = jnp.stack(jnp.unravel_index(jnp.argmax(is_apple), is_apple.shape)).astype(jnp.int32)
    apple = mark_turned(place, state) & jnp.any(is_apple)
    apple = jnp.pad(apple, (0, _APPLE_BITS - apple.size))
    return jnp.concatenate([observe_turned(level, state), apple])


def _pay(level: GridLevel, chance: Float32[Array, ""]) -> GridLevel:
    """Pays for an apple that is good with this chance."""
    reward = dataclasses.replace(
        level.reward, goal=(1.0 - chance) * BANANA_PAYS, decoy=chance * APPLE_PAYS
    )
    return dataclasses.replace(level, reward=reward)

"""How opponents move: patrols go up and down their line, chasers come nearer."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.force import Force, unit_vector
from alpha_factory.worlds.grid.motion import tile_at
from alpha_factory.worlds.grid.settle import settle
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel

OPEN_TILES = (
    *(tiles.FLOOR, tiles.TRAP, tiles.OPEN_DOOR, tiles.ICE, tiles.BUTTON, tiles.COIN),
    *range(tiles.CONVEYOR, tiles.CONVEYOR + 4),
)
"""What opponents walk on; traps, buttons, coins and conveyors do nothing to them."""


def move_opponents(
    level: GridLevel, state: GridState, force: Force
) -> tuple[Int32[Array, "opponents 2"], Int32[Array, " opponents"]]:
    """Places and headings after a step, from those before it.

    A patrol that finds its way blocked turns about, which takes its step. A chaser goes along the
    axis in which the agent is farther away, else along the other.
    """
    place, heading = jax.vmap(partial(_move_one, state, force))(
        level.opponent, level.opponent_pace, state.opponent, state.opponent_heading
    )
    return settle((place, heading))


def is_caught(
    level: GridLevel,
    before: GridState,
    opponent: Int32[Array, "opponents 2"],
    position: Int32[Array, "2"],
) -> Bool[Array, ""]:
    """Whether an opponent and the agent met in one cell, or changed places."""
    is_met = jnp.all(opponent == position[None], axis=1)
    is_crossed = jnp.all(before.opponent == position[None], axis=1) & jnp.all(
        opponent == before.position[None], axis=1
    )
    return jnp.any((is_met | is_crossed) & (level.opponent != tiles.NOBODY))


def _move_one(
    state: GridState,
    force: Force,
    who: Int32[Array, ""],
    pace: Int32[Array, ""],
    place: Int32[Array, "2"],
    heading: Int32[Array, ""],
) -> tuple[Int32[Array, "2"], Int32[Array, ""]]:
    is_chaser = who == tiles.CHASER
    pace = jnp.where(force.has(dsl.HURRY), 1, jnp.maximum(pace, 1))
    is_moving = (who != tiles.NOBODY) & (state.time % pace == 0) & ~force.has(dsl.CALM)

    gap = state.position - place
    gap = jnp.where(force.has(dsl.FLEE), -gap, gap)
    down = jnp.where(gap[0] > 0, 1, 3)
    across = jnp.where(gap[1] > 0, 0, 2)
    is_down = jnp.abs(gap[0]) >= jnp.abs(gap[1])
    first = jnp.where(is_chaser, jnp.where(is_down, down, across), heading)
    second = jnp.where(is_chaser, jnp.where(is_down, across, down), heading)
    # A chaser in the agent's own cell stays.
    is_apart = ~is_chaser | jnp.any(gap != 0)
    is_first_open = is_apart & _is_open(state, place + unit_vector(first))
    # A chaser level with the agent has nowhere to go on the other axis.
    is_wanted = jnp.where(is_down, gap[1], gap[0]) != 0
    is_second_open = is_chaser & is_wanted & _is_open(state, place + unit_vector(second))
    chosen = jnp.where(is_first_open, first, second)
    step = jnp.where(
        is_moving & (is_first_open | is_second_open), unit_vector(chosen), jnp.zeros(2, jnp.int32)
    )
    turned = jnp.where(is_chaser | is_first_open, chosen, (heading + 2) % 4)
    return place + step, jnp.where(is_moving, turned, heading)


def _is_open(state: GridState, place: Int32[Array, "2"]) -> Bool[Array, ""]:
    return tiles.is_among(tile_at(state, place), OPEN_TILES)

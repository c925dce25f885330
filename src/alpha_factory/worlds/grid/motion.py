"""How the agent's body moves in one step: velocity, walls, boxes. Whole numbers throughout.

Lengths are in 1/16 of a cell, shares in 1/256, so that every machine gives the same bits. The body
fills a cell: towards a blocked neighbour it stops in the middle of its own. At most one border
between cells is crossed in a step.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.force import Force, unit_vector
from alpha_factory.worlds.grid.settle import settle
from alpha_factory.worlds.grid.state import KIND_BITS, GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import UNIT, WHOLE, GridLevel

WIND_STEPS = 4
"""The wind rests for as many steps, and then blows for as many."""

_PULL = 4  # acceleration of the rule that pulls
_HARD = UNIT // 2  # speed from which running into something is a bump
_HORIZONTAL, _VERTICAL = 1, 0  # axes of a place


class Motion(eqx.Module):
    """Where a step took the body."""

    position: Int32[Array, "2"]
    offset: Int32[Array, "2"]
    velocity: Int32[Array, "2"]
    entered: Int32[Array, ""]  # kind of the cell entered, as it was; -1 if none was
    box_to: Int32[Array, "2"]  # where a box was pushed; (-1, -1) if none was
    box_onto: Int32[Array, ""]  # kind of tile that it was pushed onto; -1 if none was
    is_bumped: Bool[Array, ""]


def move(
    level: GridLevel,
    state: GridState,
    force: Force,
    *,
    way: Int32[Array, ""],
    is_pushing: Bool[Array, ""],
) -> Motion:
    """One step of the body, which wants to go a cell in the heading `way` if it pushes."""
    velocity = settle(_accelerate(level, state, force, way, is_pushing))
    return settle(_travel(level, state, force, way, velocity))


def tile_at(state: GridState, place: Int32[Array, "2"]) -> Int32[Array, ""]:
    """Kind of the tile at a place; walls lie beyond the edge."""
    height, width = state.cell.shape
    row, column = place
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    # Out of bounds is clamped by the gather; `is_inside` decides.
    kind = (state.cell[row, column] & KIND_BITS).astype(jnp.int32)
    return jnp.where(is_inside, kind, tiles.WALL)


def take_share(number: Int32[Array, "*axes"], share: Int32[Array, "..."]) -> Int32[Array, "*axes"]:
    """A share of a number, in 1/256, rounded away from 0: what decays comes to rest."""
    return jnp.sign(number) * ((jnp.abs(number) * share + WHOLE - 1) // WHOLE)


def _accelerate(
    level: GridLevel,
    state: GridState,
    force: Force,
    way: Int32[Array, ""],
    is_pushing: Bool[Array, ""],
) -> Int32[Array, "2"]:
    """The velocity that legs, ground, gravity, wind and drag make of the old one.

    Friction ties the velocity to that of the legs on the ground, and the ground of a conveyor
    moves.
    """
    physics, velocity = level.physics, state.velocity
    under = tile_at(state, state.position)

    belt = jnp.where(under >= tiles.CONVEYOR, unit_vector(under - tiles.CONVEYOR), 0)
    belt = jnp.where(force.has(dsl.RETURN), -belt, belt)
    belt = jnp.where(force.has(dsl.HALT), 0, belt) + force.carry
    speed = jnp.where(force.has(dsl.MUD), UNIT // 2, UNIT)
    legs = jnp.where(is_pushing & ~force.has(dsl.FREEZE), speed, 0) * unit_vector(way)
    wanted = jnp.clip(legs + UNIT * belt, -UNIT, UNIT)

    is_ice = (under == tiles.ICE) | force.has(dsl.GLAZE)
    # Whoever stands still on ice can push off; whoever slides can't steer.
    on_ice = jnp.where(jnp.any(velocity != 0), 0, WHOLE)
    grip = jnp.where(is_ice, on_ice, physics.friction)
    velocity = velocity + take_share(wanted - velocity, grip)

    gravity = jnp.where(force.has(dsl.FLIP), -physics.gravity, physics.gravity)
    is_blowing = ((state.time // WIND_STEPS) % 2 == 1) & ~force.has(dsl.DROP)
    wind = jnp.where(is_blowing, physics.wind, 0)
    drag = take_share(velocity, jnp.abs(velocity) * physics.drag // UNIT)
    return jnp.clip(velocity - drag + gravity + _PULL * force.pull + wind, -UNIT, UNIT)


def _travel(
    level: GridLevel,
    state: GridState,
    force: Force,
    way: Int32[Array, ""],
    velocity: Int32[Array, "2"],
) -> Motion:
    side = jnp.sign(velocity)
    away = state.offset + velocity
    is_crossing = away * side >= UNIT // 2
    speed = jnp.abs(velocity)
    is_level = speed[_HORIZONTAL] == speed[_VERTICAL]
    prefers_across = (speed[_HORIZONTAL] > speed[_VERTICAL]) | (is_level & (way % 2 == 0))
    is_across = jnp.where(
        is_crossing[_VERTICAL] == is_crossing[_HORIZONTAL],
        prefers_across,
        is_crossing[_HORIZONTAL],
    )
    is_main = jnp.stack([~is_across, is_across])

    ahead = side[:, None] * jnp.eye(2, dtype=jnp.int32)
    kinds = jnp.stack([tile_at(state, state.position + step) for step in ahead])
    is_open = jnp.stack(
        [_can_enter(level, state, force, kinds[axis], ahead[axis]) for axis in range(2)]
    )
    main = jnp.sum(jnp.where(is_main[:, None], ahead, 0), axis=0)
    box_to = state.position + 2 * main
    box_onto = tile_at(state, box_to)
    is_box = jnp.where(is_across, kinds[_HORIZONTAL], kinds[_VERTICAL]) == tiles.BOX
    can_push = (
        is_box
        & ((box_onto == tiles.FLOOR) | (box_onto == tiles.BUTTON) | (box_onto == tiles.LAVA))
        & ~jnp.any(
            jnp.all(state.opponent == box_to[None], axis=1) & (level.opponent != tiles.NOBODY)
        )
        & ~force.has(dsl.WEIGH)
    )
    is_open = is_open & ((kinds != tiles.BOX) | (can_push & is_main))

    is_blocked = (away * side > 0) & ~is_open
    bounce = jnp.where(force.has(dsl.BOUNCE), WHOLE, level.physics.restitution)
    back = side * (speed * bounce // WHOLE)
    is_entering = is_crossing & is_open & is_main
    # Only one border is crossed: the other axis waits.
    away = jnp.where(is_crossing & ~is_main, state.offset, away)
    away = jnp.where(is_entering, away - UNIT * side, jnp.where(is_blocked, 0, away))
    has_entered = jnp.any(is_entering)
    has_pushed = has_entered & can_push
    return Motion(
        position=state.position + jnp.where(is_entering, side, 0),
        offset=away,
        velocity=jnp.where(is_blocked, -back, velocity),
        entered=jnp.where(
            has_entered, jnp.where(is_across, kinds[_HORIZONTAL], kinds[_VERTICAL]), -1
        ),
        box_to=jnp.where(has_pushed, box_to, -1),
        box_onto=jnp.where(has_pushed, box_onto, -1),
        is_bumped=jnp.any(is_blocked & (speed >= _HARD)),
    )


def _can_enter(
    level: GridLevel,
    state: GridState,
    force: Force,
    kind: Int32[Array, ""],
    step: Int32[Array, "2"],
) -> Bool[Array, ""]:
    """Whether a body may go one step onto a tile, boxes left aside."""
    place = state.position + step
    is_inside = jnp.all((place >= 0) & (place < level.size))
    is_dry = place[0] < level.size[0] - force.tide
    is_gate_open = (state.is_open | force.has(dsl.LIFT)) & ~force.has(dsl.SHUT)
    heading = kind - tiles.ONE_WAY
    is_one_way = (heading >= 0) & (heading < 4)
    is_shut = (
        ((kind == tiles.WALL) & ~force.has(dsl.GHOST))
        | ((kind == tiles.DOOR) & (~state.has_key | force.has(dsl.JAM)))
        | ((kind == tiles.GATE) & ~is_gate_open)
        | ((kind == tiles.GOAL) & force.has(dsl.CURFEW))
        | (is_one_way & jnp.any(unit_vector(heading) != step))
    )
    return is_inside & is_dry & ~is_shut

"""Observations: the symbolic basis of 1024 bits, codes of cells, pixels.

The symbolic basis (paper, section 3.1) holds what a person walking through the world would have:
the view ahead, and a map drawn of nothing but the views of this episode. The map is computed from
the agent's own history, so a network without memory plays the partially observable world with the
information a recurrent network could have gathered, and none besides.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, Shaped, UInt8, UInt32

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.force import Force, find_force, unit_vector
from alpha_factory.worlds.grid.pixels import PIXELS, make_pixels
from alpha_factory.worlds.grid.settle import settle
from alpha_factory.worlds.grid.state import KIND_BITS, SEEN_BIT, VISITED_BIT, GridState
from alpha_factory.worlds.grid.view import (
    VIEW,
    VIEW_BITS,
    Offsets,
    cells_around,
    is_clear,
    is_gate_open,
    opponents_around,
    show_all,
    show_bits,
    show_view,
    view_directions,
)
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import UNIT, GridLevel

FEATURES = 1024
"""Bits of the symbolic basis."""

_MAP = 11  # cells a side of the map, the agent in its middle
_SLIP_MARKS = 4
_TIME_MARKS = 8

_MAP_OFFSETS = Offsets(
    *(part.ravel() for part in np.mgrid[-(_MAP // 2) : _MAP // 2 + 1, -(_MAP // 2) : _MAP // 2 + 1])
)
_IN_VIEW = (
    (_MAP_OFFSETS.ahead >= 0)
    & (_MAP_OFFSETS.ahead < VIEW)
    & (np.abs(_MAP_OFFSETS.aside) <= VIEW // 2)
)
_VIEW_OFFSETS = Offsets(_MAP_OFFSETS.ahead[_IN_VIEW], _MAP_OFFSETS.aside[_IN_VIEW])
_BELT_BIT, _OPPONENT_BIT, _HIDDEN_BIT, _DIRECTION_BIT = tiles.OPEN_DOOR - 1, 14, 15, 16
_LOOK_BITS = 20

Observe = Callable[[GridLevel, GridState], Array]


def make_observe(observation: str, view: int | None) -> tuple[Observe, int | None]:
    """What the agent sees, as `make_grid` says: a function of level and state, and `World.features`.

    Raises:
        UsageError: there is no such observation, or it has no such view.
    """
    if view is not None and (view < 1 or view % 2 == 0):
        raise UsageError(f"view={view} has no middle: give an odd number of cells from 1 up.")
    if observation == "symbolic":
        if view != VIEW:
            raise UsageError(_tell_fixed("symbolic", view))
        return observe, FEATURES
    if observation == "full":
        return show_all, None
    if observation == "pixels":
        return make_pixels(view), 3 * PIXELS * PIXELS
    if observation == "bits":
        if view != VIEW:
            raise UsageError(_tell_fixed("bits", view))
        return show_bits, VIEW_BITS
    if observation == "view":
        if view is None:
            raise UsageError("A view needs its cells a side; the observation 'full' shows all.")
        return partial(show_view, side=view), view * view
    raise unknown("observation", observation, ("symbolic", "view", "bits", "full", "pixels"))


def _tell_fixed(observation: str, view: int | None) -> str:
    given = "none" if view is None else f"view={view}"
    return (
        f"The observation {observation} has a view of {VIEW} cells a side; got {given}. Leave view away, or choose an "
        "observation whose view can be chosen: view or pixels, on the command line `--observation view`."
    )


def observe(level: GridLevel, state: GridState) -> Bool[Array, " features"]:
    """What the agent sees, 1024 bits.

    Returns:
        5 x 5 view cells of 20 bits as `_look` gives them; 11 x 11 map cells of 4 bits (known to
        block, known way, visited, known goal; a closed door has both of the first two); 40 marks
        as `_feel` gives them.
    """
    force = find_force(level, state)
    is_gate_up = is_gate_open(state, force)
    cell = settle(cells_around(state, force, _MAP_OFFSETS))
    kind = cell & jnp.uint8(KIND_BITS)
    # A gate that is open looks like floor.
    kind = jnp.where((kind == tiles.GATE) & is_gate_up, jnp.uint8(tiles.FLOOR), kind)
    is_shown = is_clear(force, _MAP_OFFSETS)
    looks = _look(level, state, force, _crop(kind))
    looks = jnp.where(_crop(is_shown), looks, 1 << _HIDDEN_BIT).astype(jnp.uint32)

    is_known = ((cell & jnp.uint8(SEEN_BIT)) != 0) | (is_shown & jnp.asarray(_IN_VIEW))
    around = (
        tiles.is_among(kind, (tiles.WALL, tiles.DOOR, tiles.GATE)).astype(jnp.int32)
        + jnp.where(kind != tiles.WALL, 2, 0)
        + jnp.where((cell & jnp.uint8(VISITED_BIT)) != 0, 4, 0)
        + jnp.where(kind == tiles.GOAL, 8, 0)
    )
    known = jnp.where(is_known, around, 0).astype(jnp.uint32)
    looks, known, felt = settle((looks, known, _feel(level, state, force, is_gate_up)))
    by_four = looks[:, None] >> (4 * jnp.arange(_LOOK_BITS // 4, dtype=jnp.uint32))[None]
    marks = jax.lax.bitcast_convert_type(felt.astype(jnp.uint8).reshape(-1, 4), jnp.uint32)
    words = jnp.concatenate([_spread(by_four.ravel()), _spread(known), marks])
    return jax.lax.bitcast_convert_type(words, jnp.uint8).ravel().astype(bool)


def _spread(bits: UInt32[Array, " words"]) -> UInt32[Array, " words"]:
    """The lowest four bits of each word as its four bytes: four features in one operation."""
    # Copies of the word, shifted so that bit i comes to lie at the bottom of byte i.
    return ((bits & jnp.uint32(15)) * jnp.uint32(0x00204081)) & jnp.uint32(0x01010101)


def _crop(cells: Shaped[Array, " cells"]) -> Shaped[Array, " view"]:
    """The cells of the view out of those of the map."""
    side = _MAP // 2 - VIEW // 2
    square = cells.reshape(_MAP, _MAP)
    return square[_MAP // 2 : _MAP // 2 + VIEW, side : side + VIEW].ravel()


def _look(
    level: GridLevel,
    state: GridState,
    force: Force,
    kind: UInt8[Array, " cells"],
) -> Int32[Array, " cells"]:
    """What each cell of the view holds, as the bits of a number.

    Returns:
        Bit kind - 1 for tiles but floor, open doors, one-way tiles and conveyors; bit 5 for a conveyor; bit 14
        for an opponent; bit 15 is left for what is hidden; bits 16 to 19 for the directions right, down, left
        and up of conveyors and one-way tiles, ahead being up.
    """
    is_opponent = jnp.zeros(kind.shape, bool)
    for is_there in opponents_around(level, state, force, _VIEW_OFFSETS):
        is_opponent = is_opponent | is_there
    kind = view_directions(kind, state.heading, force).astype(jnp.int32)
    is_plain = (kind != tiles.FLOOR) & (kind != tiles.OPEN_DOOR) & (kind < tiles.ONE_WAY)
    plain = jnp.where(is_plain, 1 << jnp.maximum(kind - 1, 0), 0)
    is_belt = kind >= tiles.CONVEYOR
    towards = jnp.where(is_belt, kind - tiles.CONVEYOR, jnp.maximum(kind - tiles.ONE_WAY, 0))
    directed = jnp.where(kind >= tiles.ONE_WAY, 1 << (_DIRECTION_BIT + towards), 0)
    return (
        plain
        + directed
        + jnp.where(is_belt, 1 << _BELT_BIT, 0)
        + jnp.where(is_opponent, 1 << _OPPONENT_BIT, 0)
    )


def _feel(
    level: GridLevel, state: GridState, force: Force, gate: Bool[Array, ""]
) -> Bool[Array, " marks"]:
    """What is known besides the view and the map, 40 marks.

    Returns:
        Key held; gates open; share of the time left above 0/8 … 7/8; slip above 0/16 … 3/16;
        speed ahead, back, to the right, to the left, each above 0 and above half; gravity and
        then wind ahead, right, back, left; which of ten groups of rules are in force.
    """
    forward, right = unit_vector(state.heading), unit_vector(state.heading + 1)
    sides = jnp.stack([forward, right, -forward, -right])

    def along(vector: Int32[Array, "2"]) -> Int32[Array, "4"]:
        return jnp.sum(sides * vector[None], axis=1)

    speed = along(state.velocity)
    gravity = jnp.where(force.has(dsl.FLIP), -level.physics.gravity, level.physics.gravity)
    wind = jnp.where(force.has(dsl.DROP), 0, level.physics.wind)
    groups = (
        (dsl.MIRROR,),
        (dsl.BACKWARD,),
        (dsl.SPIN,),
        (dsl.FREEZE, dsl.STIFF, dsl.MUD),
        (dsl.GLAZE, dsl.CARRY, dsl.BOUNCE),
        (dsl.SQUINT, dsl.FORGET),
        (dsl.SHUT, dsl.JAM, dsl.WEIGH, dsl.UNPLUG, dsl.CURFEW),
        (dsl.ARM, dsl.HURRY, dsl.TOLL, dsl.WARP, dsl.GLOOM, dsl.TIDE),
        (dsl.DISARM, dsl.CHILL, dsl.CALM, dsl.FLEE, dsl.PEACE, dsl.LIFT, dsl.GHOST),
        (dsl.RETURN, dsl.HALT),
    )
    in_force = jnp.stack(
        [jnp.any(jnp.stack([force.has(effect) for effect in group])) for group in groups]
    )
    time_left = level.step_limit - state.time
    return jnp.concatenate(
        [
            jnp.stack([state.has_key, gate]),
            # In whole numbers: a compiled division need not give exactly 1 at the step limit.
            time_left * _TIME_MARKS > level.step_limit * jnp.arange(_TIME_MARKS, dtype=jnp.int32),
            level.physics.slip > 0.25 / _SLIP_MARKS * jnp.arange(_SLIP_MARKS, dtype=jnp.float32),
            speed > 0,
            speed > UNIT // 2,
            along(gravity + 4 * force.pull) > 0,
            along(wind) > 0,
            in_force,
        ]
    )

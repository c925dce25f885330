"""From an action to what the body does: two control schemes, and the rules that twist them."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.force import Force
from alpha_factory.worlds.levels import tiles


class Command(NamedTuple):
    """What the body is to do."""

    heading: Int32[Array, ""]  # which way it faces from now on
    way: Int32[Array, ""]  # which way it pushes
    is_pushing: Bool[Array, ""]


class Controls(NamedTuple):
    """A control scheme; an action is an index into `actions`."""

    actions: tuple[str, ...]
    obey: Callable[[Int32[Array, ""], Int32[Array, ""], Force], Command]
    """`obey(heading, action, force)`."""


def _turn(heading: Int32[Array, ""], action: Int32[Array, ""], force: Force) -> Command:
    action = jnp.where(force.has(dsl.SPIN), (action + 1) % 3, action)
    right = (action == tiles.TURN_RIGHT).astype(jnp.int32)
    left = (action == tiles.TURN_LEFT).astype(jnp.int32)
    quarters = jnp.where(force.has(dsl.MIRROR), left - right, right - left)
    facing = (heading + jnp.where(force.has(dsl.STIFF), 0, quarters)) % 4
    way = jnp.where(force.has(dsl.BACKWARD), facing + 2, facing) % 4
    return Command(facing, way, action == tiles.FORWARD)


def _compass(heading: Int32[Array, ""], action: Int32[Array, ""], force: Force) -> Command:
    way = jnp.where(force.has(dsl.SPIN), action + 1, action)
    is_sideways = way % 2 == 0
    way = jnp.where(force.has(dsl.MIRROR) & is_sideways, way + 2, way)
    way = jnp.where(force.has(dsl.BACKWARD), way + 2, way) % 4
    # Who can't turn goes only the way it faces.
    is_pushing = ~force.has(dsl.STIFF) | (way == heading)
    return Command(jnp.where(is_pushing, way, heading), way, is_pushing)


CONTROLS = {
    "turn": Controls(("turn left", "turn right", "forward"), _turn),
    "compass": Controls(tiles.HEADINGS, _compass),
}
"""The control schemes by name."""

"""Where an episode of the grid world stands."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, UInt8


class GridState(eqx.Module):
    """What changes with every step. `tile` changes as keys are taken and doors opened."""

    tile: UInt8[Array, "height width"]
    position: Int32[Array, "2"]  # row, column
    heading: Int32[Array, ""]
    has_key: Bool[Array, ""]
    seen: Bool[Array, "height width"]  # the view has held this cell in this episode
    visited: Bool[Array, "height width"]  # the agent has stood here in this episode
    time: Int32[Array, ""]  # steps taken
    is_terminated: Bool[Array, ""]
    is_truncated: Bool[Array, ""]


def is_in_force(period: Int32[Array, ""], time: Int32[Array, ""]) -> Bool[Array, ""]:
    """Whether a rule that rests and acts for `period` steps in turns acts now; never if 0."""
    return (period > 0) & ((time // jnp.maximum(period, 1)) % 2 == 1)

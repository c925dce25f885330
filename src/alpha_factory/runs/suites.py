"""The suites by name: the only place where held-out worlds meet a run."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from alpha_factory.core.errors import unknown
from alpha_factory.core.types import Level
from alpha_factory.evaluate import (
    Suite,
    corridors_suite,
    four_rooms_suite,
    limit_steps,
    perfect_medium_suite,
    perfect_xl_suite,
    public_suite,
)
from alpha_factory.evaluate.holdout import generated_suite, poet_suite

SUITES: dict[str, Callable[[], Suite]] = {
    "generated-v1": generated_suite,
    "public-mazes-v1": public_suite,
    "poet-100-v1": poet_suite,
    "perfect-maze-medium-v1": perfect_medium_suite,
    "perfect-maze-xl-v1": perfect_xl_suite,
    "corridors-v1": corridors_suite,
    "four-rooms-v1": four_rooms_suite,
}

CLOSING = ("generated-v1", "public-mazes-v1")
"""What a run in worlds of its own is evaluated on at its end; the others take longer and are asked for by name."""
CLOSING_MAZES = ("public-mazes-v1",)
"""What a run on mazes is evaluated on at its end."""


def load_suite(name: str) -> Suite:
    """A suite by its name.

    Raises:
        UsageError: it is unknown; the message lists those that exist.
    """
    if name not in SUITES:
        raise unknown("suite", name, SUITES)
    return SUITES[name]()


def held_out_levels() -> Level:
    """The levels that no run may train on, at the step limits of their suites."""
    held_out = [
        limit_steps(suite.levels, suite.step_limits[0])
        for suite in (generated_suite(), poet_suite())
    ]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *held_out)

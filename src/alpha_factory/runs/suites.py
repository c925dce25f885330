"""The suites by name: the only place where held-out worlds meet a run."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.core.types import Level
from alpha_factory.evaluate import (
    Suite,
    corridors_suite,
    draw_suite,
    four_rooms_suite,
    limit_steps,
    perfect_medium_suite,
    perfect_xl_suite,
    public_suite,
)
from alpha_factory.evaluate.generated import MOST, SOURCES
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

WATCHED = "generated-v1"
"""What `heldout_solve_rate` is of: one suite, so that it may be drawn beside what others get on it."""
CLOSING = ("generated-v1", "public-mazes-v1")
"""What a run in worlds of its own is evaluated on at its end; the others take longer and are asked for by name."""
CLOSING_MAZES = ("public-mazes-v1",)
"""What a run on mazes is evaluated on at its end."""


def load_suite(name: str, *, levels: int | None = None, seed: int | None = None) -> Suite:
    """A suite by its name, frozen or drawn.

    Args:
        levels: how many are drawn; None for 10,000.
        seed: that they are drawn from; None for 0.

    Raises:
        UsageError: it is unknown, and the message lists those that exist; it is frozen, so there is nothing to draw;
            or no level is asked for.
    """
    if name in SOURCES:
        if levels is not None and levels < 1:
            raise UsageError(f"--count {levels} draws nothing. Give 1 or more.")
        return draw_suite(name, levels=MOST if levels is None else levels, seed=seed or 0)
    if name not in SUITES:
        raise unknown("suite", name, [*SUITES, *SOURCES])
    if levels is not None or seed is not None:
        raise UsageError(
            f"{name} is frozen: its levels are always the same, so --count and --draw-seed say nothing. "
            f"Levels are drawn for {' and '.join(SOURCES)}."
        )
    return _read_frozen(name)


@functools.cache
def held_out_levels() -> Level:
    """The levels that no run may train on, at the step limits of their suites."""
    held_out = [
        limit_steps(suite.levels, suite.step_limits[0])
        for suite in map(_read_frozen, ("generated-v1", "poet-100-v1"))
    ]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *held_out)


def watched_levels() -> Level:
    """The held-out levels that a run with a pool looks at while it trains: those of `WATCHED`."""
    suite = _read_frozen(WATCHED)
    return limit_steps(suite.levels, suite.step_limits[0])


@functools.cache
def _read_frozen(name: str) -> Suite:
    """Read once: a run needs its suites before it starts and at its end."""
    return SUITES[name]()

"""The suites by name: the only place where held-out worlds meet a run."""

from collections.abc import Callable

from alpha_factory.core.errors import unknown
from alpha_factory.core.types import Level
from alpha_factory.evaluate import Suite, limit_steps, public_suite
from alpha_factory.evaluate.holdout import generated_suite

SUITES: dict[str, Callable[[], Suite]] = {
    "generated-v1": generated_suite,
    "public-mazes-v1": public_suite,
}


def load_suite(name: str) -> Suite:
    """A suite by its name.

    Raises:
        UsageError: it is unknown; the message lists those that exist.
    """
    if name not in SUITES:
        raise unknown("suite", name, SUITES)
    return SUITES[name]()


def held_out_levels() -> Level:
    """The levels that no run may train on, at the step limit of their suite."""
    suite = generated_suite()
    return limit_steps(suite.levels, suite.step_limits[0])

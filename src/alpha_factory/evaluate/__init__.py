"""What a policy can do: suites, scores and what they mean."""

from alpha_factory.evaluate.metrics import (
    bootstrap_interval,
    conditional_value_at_risk,
    summarise,
)
from alpha_factory.evaluate.public import (
    corridors_suite,
    four_rooms_suite,
    perfect_medium_suite,
    perfect_xl_suite,
    public_suite,
)
from alpha_factory.evaluate.score import Scorer, make_random
from alpha_factory.evaluate.suite import Suite, digest_levels, limit_steps, read_suite, stack_levels

__all__ = [
    "Scorer",
    "Suite",
    "bootstrap_interval",
    "conditional_value_at_risk",
    "corridors_suite",
    "digest_levels",
    "four_rooms_suite",
    "limit_steps",
    "make_random",
    "perfect_medium_suite",
    "perfect_xl_suite",
    "public_suite",
    "read_suite",
    "stack_levels",
    "summarise",
]

"""What a policy can do: suites, scores and what they mean."""

from alpha_factory.evaluate.bootstrap import bootstrap_interval, stratified_interval
from alpha_factory.evaluate.generated import draw_suite
from alpha_factory.evaluate.improvement import probability_of_improvement
from alpha_factory.evaluate.interquartile import interquartile_mean
from alpha_factory.evaluate.metrics import describe_levels, summarise
from alpha_factory.evaluate.profile import performance_profile
from alpha_factory.evaluate.public import (
    corridors_suite,
    four_rooms_suite,
    perfect_medium_suite,
    perfect_xl_suite,
    public_suite,
)
from alpha_factory.evaluate.ranks import rank_correlation, top_share
from alpha_factory.evaluate.score import Scorer, make_random
from alpha_factory.evaluate.suite import Suite, digest_levels, limit_steps, read_suite, stack_levels
from alpha_factory.evaluate.tail import conditional_value_at_risk, held_out_risk

__all__ = [
    "Scorer",
    "Suite",
    "bootstrap_interval",
    "conditional_value_at_risk",
    "corridors_suite",
    "describe_levels",
    "digest_levels",
    "draw_suite",
    "four_rooms_suite",
    "held_out_risk",
    "interquartile_mean",
    "limit_steps",
    "make_random",
    "perfect_medium_suite",
    "perfect_xl_suite",
    "performance_profile",
    "probability_of_improvement",
    "public_suite",
    "rank_correlation",
    "read_suite",
    "stack_levels",
    "stratified_interval",
    "summarise",
    "top_share",
]

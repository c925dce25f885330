"""What a policy can do: suites, scores and what they mean."""

from alpha_factory.evaluate.bootstrap import bootstrap_interval, stratified_interval
from alpha_factory.evaluate.bound import (
    bracket_bound,
    derived_terms,
    find_depth,
    printed_terms,
)
from alpha_factory.evaluate.collapse import find_learned, find_losses
from alpha_factory.evaluate.coverage import estimate_coverage
from alpha_factory.evaluate.discounted import discount_rewards
from alpha_factory.evaluate.generated import draw_suite
from alpha_factory.evaluate.improvement import probability_of_improvement
from alpha_factory.evaluate.interquartile import interquartile_mean
from alpha_factory.evaluate.lipschitz import limit_gru, sample_slopes
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
from alpha_factory.evaluate.variation import (
    average_pairs,
    hash_latents,
    vary_held_out,
    vary_plainly,
    visit,
)

__all__ = [
    "Scorer",
    "Suite",
    "average_pairs",
    "bootstrap_interval",
    "bracket_bound",
    "conditional_value_at_risk",
    "corridors_suite",
    "derived_terms",
    "describe_levels",
    "digest_levels",
    "discount_rewards",
    "draw_suite",
    "estimate_coverage",
    "find_depth",
    "find_learned",
    "find_losses",
    "four_rooms_suite",
    "hash_latents",
    "held_out_risk",
    "interquartile_mean",
    "limit_gru",
    "limit_steps",
    "make_random",
    "perfect_medium_suite",
    "perfect_xl_suite",
    "performance_profile",
    "printed_terms",
    "probability_of_improvement",
    "public_suite",
    "rank_correlation",
    "read_suite",
    "sample_slopes",
    "stack_levels",
    "stratified_interval",
    "summarise",
    "top_share",
    "vary_held_out",
    "vary_plainly",
    "visit",
]

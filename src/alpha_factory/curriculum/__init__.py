"""Which world next: the pool of living worlds and POET's outer loop."""

from alpha_factory.curriculum.poet import (
    Candidates,
    Frontier,
    Mutator,
    advance_frontier,
    meets_criterion,
    merge,
    propose,
    quality_diversity,
)
from alpha_factory.curriculum.pool import (
    NEVER_PLAYED,
    Entry,
    Pool,
    draw_level,
    enter,
    isolate,
    make_pool,
)

__all__ = [
    "NEVER_PLAYED",
    "Candidates",
    "Entry",
    "Frontier",
    "Mutator",
    "Pool",
    "advance_frontier",
    "draw_level",
    "enter",
    "isolate",
    "make_pool",
    "meets_criterion",
    "merge",
    "propose",
    "quality_diversity",
]

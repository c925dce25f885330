"""Which world next: POET's pool and outer loop, and rounds of environment design with a selector of levels."""

from alpha_factory.curriculum.edits import edit_maze
from alpha_factory.curriculum.honeypot import (
    hide_goal,
    is_hacked,
    measure_bait,
    score_honeypot,
)
from alpha_factory.curriculum.learnability import draw_batch, keep_learnable
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
    NEVER_CHECKED,
    NEVER_PLAYED,
    Entry,
    Pool,
    draw_level,
    enter,
    isolate,
    make_pool,
)
from alpha_factory.curriculum.priority import PRIORITISATIONS
from alpha_factory.curriculum.replay import make_replay
from alpha_factory.curriculum.rounds import Evidence, Lesson, Round, Scorer, Size, play_rounds
from alpha_factory.curriculum.scores import (
    l1_value_loss,
    learnability,
    max_monte_carlo,
    max_negative_advantage,
    mean_discounted_return,
    positive_value_loss,
    true_regret,
)
from alpha_factory.curriculum.selector import (
    Choice,
    Findings,
    Ground,
    Selector,
    Wishes,
    choose_fresh,
    draw_fresh,
    settle_wishes,
)

__all__ = [
    "NEVER_CHECKED",
    "NEVER_PLAYED",
    "PRIORITISATIONS",
    "Candidates",
    "Choice",
    "Entry",
    "Evidence",
    "Findings",
    "Frontier",
    "Ground",
    "Lesson",
    "Mutator",
    "Pool",
    "Round",
    "Scorer",
    "Selector",
    "Size",
    "Wishes",
    "advance_frontier",
    "choose_fresh",
    "draw_batch",
    "draw_fresh",
    "draw_level",
    "edit_maze",
    "enter",
    "hide_goal",
    "is_hacked",
    "isolate",
    "keep_learnable",
    "l1_value_loss",
    "learnability",
    "make_pool",
    "make_replay",
    "max_monte_carlo",
    "max_negative_advantage",
    "mean_discounted_return",
    "measure_bait",
    "meets_criterion",
    "merge",
    "play_rounds",
    "positive_value_loss",
    "propose",
    "quality_diversity",
    "score_honeypot",
    "settle_wishes",
    "true_regret",
]

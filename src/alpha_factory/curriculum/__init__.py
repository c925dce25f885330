"""Which world next: POET's pool and outer loop, and rounds of environment design with a selector of levels."""

from alpha_factory.curriculum.edits import edit_maze
from alpha_factory.curriculum.embedding import (
    Autoencoder,
    Embedding,
    embed,
    learn_embedding,
    start_embedding,
)
from alpha_factory.curriculum.frontier import (
    Frontier,
    advance_frontier,
    find_mean,
    quality_diversity,
    start_frontier,
)
from alpha_factory.curriculum.honeypot import (
    hide_goal,
    is_hacked,
    measure_bait,
    score_honeypot,
)
from alpha_factory.curriculum.learnability import draw_batch, keep_learnable
from alpha_factory.curriculum.performance import characterise, measure_novelty
from alpha_factory.curriculum.poet import Candidates, Mutator, meets_criterion, merge, propose
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
from alpha_factory.curriculum.roster import Roster, enrol, start_roster
from alpha_factory.curriculum.rounds import (
    Evidence,
    Lesson,
    Round,
    Scorer,
    Size,
    gather_evidence,
    play_rounds,
)
from alpha_factory.curriculum.scores import (
    l1_value_loss,
    learnability,
    max_monte_carlo,
    max_negative_advantage,
    mean_discounted_return,
    positive_value_loss,
    true_regret,
    walk_return,
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
    "Autoencoder",
    "Candidates",
    "Choice",
    "Embedding",
    "Entry",
    "Evidence",
    "Findings",
    "Frontier",
    "Ground",
    "Lesson",
    "Mutator",
    "Pool",
    "Roster",
    "Round",
    "Scorer",
    "Selector",
    "Size",
    "Wishes",
    "advance_frontier",
    "characterise",
    "choose_fresh",
    "draw_batch",
    "draw_fresh",
    "draw_level",
    "edit_maze",
    "embed",
    "enrol",
    "enter",
    "find_mean",
    "gather_evidence",
    "hide_goal",
    "is_hacked",
    "isolate",
    "keep_learnable",
    "l1_value_loss",
    "learn_embedding",
    "learnability",
    "make_pool",
    "make_replay",
    "max_monte_carlo",
    "max_negative_advantage",
    "mean_discounted_return",
    "measure_bait",
    "measure_novelty",
    "meets_criterion",
    "merge",
    "play_rounds",
    "positive_value_loss",
    "propose",
    "quality_diversity",
    "score_honeypot",
    "settle_wishes",
    "start_embedding",
    "start_frontier",
    "start_roster",
    "true_regret",
    "walk_return",
]

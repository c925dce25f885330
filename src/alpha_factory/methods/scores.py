"""How much a level promises to teach: the scores that buffers of levels go by, under their names.

    pvl           mean_t max(0, A_t)                       positive value loss (Jiang et al. 2021b)
    l1            mean_t |A_t|                             L1 value loss (Jiang et al. 2021a)
    maxmc         mean_t (R_max - V(s_t))                  maximum Monte Carlo (Jiang et al. 2021b)
    learnability  p (1 - p)                                Rutherford et al. 2024
    mna           Chat sum_t -A_t, sums cut at 0 below     see `methods.mna`
    regret        gamma^(n-1) - mean_episodes gamma^(t-1)  the truth, by the shortest of all walks, n actions

R_max is the highest return that any episode on the level ever had, undiscounted, while V is discounted. `regret` is for
plain mazes, which pay 1 at the goal and nothing else; the episodes that ended without it count 0, and so does the
optimum of a maze without a way. Neither it nor `maxmc` is known of a level before an episode on it ended.
"""

import jax
from jaxtyping import Array, Float

from alpha_factory.curriculum import (
    Evidence,
    l1_value_loss,
    learnability,
    max_monte_carlo,
    max_negative_advantage,
    mean_discounted_return,
    positive_value_loss,
    true_regret,
    walk_return,
)
from alpha_factory.worlds import shortest_walk


def score_pvl(evidence: Evidence) -> Float[Array, " lanes"]:
    """Positive value loss."""
    return positive_value_loss(evidence.advantage, evidence.rows.is_last)


def score_l1(evidence: Evidence) -> Float[Array, " lanes"]:
    """L1 value loss."""
    return l1_value_loss(evidence.advantage, evidence.rows.is_last)


def score_maxmc(evidence: Evidence) -> Float[Array, " lanes"]:
    """Maximum Monte Carlo."""
    rows = evidence.rows
    return max_monte_carlo(rows.value, rows.is_last, evidence.max_return)


def score_learnability(evidence: Evidence) -> Float[Array, " lanes"]:
    """Of the episodes that ended in the round."""
    return learnability(evidence.attempts.ended, evidence.attempts.solved)


def score_mna(evidence: Evidence) -> Float[Array, " lanes"]:
    """Maximum negative advantage."""
    rows = evidence.rows
    return max_negative_advantage(
        rows.reward,
        rows.value,
        rows.is_terminated,
        rows.is_last,
        evidence.last_value,
        evidence.attempts.solved > 0,
        discount=evidence.discount,
        trace=evidence.trace,
    )


def score_regret(evidence: Evidence) -> Float[Array, " lanes"]:
    """True regret, as discounted as what the learner goes by."""
    rows = evidence.rows
    steps = jax.vmap(shortest_walk)(evidence.level)
    achieved = mean_discounted_return(
        rows.reward,
        rows.is_terminated | rows.is_truncated,
        rows.is_last,
        discount=evidence.discount,
    )
    return true_regret(walk_return(steps, discount=evidence.discount), achieved)


METHOD = {
    "Scorer": {
        "l1": score_l1,
        "learnability": score_learnability,
        "maxmc": score_maxmc,
        "mna": score_mna,
        "pvl": score_pvl,
        "regret": score_regret,
    }
}

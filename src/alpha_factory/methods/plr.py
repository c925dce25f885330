"""Prioritised level replay (Jiang et al. 2021a), and robust PLR, also written PLR⊥ (Jiang et al. 2021b).

With the chance p, once the buffer is full enough, a round replays levels of the buffer drawn with the weights

    P(level) = (1 - rho) (1 / rank(score))^(1 / beta) / Z  +  rho (c - c_level) / Z'

(c, c_level: now, and when the level was last visited); else it plays fresh levels, which enter the buffer where they
score higher than its weakest one. PLR learns from every round. Robust PLR learns from replays alone: then the levels
that are learned from are those of the greatest score, and with regret as the score the student is at a Nash
equilibrium of the regret game a minimax-regret policy.
"""

from alpha_factory.curriculum import Design, Ground, Selector, Wishes, make_replay, settle_wishes

PUBLISHED = Wishes(
    slots=4000,
    replay=0.5,
    fill=0.5,
    temperature=0.3,
    staleness=0.3,
    prioritisation="rank",
    generator="walls",
    walls=25,
)


def make_plr(ground: Ground, wishes: Wishes) -> Selector:
    """PLR: gradient steps in every round."""
    settled = settle_wishes(wishes, PUBLISHED)
    return make_replay(ground, settled, is_robust=False, is_editing=False, score="pvl")


def make_robust_plr(ground: Ground, wishes: Wishes) -> Selector:
    """Robust PLR: gradient steps in replays alone."""
    settled = settle_wishes(wishes, PUBLISHED)
    return make_replay(ground, settled, is_robust=True, is_editing=False, score="pvl")


METHOD = {
    "Selector": {
        "plr": Design(make_plr, PUBLISHED),
        "robust-plr": Design(make_robust_plr, PUBLISHED),
    }
}

"""Robust PLR by the maximised negative advantage (Mead et al. 2026), with its authors' settings.

The score of a level is, over the steps t of a rollout,

    MNA = Chat sum_t -A_t,   A_t = (1 - lambda) sum_n lambda^(n-1) G_n,
    G_0 = 0,  G_n = min(0, G_(n-1) + gamma^(n-1) delta_(t+n-1)),

Chat being 1 if the level was solved in the rollout and else 0: what the agent lost against its own expectation, counted
only where it is known that the goal can be reached. `curriculum.scores.max_negative_advantage` has it.
"""

from alpha_factory.curriculum import Design, Ground, Selector, Wishes, make_replay, settle_wishes

PUBLISHED = Wishes(
    slots=8000,
    replay=0.5,
    fill=0.5,
    temperature=1.0,
    staleness=0.3,
    prioritisation="rank",
    generator="walls",
    walls=60,
)


def make_mna(ground: Ground, wishes: Wishes) -> Selector:
    """Robust PLR with the score `mna`."""
    settled = settle_wishes(wishes, PUBLISHED)
    return make_replay(ground, settled, is_robust=True, is_editing=False, score="mna")


METHOD = {"Selector": {"mna": Design(make_mna, PUBLISHED)}}

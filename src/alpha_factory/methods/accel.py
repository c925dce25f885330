"""ACCEL (Parker-Holder et al. 2022): robust PLR whose levels evolve.

After every replay the levels just replayed are edited: a child is its parent with 5 cells, drawn uniformly, changed
(a wall added or removed, the agent or the goal moved). Children are played without gradient steps and enter the buffer
as fresh levels do, so that what stays there is what the edits left hard but possible:

    theta' = edit(theta),  theta in argmax_4 (mean return - mean |A|) of the replayed batch

These are the batch's easiest levels, which is what the authors say they edit; their code takes the other end of the
same order, `levels.parents_by=hard` here. The first levels are empty rooms, and all complexity comes from edits;
`levels.generator=walls` starts from random mazes instead.
"""

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import Design, Ground, Selector, Wishes, make_replay, settle_wishes

PUBLISHED = Wishes(
    slots=4000,
    replay=0.8,
    fill=0.5,
    temperature=0.3,
    staleness=0.3,
    prioritisation="rank",
    generator="empty",
    walls=25,
    edits=5,
    parents_by="easy",
    parents=4,
)


def make_accel(ground: Ground, wishes: Wishes) -> Selector:
    """Robust PLR with a round on edited children after every replay.

    Raises:
        UsageError: a number of parents is asked for where all levels are edited.
    """
    settled = settle_wishes(wishes, PUBLISHED)
    if settled.parents_by == "all" and wishes.parents is not None:
        raise UsageError(
            f"levels.parents={wishes.parents} is not used with levels.parents_by=all, which edits every level of the "
            "replayed batch. Leave one of them out."
        )
    return make_replay(ground, settled, is_robust=True, is_editing=True, score="pvl")


METHOD = {"Selector": {"accel": Design(make_accel, PUBLISHED)}}

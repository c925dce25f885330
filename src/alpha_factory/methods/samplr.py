"""SAMPLR (Jiang et al. 2022): robust PLR that learns by the true odds of what levels hide, whichever levels it replays.

A level has a part that nobody sees, drawn by chance. A curriculum that prefers levels prefers hidden parts, too, and
a student that learns on them learns false odds (curriculum-induced covariate shift). So at every step of a level, with
the history tau,

    theta' ~ P(theta' | tau),   (r', s'') = step(s, a; theta'),   (s, a, r', s'') is learned from,

P the true prior given the history, while the episode goes on as the level has it. Scores are of the same transitions.
What is optimised is the grounded utility E_(theta' ~ P(. | tau)) U(pi | tau, theta').

`naive-grounding` is the baseline that needs no simulator: robust PLR that, whenever it plays a level, draws what the
level hides by the true odds.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import (
    NOWHERE,
    Choice,
    Design,
    Ground,
    Selector,
    Wishes,
    make_replay,
    recall,
    settle_wishes,
)

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


def make_samplr(ground: Ground, wishes: Wishes) -> Selector:
    """Robust PLR, grounded by fictitious transitions.

    Raises:
        UsageError: the world hides nothing.
    """
    _check_hidden(ground, "samplr")
    return _make_robust(ground, wishes)._replace(is_grounded=True)


def make_naive_grounding(ground: Ground, wishes: Wishes) -> Selector:
    """Robust PLR with what is hidden drawn anew in every round.

    Raises:
        UsageError: the world hides nothing.
    """
    _check_hidden(ground, "naive-grounding")
    redraw, replay = ground.redraw, _make_robust(ground, wishes)
    assert redraw is not None

    def choose(state: Any, *, key: PRNGKeyArray) -> tuple[Any, Choice]:
        key_choose, key_redraw = jax.random.split(key)
        state, choice = replay.choose(state, key=key_choose)
        keys = jax.random.split(key_redraw, ground.lanes)
        level = jax.vmap(lambda level, one: redraw(level, key=one))(choice.level, keys)
        known = jnp.where(choice.slot == NOWHERE, recall(state.buffer, level), choice.max_return)
        return state, dataclasses.replace(choice, level=level, max_return=known)

    return replay._replace(choose=choose)


def _make_robust(ground: Ground, wishes: Wishes) -> Selector:
    settled = settle_wishes(wishes, PUBLISHED)
    return make_replay(ground, settled, is_robust=True, is_editing=False, score="pvl")


def _check_hidden(ground: Ground, name: str) -> None:
    if ground.redraw is None:
        raise UsageError(
            f"The curriculum {name} is for worlds that hide something, and plain mazes hide nothing. Give "
            "--set levels.world=fruits, or --curriculum robust-plr, which it would be there."
        )


METHOD = {
    "Selector": {
        "naive-grounding": Design(make_naive_grounding, PUBLISHED),
        "samplr": Design(make_samplr, PUBLISHED),
    }
}

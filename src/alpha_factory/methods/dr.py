"""Domain randomisation (Tobin et al. 2017): every round is played, and learned from, on fresh random levels.

    level ~ generator

The baseline that a curriculum must beat; on the suites of environment design it is a strong one.
"""

from jaxtyping import PRNGKeyArray

from alpha_factory.curriculum import (
    Choice,
    Design,
    Findings,
    Ground,
    Selector,
    Wishes,
    choose_fresh,
    draw_fresh,
    settle_wishes,
)

PUBLISHED = Wishes(generator="walls", walls=25)


def make_randomisation(ground: Ground, wishes: Wishes) -> Selector:
    """Domain randomisation; there is nothing that it remembers."""
    settled = settle_wishes(wishes, PUBLISHED)

    def begin(*, key: PRNGKeyArray) -> tuple[()]:
        del key
        return ()

    def choose(state: tuple[()], *, key: PRNGKeyArray) -> tuple[tuple[()], Choice]:
        return state, choose_fresh(draw_fresh(ground, settled, key=key), is_practised=True)

    def take(state: tuple[()], choice: Choice, findings: Findings) -> tuple[()]:
        del choice, findings
        return state

    return Selector(begin, choose, take, tell=lambda state: {}, score="pvl")


METHOD = {"Selector": {"dr": Design(make_randomisation, PUBLISHED)}}

"""What a person should know of a cycle that could not do its work: its worlds in, a sentence for each trouble out."""

from collections import Counter
from collections.abc import Sequence

from alpha_factory.records import Verdict, WorldCard

_ADVICE: dict[Verdict, str] = {
    "unsolvable": "look at curriculum.mutations and curriculum.mutator",
    "duplicate": "look at curriculum.mutations and curriculum.mutator",
    "held out": "look at curriculum.mutations and curriculum.mutator",
    "too hard": "the agent solves none of them often enough: look at curriculum.lowest",
    "too easy": "the agent solves all of them too often: look at curriculum.highest",
    "not chosen": "there was no room for them: look at curriculum.slots and curriculum.lifetime",
}


def count_verdicts(cards: Sequence[WorldCard]) -> dict[Verdict, int]:
    """How many of a cycle's candidates came to each verdict, the commonest first."""
    return dict(Counter(card.verdict for card in cards).most_common())


def find_trouble(cards: Sequence[WorldCard], *, living: int) -> dict[str, str]:
    """What a person should know of a cycle, by the kind of trouble.

    Such a run goes on: a pool that nothing enters is trained in as it is, and its worlds have other children in the
    next cycle; what can't be ranked is ranked last, and what ranks the same enters in the order in which it was
    proposed.

    Args:
        cards: of all of the cycle's candidates.
        living: worlds in the pool after it.
    """
    verdicts, troubles = count_verdicts(cards), {}
    if cards and "accepted" not in verdicts:
        told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
        troubles["none entered"] = (
            f"None of the {len(cards)} candidates of cycle {cards[0].cycle} entered the pool: {told}. The run goes on "
            f"with the worlds that live ({living}); {_ADVICE[next(iter(verdicts))]}."
        )
    ranks = {card.qd for card in cards}
    if unknown := sum(card.qd is None for card in cards):
        troubles["not ranked"] = (
            f"How new {unknown} of the {len(cards)} candidates of cycle {cards[0].cycle} are is no finite number, so "
            "they rank last. The run goes on; look at embedding_wrong in its metrics."
        )
    elif len(cards) > 1 and len(ranks) == 1:
        troubles["all alike"] = (
            f"All {len(cards)} candidates of cycle {cards[0].cycle} are equally new, so they rank as they were "
            "proposed. The run goes on; look at curriculum.novelty."
        )
    return troubles

"""What is said of cycles that could not do their work."""

import pytest

from alpha_factory.records import Verdict, WorldCard
from alpha_factory.runs.evolution.trouble import count_verdicts, find_trouble


def make_cards(verdicts: list[Verdict], qd: list[float | None] | None = None) -> list[WorldCard]:
    ranks = qd or [0.1 * place for place in range(len(verdicts))]
    return [
        WorldCard(
            id=place,
            genome="0" * 128,
            parents=[],
            operator="x",
            cycle=3,
            frames=0,
            verdict=verdict,
            qd=rank,
        )
        for place, (verdict, rank) in enumerate(zip(verdicts, ranks, strict=True))
    ]


def test_cycle_that_lets_something_in_is_no_trouble() -> None:
    cards = make_cards(["unsolvable", "accepted", "too hard", "unsolvable"])
    assert find_trouble(cards, living=2) == {}
    assert list(count_verdicts(cards).items()) == [
        ("unsolvable", 2),
        ("accepted", 1),
        ("too hard", 1),
    ]


@pytest.mark.parametrize(
    ("verdict", "setting"),
    [
        ("unsolvable", "curriculum.mutator"),
        ("duplicate", "curriculum.mutations"),
        ("held out", "curriculum.mutations"),
        ("too hard", "curriculum.lowest"),
        ("too easy", "curriculum.highest"),
        ("not chosen", "curriculum.slots"),
    ],
)
def test_cycle_that_lets_nothing_in_says_why_and_what_to_look_at(
    verdict: Verdict, setting: str
) -> None:
    told = find_trouble(make_cards([verdict] * 3 + ["duplicate"]), living=5)["none entered"]
    assert "None of the 4 candidates of cycle 3 entered the pool" in told
    assert f"{4 if verdict == 'duplicate' else 3} {verdict}" in told
    assert "the worlds that live (5)" in told
    assert setting in told


def test_candidates_that_rank_alike_or_not_at_all_are_told() -> None:
    alike = find_trouble(make_cards(["accepted"] * 3, [0.25] * 3), living=4)
    assert list(alike) == ["all alike"]
    unknown = find_trouble(make_cards(["accepted"] * 3, [0.25, None, None]), living=4)
    assert list(unknown) == ["not ranked"]
    assert "How new 2 of the 3 candidates" in unknown["not ranked"]
    assert find_trouble(make_cards(["accepted"], [0.25]), living=2) == {}

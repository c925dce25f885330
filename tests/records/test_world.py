import pytest
from pydantic import ValidationError

from alpha_factory.records import Transfer, WorldCard, WorldScore

_CARD = {
    "id": 3,
    "genome": "0f" * 64,
    "parents": [1, 2],
    "operator": "cross",
    "cycle": 4,
    "frames": 1000,
    "verdict": "too easy",
    "score": 0.95,
}


def test_world_card_round_trips_through_json():
    card = WorldCard(**_CARD)
    assert WorldCard.model_validate_json(card.model_dump_json()) == card
    assert card.shortest_path is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("genome", "0f" * 63),
        ("genome", "0F" * 64),
        ("genome", "0f" * 64 + "\n"),
        ("verdict", "fine"),
        ("parents", [-1]),
        ("score", float("nan")),
        ("score", float("inf")),
        ("colour", "red"),
    ],
)
def test_world_card_names_the_field_that_breaks_its_rule(field, value):
    with pytest.raises(ValidationError) as caught:
        WorldCard(**_CARD | {field: value})
    assert caught.value.errors()[0]["loc"][0] == field


def test_world_score_refuses_a_solve_rate_above_one():
    with pytest.raises(ValidationError, match="solve_rate"):
        WorldScore(world=0, cycle=0, frames=0, normalised_return=0, solve_rate=1.1, episodes=1)


def test_transfer_helps_no_world_unless_named():
    assert (
        Transfer(cycle=1, direction="to generalist", specialist=2, gain=-0.1, merged=False).helped
        is None
    )

import jax
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.genome import (
    FIELDS,
    OPERATORS,
    from_hex,
    from_values,
    random_genome,
    to_hex,
    to_values,
)
from alpha_factory.runs.workshop.offspring import mutate_world

EMPTY = {f"rule_{slot}": 255 for slot in range(4)}
SEEDS = {"layout_seed": 40_503, "entity_seed": 27_919, "gravity": 20_000, "width": 9}
GENOME = to_hex(from_values(EMPTY | SEEDS | {"goal_depth": 200, "rule_0": 0}))


@pytest.mark.parametrize("operator", OPERATORS)
def test_children_are_by_the_operator_asked_for_and_differ_as_told(operator):
    genome = to_hex(random_genome(key=jax.random.key(4)))
    family = mutate_world(genome, operator=operator, number=4, seed=2)
    assert family["parent"] == genome
    before = to_values(from_hex(genome))
    for child in family["children"]:
        assert child["operator"] == operator
        after = to_values(from_hex(child["genome"]))
        told = {change["field"]: (change["old"], change["new"]) for change in child["changes"]}
        differing = [name for name in FIELDS if before[name] != after[name]]
        assert told == {name: (before[name], after[name]) for name in differing}
        if operator == "gaussian":
            assert {change["section"] for change in child["changes"]} <= {"physics"}
    assert len({child["genome"] for child in family["children"]}) == 4


def test_children_follow_from_the_seed_and_come_by_every_operator():
    family = mutate_world(GENOME, operator=None, number=24, seed=0)
    assert family == mutate_world(GENOME, operator=None, number=24, seed=0)
    assert {child["operator"] for child in family["children"]} == set(OPERATORS)


def test_changed_rule_is_told_by_its_template():
    family = mutate_world(GENOME, operator="rule", number=12, seed=0)
    meanings = [
        change["meaning"]
        for child in family["children"]
        for change in child["changes"]
        if change["field"] == "rule_0"
    ]
    assert meanings
    assert all(meaning.startswith("mirror → ") for meaning in meanings)


def test_what_a_child_gained_and_lost_is_told():
    family = mutate_world(GENOME, operator="rule", number=12, seed=0)
    for child in family["children"]:
        assert not set(child["gained"]) & set(child["lost"])
        slots = {change["field"] for change in child["changes"]}
        if "rule_0" in slots:
            assert any("left and right swap" in phrase for phrase in child["lost"])
            assert child["gained"]


def test_only_genomes_and_known_operators_mutate():
    with pytest.raises(UsageError, match="only genomes mutate"):
        mutate_world("Labyrinth", operator=None, number=1, seed=0)
    with pytest.raises(UsageError, match="bit-flip, block-swap"):
        mutate_world(GENOME, operator="bitflip", number=1, seed=0)
    assert np.asarray(from_hex(GENOME)).shape == (16,)

"""Children of a genome by the operators of `genome.mutate`, and what each changed, in words."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.genome import FIELDS, OPERATORS, TEMPLATES, mutate, to_hex, to_values
from alpha_factory.runs.workshop.gallery import list_features
from alpha_factory.runs.workshop.source import NamedWorld, find_world, from_genome
from alpha_factory.worlds import to_text

_mutate = jax.jit(mutate)


def mutate_world(source: str, *, operator: str | None, number: int, seed: int) -> dict[str, Any]:
    """Children of the genome that a source names.

    Args:
        operator: one of `OPERATORS` for every child; None draws one for each.

    Returns:
        `parent` (hexadecimal digits), `ascii` (its map), and `children`, each with `genome`, `ascii`, `operator`,
        `changes` (a list of `section`, `field`, `old`, `new`, `meaning`), and `gained` and `lost`, the phrases
        that describe the child and not the parent, and the other way round.

    Raises:
        UsageError: there is no such source or operator, or the source is a level that no genome stands for.
        InvalidGenome, InvalidLevel: the source breaks its schema.
    """
    if operator is not None and operator not in OPERATORS:
        raise unknown("operator", operator, OPERATORS)
    parent = find_world(source)
    if parent.genome is None:
        raise UsageError(
            f"{source} is a level without a genome, and only genomes mutate. "
            "Give 128 hexadecimal digits or a genome's JSON file."
        )
    keys = jax.random.split(jax.random.key(seed), number)
    children = [_bear(parent.genome, operator, key) for key in keys]
    return {
        "parent": to_hex(parent.genome),
        "ascii": to_text(parent.level),
        "children": [_tell_child(parent, genome, by) for genome, by in children],
    }


def _bear(genome: np.ndarray, operator: str | None, key: jax.Array) -> tuple[np.ndarray, str]:
    """A child and the operator that made it: the first of the key's by the operator asked for."""
    for attempt in itertools.count():
        child, index = _mutate(jnp.asarray(genome), key=jax.random.fold_in(key, attempt))
        found = OPERATORS[int(index)]
        if operator in (None, found):
            return np.asarray(child), found
    raise AssertionError("the operators are drawn with equal chances, so one comes up at last")


def _tell_child(parent: NamedWorld, genome: np.ndarray, operator: str) -> dict[str, Any]:
    assert parent.genome is not None
    child = from_genome(genome)
    before, after = to_values(parent.genome), to_values(genome)
    features = list_features(parent), list_features(child)
    return {
        "genome": to_hex(genome),
        "ascii": to_text(child.level),
        "operator": operator,
        "changes": [
            {
                "section": field.section,
                "field": name,
                "old": before[name],
                "new": after[name],
                "meaning": _tell_field(name, before[name], after[name]),
            }
            for name, field in FIELDS.items()
            if before[name] != after[name]
        ],
        "gained": [phrase for phrase in features[1] if phrase not in features[0]],
        "lost": [phrase for phrase in features[0] if phrase not in features[1]],
    }


def _tell_field(name: str, old: int, new: int) -> str:
    """What a field means; for a slot of rules, the templates that its codes pick."""
    is_slot = name.startswith("rule_") and name.removeprefix("rule_").isdigit()
    if not is_slot:
        return FIELDS[name].meaning
    templates = [
        TEMPLATES[code].name if code < len(TEMPLATES) else "no rule" for code in (old, new)
    ]
    return " → ".join(templates)

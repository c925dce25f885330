import copy

import jax
import pytest

from alpha_factory.core.errors import InvalidGenome
from alpha_factory.genome import FIELDS, SECTIONS, from_json, random_genome, to_json
from alpha_factory.genome.schema import genome_schema

SCHEMA = genome_schema()


def _violations(schema: dict, value: object, path: str = "") -> list[str]:
    """Where `value` breaks `schema`, for the words of JSON Schema that ours uses."""
    known = {"$schema", "title", "description", "type", "properties", "required", "const"}
    assert schema.keys() <= known | {"additionalProperties", "minimum", "maximum"}
    if "const" in schema:
        return [] if value == schema["const"] else [path]
    if schema["type"] == "integer":
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return [] if is_whole and schema["minimum"] <= value <= schema["maximum"] else [path]
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    if not isinstance(value, dict):
        return [path]
    inside = schema["properties"]
    wrong = [f"{path}.{name}" for name in schema["required"] if name not in value]
    wrong += [f"{path}.{name}" for name in value if name not in inside]
    for name in inside.keys() & value.keys():
        wrong += _violations(inside[name], value[name], f"{path}.{name}")
    return wrong


def test_schema_has_every_field_once():
    assert list(SCHEMA["properties"]) == ["version", *SECTIONS]
    listed = [name for section in SECTIONS for name in SCHEMA["properties"][section]["properties"]]
    assert sorted(listed) == sorted(FIELDS)
    assert SCHEMA["properties"]["topology"]["properties"]["layout_seed"]["maximum"] == 65_535


@pytest.mark.parametrize("seed", range(5))
def test_genomes_keep_the_schema(seed):
    data = to_json(random_genome(key=jax.random.key(seed)))
    assert _violations(SCHEMA, to_json(from_json(data))) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("version",), 1),
        (("topology", "width"), 10_000),
        (("physics", "gravity"), -1),
        (("physics", "gravity"), 0.5),
        (("rules", "rule_0"), True),
        (("entities", "dragons"), 3),
        (("topology",), []),
        (("weather",), {}),
    ],
    ids=str,
)
def test_schema_and_reader_refuse_the_same(place, value):
    data = copy.deepcopy(to_json(random_genome(key=jax.random.key(0))))
    inner = data
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    assert _violations(SCHEMA, data) == [f".{'.'.join(place)}"]
    with pytest.raises(InvalidGenome):
        from_json(data)


def test_missing_field_breaks_the_schema_and_the_reader():
    data = to_json(random_genome(key=jax.random.key(0)))
    del data["physics"]["gravity"]
    assert _violations(SCHEMA, data) == [".physics.gravity"]
    with pytest.raises(InvalidGenome):
        from_json(data)

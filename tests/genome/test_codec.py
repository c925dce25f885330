import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory import genome
from alpha_factory.core import InvalidGenome
from alpha_factory.genome import FIELDS, SECTIONS
from alpha_factory.genome.codec import write_field

READ = jax.jit(genome.read_genes)
HAMMING = jax.jit(genome.hamming)
WRITE = {
    name: jax.jit(lambda words, value, field=field: write_field(words, field, value))
    for name, field in FIELDS.items()
    if name in ("width", "links_down", "gravity", "rule_3_m")
}

WHOLE = st.integers(0, 2**512 - 1)


def words_of(whole: int) -> np.ndarray:
    return np.array([(whole >> (32 * word)) & 0xFFFFFFFF for word in range(16)], np.uint32)


@given(WHOLE)
def test_json_gives_the_same_bits_back(whole):
    text = json.dumps(genome.to_json(words_of(whole)))
    assert genome.from_json(json.loads(text)).tolist() == words_of(whole).tolist()


@given(WHOLE)
def test_hex_gives_the_same_bits_back(whole):
    text = genome.to_hex(words_of(whole))
    assert text == f"{whole:0128x}"
    assert genome.from_hex(text).tolist() == words_of(whole).tolist()
    assert genome.from_hex(text.upper()).tolist() == words_of(whole).tolist()


@given(WHOLE)
def test_values_give_the_same_bits_back(whole):
    values = genome.to_values(words_of(whole))
    assert values.keys() == FIELDS.keys()
    assert genome.from_values(values).tolist() == words_of(whole).tolist()


@given(WHOLE)
def test_values_are_the_bits_with_gray_code_undone(whole):
    values = genome.to_values(words_of(whole))
    for name, field in FIELDS.items():
        bits = [(whole >> (field.offset + place)) & 1 for place in range(field.width)]
        if field.is_gray:  # a bit of the value is the parity of the code's bits from there up
            bits = [sum(bits[place:]) % 2 for place in range(field.width)]
        assert values[name] == sum(bit << place for place, bit in enumerate(bits)), name


@given(WHOLE)
def test_device_reads_what_the_host_reads(whole):
    read = {name: int(value) for name, value in READ(jnp.asarray(words_of(whole))).items()}
    values = genome.to_values(words_of(whole))
    assert read == values


@pytest.mark.parametrize("name", WRITE)
@given(WHOLE, st.integers(0, 2**16 - 1))
def test_device_writes_one_field_and_leaves_the_others(name, whole, value):
    value %= FIELDS[name].largest + 1
    written = WRITE[name](jnp.asarray(words_of(whole)), jnp.uint32(value))
    assert genome.to_values(written) == genome.to_values(words_of(whole)) | {name: value}


@pytest.mark.parametrize(
    "field", [one for one in FIELDS.values() if one.is_gray], ids=lambda field: field.name
)
def test_neighbouring_values_are_one_bit_apart(field):
    wanted = range(field.largest) if field.width <= 8 else range(0, field.largest, 257)
    for value in wanted:
        here, there = (genome.from_values({field.name: one}) for one in (value, value + 1))
        assert sum(int(word).bit_count() for word in here ^ there) == 1


@given(WHOLE, WHOLE)
def test_hamming_counts_differing_bits(left, right):
    got = HAMMING(jnp.asarray(words_of(left)), jnp.asarray(words_of(right)))
    assert int(got) == bin(left ^ right).count("1")


def test_hamming_reaches_all_512_bits():
    nothing, everything = jnp.zeros(16, jnp.uint32), jnp.full(16, 0xFFFFFFFF, jnp.uint32)
    assert int(HAMMING(nothing, everything)) == 512


def test_json_says_its_version_and_has_every_field_in_its_section():
    data = genome.to_json(np.zeros(16, np.uint32))
    assert data.pop("version") == 2
    assert list(data) == list(SECTIONS)
    for section, content in data.items():
        assert list(content) == [one.name for one in FIELDS.values() if one.section == section]


def changed(**sections):
    data = genome.to_json(np.zeros(16, np.uint32))
    for name, content in sections.items():
        data[name] = content(data[name]) if callable(content) else content
    return data


@pytest.mark.parametrize(
    ("data", "field", "rule"),
    [
        ([], "genome", "a JSON object"),
        (changed(version=1), "version", "2"),
        (changed(colour={}), "colour", "one of topology, physics, entities, reward, rules"),
        (changed(physics=3), "physics", "a JSON object"),
        (changed(physics=lambda old: old | {"width": 1}), "physics.width", "a field of physics"),
        (changed(reward=lambda old: old | {"dense": 256}), "reward.dense", "from 0 to 255"),
        (changed(reward=lambda old: old | {"dense": -1}), "reward.dense", "from 0 to 255"),
        (changed(reward=lambda old: old | {"dense": 1.0}), "reward.dense", "a whole number"),
        (changed(reward=lambda old: old | {"dense": True}), "reward.dense", "a whole number"),
        (changed(reward=lambda old: old | {"dense": "7"}), "reward.dense", "a whole number"),
        (changed(rules={}), "rules.rule_0", "present"),
    ],
)
def test_from_json_names_field_and_rule(data, field, rule):
    with pytest.raises(InvalidGenome) as caught:
        genome.from_json(data)
    assert caught.value.field == field
    assert rule in caught.value.rule
    assert f"{field} must be" in str(caught.value)


def test_from_json_names_the_value():
    with pytest.raises(InvalidGenome, match=r"got 999\."):
        genome.from_json(changed(reward=lambda old: old | {"dense": 999}))


def test_from_values_names_an_unknown_field_and_its_value():
    with pytest.raises(InvalidGenome, match=r"size must be a field of the genome; got 12\."):
        genome.from_values({"size": 12})


@pytest.mark.parametrize("text", ["", "0" * 127, "0" * 129, "g" + "0" * 127, " " + "0" * 127])
def test_from_hex_refuses_anything_but_128_digits(text):
    with pytest.raises(InvalidGenome, match="128 hexadecimal digits"):
        genome.from_hex(text)

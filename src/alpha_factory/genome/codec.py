"""Genome words to field values and back: on the device for decoding, on the host for JSON."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

from alpha_factory.core.errors import InvalidGenome
from alpha_factory.genome.layout import BITS, FIELDS, SECTIONS, WORD_BITS, WORDS, Field

Genome = UInt32[Array, "16"]
Genes = dict[str, Int[Array, ""]]

_VERSION = 2
_HEX_DIGITS = BITS // 4


def read_genes(genome: Genome) -> Genes:
    """Value of every field; total over all 2^512 genomes.

    Args:
        genome: bit i of the genome is bit i % 32 of word i // 32.

    Returns:
        Field name to value in [0, 2^width), Gray code undone.
    """
    return {name: read_field(genome, field).astype(jnp.int32) for name, field in FIELDS.items()}


def read_field(genome: Genome, field: Field) -> UInt32[Array, ""]:
    """Value of one field, Gray code undone."""
    word, shift = divmod(field.offset, WORD_BITS)
    value = (genome[word] >> jnp.uint32(shift)) & jnp.uint32(field.largest)
    step = 1
    while field.is_gray and step < field.width:
        value, step = value ^ (value >> jnp.uint32(step)), 2 * step
    return value


def write_field(genome: Genome, field: Field, value: UInt32[Array, ""]) -> Genome:
    """The genome with one field set to a value in [0, 2^width)."""
    word, shift = divmod(field.offset, WORD_BITS)
    raw = value ^ (value >> jnp.uint32(1)) if field.is_gray else value
    kept = genome[word] & jnp.uint32(~(field.largest << shift) & 0xFFFFFFFF)
    return genome.at[word].set(kept | (raw << jnp.uint32(shift)))


def to_values(genome: np.ndarray | Array) -> dict[str, int]:
    """Field name to value for all fields: the exact content of a genome."""
    whole = _to_int(genome)
    values = {}
    for name, field in FIELDS.items():
        raw = (whole >> field.offset) & field.largest
        values[name] = _from_gray(raw) if field.is_gray else raw
    return values


def from_values(values: Mapping[str, int]) -> np.ndarray:
    """The genome with these field values; fields left out are 0.

    Raises:
        InvalidGenome: for a name that is no field or a value out of its range.
    """
    whole = 0
    for name, value in values.items():
        if name not in FIELDS:
            raise InvalidGenome(name, "a field of the genome", value)
        field = FIELDS[name]
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= field.largest:
            raise InvalidGenome(
                f"{field.section}.{name}", f"a whole number from 0 to {field.largest}", value
            )
        raw = value ^ (value >> 1) if field.is_gray else value
        whole |= raw << field.offset
    return _from_int(whole)


def to_json(genome: np.ndarray | Array) -> dict[str, Any]:
    """A JSON object with one object a section; `from_json` gives the same bits back."""
    values = to_values(genome)
    sections: dict[str, dict[str, int]] = {section: {} for section in SECTIONS}
    for name, field in FIELDS.items():
        sections[field.section][name] = values[name]
    return {"version": _VERSION, **sections}


def from_json(data: Any) -> np.ndarray:
    """Inverse of `to_json`.

    Raises:
        InvalidGenome: naming the field, the rule and the value.
    """
    if not isinstance(data, dict):
        raise InvalidGenome("genome", "a JSON object", data)
    if data.get("version") != _VERSION:
        raise InvalidGenome("version", f"{_VERSION}", data.get("version"))
    values: dict[str, int] = {}
    for section, content in data.items():
        if section == "version":
            continue
        if section not in SECTIONS:
            raise InvalidGenome(section, f"one of {', '.join(SECTIONS)}", content)
        if not isinstance(content, dict):
            raise InvalidGenome(section, "a JSON object", content)
        for name, value in content.items():
            if name not in FIELDS or FIELDS[name].section != section:
                raise InvalidGenome(f"{section}.{name}", f"a field of {section}", value)
            values[name] = value
    for name, field in FIELDS.items():
        if name not in values:
            raise InvalidGenome(f"{field.section}.{name}", "present", None)
    return from_values(values)


def to_hex(genome: np.ndarray | Array) -> str:
    """128 hexadecimal digits, most significant bit of the genome first."""
    return f"{_to_int(genome):0{_HEX_DIGITS}x}"


def from_hex(text: str) -> np.ndarray:
    """Inverse of `to_hex`.

    Raises:
        InvalidGenome: unless the text is 128 hexadecimal digits.
    """
    if len(text) != _HEX_DIGITS or set(text.lower()) - set("0123456789abcdef"):
        raise InvalidGenome("genome", f"{_HEX_DIGITS} hexadecimal digits", text)
    return _from_int(int(text, 16))


def _from_gray(raw: int) -> int:
    value = 0
    while raw:
        value ^= raw
        raw >>= 1
    return value


def _to_int(genome: np.ndarray | Array) -> int:
    return int.from_bytes(np.asarray(genome, dtype="<u4").tobytes(), "little")


def _from_int(whole: int) -> np.ndarray:
    return np.frombuffer(whole.to_bytes(BITS // 8, "little"), dtype="<u4").reshape(WORDS).copy()

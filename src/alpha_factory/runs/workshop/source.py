"""Any world that a person can name.

A source is a genome as 128 hexadecimal digits, a genome's JSON file, a level's text file, the name of a public maze, or
a suite and one of its levels, such as `four-rooms-v1/NAME`.
"""

import difflib
import json
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import InvalidGenome, InvalidLevel, UsageError, unknown
from alpha_factory.evaluate import limit_steps
from alpha_factory.genome import BITS, from_hex, from_json
from alpha_factory.records import WorldCard
from alpha_factory.runs.suites import SUITES, load_suite
from alpha_factory.worlds import GridLevel, decode, public_mazes
from alpha_factory.worlds.levels.file import parse_level
from alpha_factory.worlds.levels.validity import check_level

_HEX_DIGITS = BITS // 4
_MOSTLY_HEX = 32  # hexadecimal digits from which a source is taken for a genome with some missing

_decode = jax.jit(decode)


class NamedWorld(NamedTuple):
    """A world that somebody named."""

    genome: np.ndarray | None  # None for a level that no genome stands for
    level: GridLevel


def find_world(source: str) -> NamedWorld:
    """The world that a source names.

    Raises:
        UsageError: there is no such source; the message says what there is.
        InvalidGenome, InvalidLevel: the source breaks its schema.
    """
    world = _read_source(source)
    check_level(world.level)
    return world


def from_genome(genome: np.ndarray) -> NamedWorld:
    """The world of a genome."""
    return NamedWorld(genome, decode_genome(genome))


def from_card(card: WorldCard) -> NamedWorld:
    """The world of an archive's card."""
    if card.genome is not None:
        return from_genome(from_hex(card.genome))
    assert card.level is not None, "a world has a genome, or was drawn"
    return NamedWorld(None, parse_level(card.level))


def decode_genome(genome: np.ndarray) -> GridLevel:
    """The level that a genome means, compiled once for all callers on the host."""
    return _decode(jnp.asarray(genome))


def _read_source(source: str) -> NamedWorld:
    mazes = public_mazes()
    if source in mazes:
        return NamedWorld(None, mazes[source])
    is_hex = not set(source.lower()) - set("0123456789abcdef")
    if is_hex and len(source) >= _MOSTLY_HEX:
        return from_genome(from_hex(source))
    path = Path(source)
    if _is_file(path):
        return _read_file(path)
    suite, _, name = source.partition("/")
    if suite in SUITES:
        return NamedWorld(None, _pick_level(suite, name))
    forms = [
        f"{_HEX_DIGITS} hexadecimal digits",
        "a genome's JSON file",
        "a level's text file",
        *(f"{suite}/LEVEL" for suite in SUITES),
    ]
    raise unknown("world", source, [*mazes, *forms])


def _read_file(path: Path) -> NamedWorld:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidLevel(str(path), "a text file in UTF-8", f"byte {error.start}") from error
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error
    if not text.lstrip().startswith("{") and path.suffix != ".json":
        return NamedWorld(None, parse_level(text))
    try:
        return from_genome(from_json(json.loads(text)))
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise InvalidGenome(str(path), "JSON", where) from error


def _pick_level(suite: str, name: str) -> GridLevel:
    """A level of a suite, at the first of the suite's step limits."""
    chosen = load_suite(suite)
    if name not in chosen.names:
        close = difflib.get_close_matches(name, chosen.names, n=1)
        hint = f" Did you mean {suite}/{close[0]}?" if close else ""
        raise UsageError(
            f"Suite {suite} has no level {name!r}.{hint} Its {len(chosen.names)} levels go from "
            f"{chosen.names[0]} to {chosen.names[-1]}."
        )
    levels, at = limit_steps(chosen.levels, chosen.step_limits[0]), chosen.names.index(name)
    return jax.tree.map(lambda leaf: leaf[at], levels)


def _is_file(path: Path) -> bool:
    """Whether it is one; no for a name that no file can have, such as an overlong one."""
    try:
        return path.is_file()
    except OSError:
        return False

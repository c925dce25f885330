"""What `worlds.gym` is given, as levels: genomes or levels, one for all worlds or one for each. Host code."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import InvalidGenome, InvalidLevel, UsageError
from alpha_factory.genome import WORDS, from_hex
from alpha_factory.worlds.levels.decode import decode
from alpha_factory.worlds.levels.file import parse_level
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.validity import check_level

_decode = jax.jit(decode)


def read_levels(genome: Any, level: Any, worlds: int) -> list[GridLevel]:
    """A level for each of so many worlds, from one source for all or a list with one for each.

    Raises:
        UsageError: neither or both of genome and level are given, or not one for each world, or of different sizes.
        InvalidGenome, InvalidLevel: what is given breaks its schema.
    """
    given = level if genome is None else genome
    # A list of digits names a world for each; a list of numbers is one genome.
    is_list = isinstance(given, list | tuple) or np.ndim(given) > 0
    is_words = (
        genome is not None
        and is_list
        and len(genome) > 0
        and all(np.ndim(one) == 0 and not isinstance(one, str) for one in genome)
    )
    if not is_list or is_words:
        return [read_level(genome, level)] * worlds
    if len(given) != worlds:
        raise UsageError(f"num_envs={worlds} worlds have {len(given)} sources. Give one for each.")
    levels = [
        read_level(one, level) if genome is not None else read_level(None, one) for one in given
    ]
    shapes = sorted({one.tile.shape for one in levels})
    if len(shapes) > 1:
        raise UsageError(f"The levels have arrays of different sizes: {shapes}. Give them one.")
    return levels


def read_level(genome: Any, level: Any) -> GridLevel:
    """The level of a genome (128 hexadecimal digits, or 16 words) or of a level (itself, or the text of its file).

    Raises:
        UsageError: neither or both are given.
        InvalidGenome, InvalidLevel: what is given breaks its schema.
    """
    if (genome is None) == (level is None):
        raise UsageError("Give either genome=… or level=…, and not both.")
    if level is None:
        return _decode(jnp.asarray(_read_genome(genome)))
    chosen = parse_level(level) if isinstance(level, str) else level
    if not isinstance(chosen, GridLevel):
        raise InvalidLevel("level", "a GridLevel or the text of a level's file", chosen)
    check_level(chosen)
    return chosen


def _read_genome(genome: Any) -> np.ndarray:
    if isinstance(genome, str):
        return from_hex(genome)
    words = np.asarray(genome)
    if words.shape != (WORDS,) or words.dtype.kind not in "ui":
        raise InvalidGenome("genome", f"{WORDS} words of 32 bits or 128 hexadecimal digits", genome)
    if (words < 0).any() or (words > 0xFFFFFFFF).any():
        raise InvalidGenome("genome", "words from 0 to 2^32 - 1", genome)
    return words.astype(np.uint32)

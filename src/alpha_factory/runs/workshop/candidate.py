"""A world that somebody puts forward: its text or genome in, the world out, or why it can't be one of a run."""

import numpy as np

from alpha_factory.core.errors import InvalidGenome, InvalidLevel
from alpha_factory.genome import from_hex
from alpha_factory.runs.workshop.source import NamedWorld, from_genome
from alpha_factory.worlds import SIDE
from alpha_factory.worlds.levels.file import parse_level
from alpha_factory.worlds.levels.validity import check_level


def read_candidate(level: str | None, genome: str | None) -> NamedWorld:
    """The world of a level's text or, without one, of a genome's hexadecimal digits.

    The page asks before it writes the world down, the run before it judges it.

    Raises:
        InvalidGenome, InvalidLevel: it can't be one of a run; the message says why.
    """
    if level is None:
        assert genome is not None, "a candidate has one of the two"
        words = from_hex(genome)
        if not words.any():
            raise InvalidGenome(
                "genome", "one with any bit set", "zeros, which stand for no genome"
            )
        return from_genome(words)
    drawn = parse_level(level)
    check_level(drawn)
    if drawn.tile.shape != (SIDE, SIDE):
        size = " x ".join(map(str, np.asarray(drawn.size).tolist()))
        raise InvalidLevel("size", f"at most {SIDE} x {SIDE} cells for a world of a run", size)
    return NamedWorld(None, drawn)

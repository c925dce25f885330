"""Worlds that people put forward: what they wrote in, candidates of a cycle and what became of them out.

A guest takes the place of a cycle's last child and is judged as any other candidate. A level that was
drawn has no genome: decoding goes one way, and few drawings are the level of any genome. So the archive
keeps the text of its file instead; it has no children, novelty is not measured against it, and it ranks
as a random genome would. Who the guests of a cycle are is settled in the archive before the
cycle, for good, so that a run which goes through the cycle again has the same ones.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.core.types import Level
from alpha_factory.curriculum import Guests
from alpha_factory.evaluate import stack_levels
from alpha_factory.genome import WORDS
from alpha_factory.records import MOST_CANDIDATES, CandidateAct
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.workshop.candidate import read_candidate
from alpha_factory.worlds import GridLevel


class Guest(NamedTuple):
    """A world that somebody put forward."""

    act: CandidateAct
    genome: np.ndarray  # all zeros for a drawn level
    level: GridLevel


class GuestList:
    """Who waits, and who comes to which cycle."""

    def __init__(self, archive: Archive, room: int) -> None:
        """Nobody waits yet.

        Args:
            room: guests in a cycle at most.
        """
        self._archive = archive
        self._room = room
        self._waiting: list[Guest] = []
        self._settled = archive.invited()

    def hear(self, act: CandidateAct) -> str | None:
        """Let a world wait for the next cycle, or say why it can't be one; nothing if its turn was settled before."""
        if act.id in self._settled:
            return None
        if len(self._waiting) >= MOST_CANDIDATES:
            return (
                f"{MOST_CANDIDATES} worlds wait already, and a cycle takes {self._room}; "
                "put it forward again later"
            )
        try:
            self._waiting.append(read_guest(act))
        except AlphaFactoryError as error:
            return str(error)
        return None

    def settle(self, cycle: int) -> list[Guest]:
        """The guests of a cycle."""
        settled = self._archive.guests(cycle)
        if settled is None:
            chosen, self._waiting = self._waiting[: self._room], self._waiting[self._room :]
            settled = [guest.act.model_dump_json() for guest in chosen]
            self._archive.invite(cycle, settled)
            return chosen
        return [read_guest(CandidateAct.model_validate_json(act)) for act in settled]


def read_guest(act: CandidateAct) -> Guest:
    """The world of an act.

    Raises:
        InvalidGenome, InvalidLevel: it can't be one of a run; the message says why.
    """
    world = read_candidate(act.level, act.genome)
    genome = np.zeros(WORDS, np.uint32) if world.genome is None else world.genome
    return Guest(act, genome, world.level)


def seat(guests: Sequence[Guest], level: Level, room: int) -> Guests:
    """The guests of a cycle as arrays of one shape, however many there are; the last places are theirs.

    Args:
        level: any one, to fill up with.
    """
    empty = room - len(guests)
    nobody = np.zeros(WORDS, np.uint32)
    return Guests(
        jnp.asarray(np.stack([*[nobody] * empty, *(guest.genome for guest in guests)])),
        stack_levels([*[level] * empty, *(guest.level for guest in guests)]),
        jnp.arange(room) >= empty,
    )

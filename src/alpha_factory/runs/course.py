"""What a run is made of besides its loop: the hooks of its caller, and the course that it takes.

A *course* says what is trained in a stretch and what is due between two stretches: POET's is `runs.evolution.course`,
that of selectors of levels `runs.schooling.course`. All that it must remember is in its `state` and `counters` and in
what `remember` gives; the loop keeps these in checkpoints.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jax.sharding import Mesh

from alpha_factory.learn import Losses, PpoLosses
from alpha_factory.records import CandidateAct, FeedbackAct, MetricRow, RunState
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import Counters

Check = Callable[[Losses | PpoLosses, int, Callable[[int], str], str], None]
"""`check(losses, updates, tell_world, whose)`: raises `Diverged` where learning has to stop (`divergence`)."""


@dataclass
class Hooks:
    """What a caller may want to know or say while a run is going on."""

    logged: Callable[[MetricRow], None] = lambda row: None
    """After every stretch of training, and the cycle that followed it if one was due."""
    is_stopping: Callable[[], bool] = lambda: False
    """Asked after every stretch; a run told to stop saves and returns."""
    warned: Callable[[str], None] = lambda message: None
    """What a person should know at once."""
    event: Callable[[str, dict], None] = lambda kind, payload: None
    """What the ledger should know."""
    doing: Callable[[RunState, str], None] = lambda state, words: None
    """What begins now, and the same in words."""


@runtime_checkable
class Course(Protocol):
    """A kind of run."""

    config: RunConfig
    mesh: Mesh | None
    """Devices that the state is spread over; None for one."""
    state: Any
    """The arrays of the run between two stretches."""
    counters: Counters

    @property
    def compile_s(self) -> float:
        """Seconds spent compiling so far."""

    def remember(self) -> dict[str, Any]:
        """What a checkpoint needs beside state and counters, for JSON."""

    def recall(self, remembered: dict[str, Any]) -> None:
        """Take up what a checkpoint held."""

    def rewind(self) -> None:
        """Bring the course's own records to where the counters are, be it the beginning."""

    def train(self, check: Check) -> int:
        """One stretch; the env steps that it took."""

    def turn(self) -> bool:
        """What is due after the stretch; whether a checkpoint is."""

    def hear(self, act: CandidateAct | FeedbackAct) -> str | None:
        """Take up what a person put forward or thinks, or say why not."""

    def tell(self, frames_per_s: float) -> MetricRow:
        """The row after a stretch, and what followed it."""

    def checksum(self) -> int:
        """A number that is the same in all processes of a run, if they are still at one."""

    def sum_up(self) -> dict[str, Any]:
        """What the course adds to the summary of a run that ended."""

    def close(self) -> None:
        """Close the course's own files."""

"""The course of methods that choose levels: rounds of playing them, and of learning where the method says so."""

import zlib
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import Round, play_rounds
from alpha_factory.records import CandidateAct, FeedbackAct, MetricRow
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.course import Check, Hooks
from alpha_factory.runs.lessons import Pupil, begin_pupil, make_lesson
from alpha_factory.runs.machine.compiler import Compiler, Compiling
from alpha_factory.runs.machine.memory import estimate_pupil
from alpha_factory.runs.machine.shortage import Estimate
from alpha_factory.runs.schooling.row import find_trouble, make_rounds_row, to_numbers
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import Counters


class LessonPrograms:
    """The two programs of such a run, compiled on first use.

    `compiling` is called with a program's name before each compilation.
    """

    def __init__(self, config: RunConfig, compiling: Compiling = lambda name: None) -> None:
        """Nothing is compiled yet.

        Raises:
            UsageError: the config asks for what there is not.
        """
        self.config = config
        self.lesson = make_lesson(config)
        self._compiler = Compiler(None, compiling, self._estimate)

    def begin(self) -> Pupil:
        """The state of a run that has done nothing yet."""
        return self._compiler.call("begin", lambda: begin_pupil(self.config, self.lesson))

    def train(self, pupil: Pupil, *, key: PRNGKeyArray) -> tuple[Pupil, Round]:
        """A stretch of rounds. The pupil's buffers are given away."""
        return self._compiler.call("train", self._train, key, pupil, donate="all-except-first")

    @property
    def compile_s(self) -> float:
        """Seconds spent compiling so far."""
        return self._compiler.compile_s

    def _train(self, key: PRNGKeyArray, pupil: Pupil) -> tuple[Pupil, Round]:
        learner, selection, brought = play_rounds(
            self.lesson,
            pupil.learner,
            pupil.selection,
            rounds=self.config.levels.rounds,
            key=key,
        )
        return Pupil(learner, selection), brought

    def _estimate(self, work: int | None) -> Estimate:
        return estimate_pupil(self.config, work=work)


class Schooling:
    """`levels.rounds` rounds are a stretch, and `curriculum.chunks` stretches count as a cycle."""

    def __init__(self, programs: LessonPrograms, hooks: Hooks) -> None:
        self.config = programs.config
        self.mesh: Mesh | None = None
        self.programs = programs
        self.counters = Counters(worlds=0)
        self.state: Pupil = programs.begin()
        self._tell = programs.lesson.selector.tell
        self._hooks = hooks
        self._brought: Round | None = None
        self._told: set[str] = set()

    @property
    def compile_s(self) -> float:
        """Seconds spent compiling so far."""
        return self.programs.compile_s

    def remember(self) -> dict[str, Any]:
        """Nothing: all is in the state."""
        return {}

    def recall(self, remembered: dict[str, Any]) -> None:
        """Nothing to take up."""

    def rewind(self) -> None:
        """No records of its own."""

    def train(self, check: Check) -> int:
        """One stretch of rounds."""
        key = derive_key(self.config.seed, "train", self.counters.chunk)
        self.state, brought = self.programs.train(self.state, key=key)
        is_practised = np.asarray(brought.is_practised)
        losses = jax.tree.map(lambda leaf: np.asarray(leaf)[is_practised], brought.report.losses)
        check(losses, self.counters.student_updates, lambda lane: f"the level of lane {lane}", "")
        updates = own = losses.in_a_row.size
        for name, report in brought.others.items():
            of_other = jax.tree.map(np.asarray, report.losses)
            made = self.counters.chunk * of_other.in_a_row.size
            check(of_other, made, lambda lane: f"the level of lane {lane}", f" of the {name}")
            updates += of_other.in_a_row.size
        self._brought = brought
        for trouble in find_trouble(brought, self._tell(self.state.selection)):
            self._say_once(trouble)
        walked = int(np.sum(brought.frames))
        frames = walked + int(np.sum(brought.beside))
        self.counters = self.counters.add(
            chunk=1, frames=frames, updates=updates, student_frames=walked, student_updates=own
        )
        return frames

    def turn(self) -> bool:
        """Nothing but to count; a checkpoint is due where one of a curriculum with cycles would be."""
        if self.counters.chunk % self.config.curriculum.chunks:
            return False
        self.counters = self.counters.add(cycle=1)
        return self.counters.cycle % self.config.checkpoint_cycles == 0

    def hear(self, act: CandidateAct | FeedbackAct) -> str | None:
        """What people think is noted; worlds are the method's to choose."""
        if isinstance(act, FeedbackAct):
            return None
        return (
            f"{self.config.curriculum.name} chooses its levels by itself and has no pool of worlds"
        )

    def tell(self, frames_per_s: float) -> MetricRow:
        """The row after a stretch."""
        assert self._brought is not None
        return make_rounds_row(
            self.counters,
            self._brought,
            self._tell(self.state.selection),
            learning=self.config.learning,
            skipped=int(self.state.learner.skipped),
            frames_per_s=frames_per_s,
        )

    def checksum(self) -> int:
        """Of the first of the network's weights."""
        weights = jax.tree.leaves(eqx.filter(self.state.learner.model, eqx.is_inexact_array))
        return zlib.crc32(np.asarray(weights[0]).tobytes())

    def sum_up(self) -> dict[str, Any]:
        """What the selector says of its state at the end."""
        return {"selection": to_numbers(self._tell(self.state.selection))}

    def close(self) -> None:
        """No files of its own."""

    def _say_once(self, trouble: str) -> None:
        if trouble not in self._told:
            self._told.add(trouble)
            self._hooks.warned(trouble)
            self._hooks.event("levels", {"trouble": trouble})


def check_alone(mesh: Mesh | None) -> None:
    """Raise unless one device of one process is to be used.

    Raises:
        UsageError: there are more.
    """
    if mesh is not None:
        raise UsageError(
            f"A curriculum of levels uses one device, and so does PPO, not {mesh.size}: give --devices 1."
        )

"""The run itself: train, let the curriculum turn, log, save, until the budget is spent.

Read this file first. What is trained and how the curriculum turns is the run's course (`runs.course`):
POET's is `runs/evolution/course.py`, that of methods which choose levels `runs/schooling/course.py`. Everything
that a run depends on is in its course's state and counters; random numbers follow from the seed and
the counters. So a run that is stopped between any two stretches and resumed from its checkpoint
gives the same bits as one that was not.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from alpha_factory.core.errors import Diverged
from alpha_factory.learn import Losses, PpoLosses
from alpha_factory.runs.course import Course, Hooks
from alpha_factory.runs.divergence import check_progress
from alpha_factory.runs.files import checkpoint
from alpha_factory.runs.files.directory import RunDirectory, check_same_settings
from alpha_factory.runs.files.durable import list_checkpoints, name_checkpoint
from alpha_factory.runs.files.metrics import Board, MetricWriter
from alpha_factory.runs.machine.devices import spread
from alpha_factory.runs.machine.processes import agree, gather, is_first, together
from alpha_factory.runs.playback import Recorder
from alpha_factory.runs.settings.config import MAY_CHANGE
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.state import Counters
from alpha_factory.runs.steering.steering import Steering

_REST_S = 0.2
"""Between two looks at what people ask for, while paused."""


class Run:
    """A run in a directory, from its beginning or its last checkpoint to the end of its budget."""

    def __init__(
        self,
        directory: RunDirectory,
        course: Course,
        hooks: Hooks,
        *,
        steering: Steering | None = None,
        recorder: Recorder | None = None,
        boards: Sequence[Board] = (),
    ) -> None:
        """A run at its beginning.

        Args:
            steering: what people ask of it; None for that of its directory from now on.
            recorder: plays episodes to be watched; None for nobody.
            boards: what is given every row, beside the files of the directory.
        """
        self.config = course.config
        self.steering = steering or Steering(directory.path, hooks.event)
        self._recorder = recorder
        self._paused_s = 0.0
        self.directory = directory
        self.course = course
        self._hooks = hooks
        self._started = time.perf_counter()
        self._compiled, self._filmed = self._compile_s, self._camera_s
        self._before = Counters()
        self._metrics = MetricWriter(directory.path, boards)
        self._saved_chunk = -1

    @property
    def state(self) -> Any:
        """The arrays of the run."""
        return self.course.state

    @property
    def counters(self) -> Counters:
        """Its numbers."""
        return self.course.counters

    def restore_or_start(self, *, is_resuming: bool) -> None:
        """Take up the last whole checkpoint, or begin."""
        course = self.course
        restored = (
            checkpoint.load_latest(self.directory.checkpoints, course.state)
            if is_resuming
            else None
        )
        if restored is not None:
            # The file may have been edited since; the checkpoint says what the run really is.
            extra = dict(restored.extra)
            check_same_settings(
                self.directory.path, extra.pop("config"), to_json(self.config), MAY_CHANGE
            )
            course.state = spread(course.mesh, restored.tree)
            course.counters = self._before = Counters(**extra.pop("counters"))
            course.recall(extra)
            self._saved_chunk = self.counters.chunk
            for skipped in restored.skipped:
                self._hooks.event("checkpoint skipped", {"reason": skipped})
                self._hooks.warned(f"Skipped a checkpoint that is not whole: {skipped}.")
        course.rewind()
        self._metrics.rewind(self.counters.frames if restored else -1)
        if self._recorder is not None:
            self._recorder.rewind(self.counters.frames)
        self._hooks.event("resumed" if restored else "started", {"frames": self.counters.frames})

    def train(self, *, seconds: float | None, frames: int | None) -> bool:
        """Go on until the budget is spent or the hooks say stop.

        Args:
            seconds: of work and compilation, of all processes of this run together.
            frames: env steps in all.

        Returns:
            Whether the budget was spent, and the run not merely stopped.

        Raises:
            Diverged: too many updates in a row had to be skipped. The last checkpoint is as it was.
            DiskFull: nothing more could be saved. The last checkpoint is as it was.
        """
        self._look()
        self._rest()
        while not self._is_spent(seconds, frames):
            if self._hooks.is_stopping() or self.steering.is_stopping:
                self.save()
                return False
            frames_per_s = self._stretch()
            self._look()
            cycle = self.counters.cycle
            is_saving = self.course.turn()
            self._log(frames_per_s)
            if is_saving:
                self.save()
            self._save_if_asked()
            if self._recorder is not None and self.counters.cycle > cycle:
                self._recorder.record(self.state, self.counters, self._hooks.doing)
            self._rest()
        self.save()
        self.steering.end_training()
        if self._recorder is not None:
            self._recorder.complete(self.state, self.counters, self._hooks.doing, self._is_ending)
        return True

    def save(self) -> None:
        """Write a checkpoint of the present state, unless there is one."""
        if self._saved_chunk == self.counters.chunk:
            return
        self._hooks.doing("saving", "saving a checkpoint")
        self._count_time()
        extra = {
            "config": to_json(self.config),
            "counters": self.counters.to_json(),
            **self.course.remember(),
        }
        folder, step, whole = self.directory.checkpoints, self.counters.chunk, gather(self.state)
        together(lambda: checkpoint.save(folder, step, whole, extra) if is_first() else None)
        self._saved_chunk = step
        self._hooks.event(
            "saved", {"checkpoint": name_checkpoint(step), "frames": self.counters.frames}
        )

    def is_stopped(self) -> bool:
        """Whether somebody asked for a stop, now that training is over."""
        self._look()
        return self.steering.is_stopping

    def _is_ending(self) -> bool:
        return self._hooks.is_stopping() or self.is_stopped()

    def close(self) -> None:
        """Close the run's files."""
        self.course.close()
        self._metrics.close()
        if self._recorder is not None:
            self._recorder.close()

    @property
    def _compile_s(self) -> float:
        own = 0.0 if self._recorder is None else self._recorder.compile_s
        return own + self.course.compile_s

    @property
    def _camera_s(self) -> float:
        return 0.0 if self._recorder is None else self._recorder.camera_s

    def _look(self) -> None:
        """Take up what people asked for."""
        self.steering.look(self.counters.frames, self.counters.cycle, self.course.hear)

    def _save_if_asked(self) -> None:
        if self.steering.is_saving:
            self.save()
            self.steering.saved(self.counters.frames, self.counters.cycle)

    def _rest(self) -> None:
        """Do nothing for as long as the run is paused; this time counts nowhere."""
        before = self._paused_s
        while self.steering.is_paused and not self.steering.is_stopping:
            if self._hooks.is_stopping():
                break
            self._hooks.doing("paused", "paused")
            start = time.perf_counter()
            time.sleep(_REST_S)
            self._paused_s += time.perf_counter() - start
            self._look()
            self._save_if_asked()
        if rested := self._paused_s - before:
            self._hooks.event("paused", {"seconds": rested, "frames": self.counters.frames})

    def _stretch(self) -> float:
        """Train once; frames per second, compilation left out."""
        self._hooks.doing("training", "training")
        start = time.perf_counter() - self.course.compile_s
        frames = self.course.train(self._check_progress)
        seconds = time.perf_counter() - self.course.compile_s - start
        self.course.counters = dataclasses.replace(
            self.counters, train_s=self.counters.train_s + seconds
        )
        return frames / seconds

    def _check_progress(
        self,
        losses: Losses | PpoLosses,
        updates: int,
        tell_world: Callable[[int], str],
        whose: str,
    ) -> None:
        last = next(iter(list_checkpoints(self.directory.checkpoints).values()), None)
        try:
            check_progress(
                losses, updates=updates, tell_world=tell_world, checkpoint=last, whose=whose
            )
        except Diverged as diverged:
            self._hooks.event("diverged", {"update": diverged.update, "terms": [*diverged.terms]})
            raise

    def _log(self, frames_per_s: float) -> None:
        self._count_time()
        row = self.course.tell(frames_per_s)
        self._metrics.write(row)
        self._hooks.logged(row)

    def _count_time(self) -> None:
        """Seconds of this process go on top of those of the ones before it."""
        compile_s = self._compile_s - self._compiled
        # What the camera compiles is the films' as well, for which the budget keeps time at the end.
        apart_s = self._paused_s + self._camera_s - self._filmed
        wall_s = time.perf_counter() - self._started - compile_s - apart_s
        self.course.counters = dataclasses.replace(
            self.counters,
            compile_s=self._before.compile_s + compile_s,
            wall_s=self._before.wall_s + wall_s,
        )

    def _is_spent(self, seconds: float | None, frames: int | None) -> bool:
        self._count_time()
        spent = self.counters.wall_s + self.counters.compile_s
        is_spent = (seconds is not None and spent >= seconds) or (
            frames is not None and self.counters.frames >= frames
        )
        return agree(is_spent, self.course.checksum())

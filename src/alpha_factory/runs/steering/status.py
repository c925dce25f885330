"""`status.json`: what a run is doing this second, and that its process is alive."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from alpha_factory.records import MetricRow, RunState, RunStatus

_FILE = "status.json"
_BEAT_S = 1.0
_LONGEST_ERROR = 2_000
_FINAL: tuple[RunState, ...] = ("finished", "stopped", "crashed")


class Status:
    """Says so at every change, and once a second while its process lives. Nothing depends on it.

    Whether a run that says that it trains was killed is told by the time of its last beat.
    """

    def __init__(self, run: Path) -> None:
        """Nothing is written yet."""
        self._path = run / _FILE
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        now = time.time()
        self._now = RunStatus(
            state="starting",
            doing="starting",
            since=now,
            beat=now,
            process=os.getpid(),
            host=os.uname().nodename[:80],
        )

    def __enter__(self) -> "Status":
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if error is not None:
            words = str(error) or type(error).__name__
            self._change(error=words[:_LONGEST_ERROR])
            self.doing("crashed", "ended by an error")
        elif self._now.state not in _FINAL:
            self.doing("stopped", "stopped")

    def doing(self, state: RunState, words: str) -> None:
        """Something else begins.

        Args:
            words: the same in words.
        """
        if (state, words) != (self._now.state, self._now.doing):
            self._change(state=state, doing=words, since=time.time())

    def compiling(self, program: str) -> Callable[[], None]:
        """A program is about to be compiled; what is returned is to be called when it has been."""
        before = self._now
        self.doing("compiling", f"compiling {program}")
        return lambda: self.doing(before.state, before.doing)

    def logged(self, row: MetricRow, seconds_left: float | None) -> None:
        """A stretch of training is over."""
        self._change(
            frames=row.frames, updates=row.updates, cycle=row.cycle, seconds_left=seconds_left
        )

    def _change(self, **changes: Any) -> None:
        with self._lock:
            self._now = self._now.model_copy(update=changes)
        self._write()

    def _beat(self) -> None:
        while not self._ended.wait(_BEAT_S):
            self._write()

    def _write(self) -> None:
        """Replace the file; if that can't be, the next beat will try again."""
        temporary = self._path.with_name(f".{_FILE}.tmp")
        with self._lock, suppress(OSError):
            told = self._now.model_copy(update={"beat": time.time()})
            temporary.write_text(told.model_dump_json() + "\n", encoding="utf-8")
            temporary.replace(self._path)

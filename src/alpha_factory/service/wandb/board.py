"""Rows for Weights & Biases: a queue that never blocks in, a process that talks to it out.

Its library starts processes and threads, prints, asks for keys, and waits for the network as long as that takes. So it
has a process of its own (`service.wandb.worker`): whatever it does there, a run neither waits for it nor ends by it.
"""

import json
import os
import queue
import secrets
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from alpha_factory.core.errors import UsageError
from alpha_factory.records import MetricRow
from alpha_factory.runs.files.durable import write_whole
from alpha_factory.service.effects import Child, ChildFailed

FILE = "wandb.json"
PROJECT = "alpha-factory"
_MOST_WAITING = 10_000
"""Rows that wait at most while W&B is slow; those beyond are left out."""
_START_S = 300.0  # the network may be slow, and nobody waits for it
_ANSWER_S = 120.0
_FINISH_S = 15.0
"""What the end of a run gives W&B to send what it has."""


class Place(BaseModel):
    """`wandb.json`: which run of W&B a run is."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    project: str
    id: str


class WandbBoard:
    """Shows rows on W&B. What goes wrong there is said once, and no more of it done.

    Use it in a `with` statement that outlasts the run: at its end W&B has some seconds to send the rest.
    """

    def __init__(
        self,
        run: Path,
        settings: dict[str, Any],
        *,
        project: str | None,
        say: Callable[[str], None],
        arguments: Sequence[str] | None = None,
    ) -> None:
        """Begin, or go on with, the run of W&B that `run` is; nobody waits for it.

        Args:
            project: None for that in which the run was begun, or `PROJECT`.
            say: called with what a person should know, from another thread.
            arguments: the program that talks to W&B; None for the worker.

        Raises:
            UsageError: the run was begun in another project.
        """
        self._place = find_place(run, project)
        self._run, self._say = run, say
        module = "alpha_factory.service.wandb.worker"
        # -P: W&B leaves a folder `wandb` where it works, which must not be taken for its library.
        self._arguments = arguments or (sys.executable, "-P", "-m", module)
        self._waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._is_off = self._is_closed = False
        self._left_out = 0
        self._child: Child | None = None
        name = run.resolve().name
        self._waiting.put(
            {
                "do": "begin",
                **self._place.model_dump(),
                "name": name,
                "dir": str(run.resolve()),
                "config": settings,
            }
        )
        self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._thread.start()

    def __enter__(self) -> "WandbBoard":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        self._thread.join(0.0 if kind is KeyboardInterrupt else _FINISH_S)
        if self._thread.is_alive():
            self._end(f"it had not sent everything {_FINISH_S:g} s after the run's end")
            if self._child is not None:
                self._child.kill()
            self._thread.join(_FINISH_S)

    def write(self, row: MetricRow) -> None:
        """Have a row shown, at once or when W&B has time for it."""
        if self._is_off:
            return
        if self._waiting.qsize() >= _MOST_WAITING:
            self._left_out += 1
            if self._left_out == 1:
                self._say("Weights & Biases is slow: rows are left out there.")
            return
        self._waiting.put({"do": "log", "step": row.frames, "numbers": row.numbers()})

    def rewind(self, frames: int) -> None:
        """Nothing: W&B takes nothing back, and ignores rows for steps that it has; they say the same."""

    def close(self) -> None:
        """No more rows come."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.put(None)

    def _work(self) -> None:
        try:
            # Without a terminal, the library says that it has no key instead of asking for one.
            environment = os.environ | {"WANDB_SILENT": "true"}
            with Child(self._arguments, environment=environment) as self._child:
                timeout_s = _START_S
                while (message := self._waiting.get()) is not None:
                    self._ask(message, timeout_s)
                    timeout_s = _ANSWER_S
                self._ask({"do": "finish"}, _START_S)
        except (ChildFailed, ValueError) as error:
            self._end(str(error))

    def _ask(self, message: dict[str, Any], timeout_s: float) -> None:
        assert self._child is not None
        answer = json.loads(self._child.ask(json.dumps(message), timeout_s))
        if problem := answer.get("problem"):
            raise ChildFailed(problem)
        if url := answer.get("url"):
            self._say(f"On Weights & Biases: {url}")

    def _end(self, reason: str) -> None:
        if self._is_off:
            return
        self._is_off = True
        while not self._waiting.empty():
            self._waiting.get()
        self._say(
            f"No more is shown on Weights & Biases: {reason} The run and its own files are not touched by that; "
            f"`wandb sync {self._run}/wandb/*run-*` sends what W&B has kept there."
        )


def find_place(run: Path, project: str | None) -> Place:
    """Which run of W&B the run at `run` is: the one that it was, or a new one.

    Raises:
        UsageError: it is one of another project than `project`.
    """
    try:
        place = Place.model_validate_json((run / FILE).read_bytes())
    except (OSError, ValidationError):
        place = Place(project=project or PROJECT, id=secrets.token_hex(8))
        write_whole(run / FILE, [place.model_dump_json().encode() + b"\n"])
    if project not in (None, place.project):
        raise UsageError(
            f"{run} is in the project {place.project!r} of Weights & Biases, not in {project!r}. "
            f"Give --wandb alone to go on there, or delete {run / FILE} to begin another."
        )
    return place

"""The workshop's client: a request in, an answer of the worker process out. The process starts at the first request."""

import json
import os
import sys
import threading
from typing import Any, Literal

from alpha_factory.service.effects import Child, ChildFailed
from alpha_factory.service.page.problem import Problem

_START_S = 120.0
_ANSWER_S = 120.0
_MOST_WAITING = 16
WorkerState = Literal["not started", "starting", "ready", "failed"]


class WorkshopClient:
    """One worker process for all clients, a request at a time. For many threads."""

    def __init__(self, arguments: tuple[str, ...] | None = None) -> None:
        """Plan to start `arguments`, which is the workshop unless told otherwise."""
        module = "alpha_factory.service.page.worker"
        self._arguments = arguments or (sys.executable, "-m", module)
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self._child: Child | None = None
        self._is_closed = False
        self.state: WorkerState = "not started"

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The worker's answer.

        Raises:
            Problem: too many requests wait, or the worker could not start, died or took too long.
        """
        if not self._waiting.acquire(blocking=False):
            raise Problem("busy", "The workshop has too much to do. Try again in a moment.")
        try:
            with self._lock:
                if self._is_closed:
                    raise Problem("unavailable", "The page is being closed.")
                return self._ask(json.dumps({"do": do, **request}))
        finally:
            self._waiting.release()

    def close(self) -> None:
        """End the worker at once, whatever it is at; who waits for it hears that it left. No other is started."""
        self._is_closed = True
        if (child := self._child) is not None:
            child.kill()
        with self._lock:
            self._drop("not started")

    def _ask(self, line: str) -> dict[str, Any]:
        try:
            if self._child is None:
                self.state = "starting"
                environment = os.environ | {"JAX_PLATFORMS": "cpu"}
                self._child = Child(self._arguments, environment=environment)
                if self._is_closed:  # meanwhile, when it was not there to be killed
                    raise ChildFailed("the page is being closed.")
                self._child.hear(_START_S)
            answer = json.loads(self._child.ask(line, _ANSWER_S))
        except (ChildFailed, ValueError) as error:
            # Its state is not known any more; the next request gets a new one.
            self._drop("failed")
            raise Problem("unavailable", f"The workshop failed: {error}") from error
        except BaseException:
            self._drop("failed")
            raise
        self.state = "ready"
        return answer

    def _drop(self, state: WorkerState) -> None:
        if self._child is not None:
            self._child.kill()  # it keeps nothing, and may be in the midst of a compilation
            self._child.close()
        self._child, self.state = None, state

"""The process that talks to Weights & Biases: a request a line in, an answer a line out, as `WandbBoard` sends them.

What of its library is used is of its public interface, as https://docs.wandb.ai/ref/python/init/ describes it.
"""

import json
import os
import signal
import sys
from typing import Any, TextIO

_QUIET = {
    "console": "off",  # what a run prints stays here
    "silent": True,
    "disable_git": True,
    "disable_code": True,
}


class Worker:
    """Answers requests."""

    def __init__(self) -> None:
        self._run: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What comes of a request; a `problem` where W&B would not."""
        try:
            return self._answer(request)
        except Exception as error:  # whatever the library raises, the run is told in words
            return {"problem": f"{type(error).__name__}: {error}."}

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "log":
            self._run.log(request["numbers"], step=request["step"])
        elif request["do"] == "finish":
            self._run.finish()
        else:
            import wandb

            self._run = wandb.init(
                project=request["project"],
                id=request["id"],
                name=request["name"],
                dir=request["dir"],
                config=request["config"],
                resume="allow",  # that run, or a new one of this id
                allow_val_change=True,  # a resumed run may have another budget
                settings=wandb.Settings(**_QUIET),
            )
            return {"url": self._run.url}
        return {}


def serve_lines() -> None:
    """Answer requests until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which ends this process
    answers = _take_stdout()
    worker = Worker()
    for line in sys.stdin:
        answers.write(json.dumps(worker.answer(json.loads(line))) + "\n")
        answers.flush()


def _take_stdout() -> TextIO:
    """Stdout for answers alone: what the library and its own processes print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    serve_lines()

"""What people ask of a run: lines of three files in, what the run is to do and answers in the ledger out.

`control.jsonl`, `candidates.jsonl` and `feedback.jsonl` lie in the run's directory; who writes there only appends.
A line that is no act is told once and does nothing.
"""

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from alpha_factory.records import CandidateAct, ControlAct, FeedbackAct
from alpha_factory.runs.machine.processes import share
from alpha_factory.runs.steering.status import read_status
from alpha_factory.runs.steering.tail import Line, Tail

Act = CandidateAct | ControlAct | FeedbackAct
Hear = Callable[[CandidateAct | FeedbackAct], str | None]
"""`hear(act)`: takes it up, or says why not."""

CONTROL, CANDIDATES, FEEDBACK = "control.jsonl", "candidates.jsonl", "feedback.jsonl"
_MODELS: dict[str, type[Act]] = {
    CONTROL: ControlAct,
    CANDIDATES: CandidateAct,
    FEEDBACK: FeedbackAct,
}
_TOO_LATE = "no process was at work in this run when it was written"
_CLOSING = "the run has ended its training; it can only be stopped now"


class Steering:
    """The wishes of people about one run. All processes of a run have the same, as process 0 reads them.

    What was answered by an earlier process of the run is not answered again.
    """

    def __init__(self, run: Path, event: Callable[[str, dict], None]) -> None:
        """Wishes from now on: what controls ask for that is older than this is refused."""
        self.is_paused = False
        self.is_stopping = False
        self._event = event
        self._tails = {name: Tail(run / name) for name in _MODELS}
        before = read_status(run)
        self._answered = {
            name: getattr(before, f"{name.removesuffix('.jsonl')}_read", 0) for name in _MODELS
        }
        self._known: set[str] = set()
        self._saves: list[ControlAct] = []
        self._is_training = True
        for line in self._fetch(CONTROL):
            self._refuse(line, self._parse(line), _TOO_LATE)

    @property
    def read_bytes(self) -> dict[str, int]:
        """How much of each file was read, by the name of the field of `RunStatus`."""
        return {
            f"{name.removesuffix('.jsonl')}_read": tail.read_bytes
            for name, tail in self._tails.items()
        }

    @property
    def is_saving(self) -> bool:
        """Whether a checkpoint is asked for that has not been written."""
        return bool(self._saves)

    def look(self, frames: int, cycle: int, hear: Hear) -> None:
        """Take up what came since the last look.

        Args:
            frames: of the run by now; they and the cycle are part of an answer.
            hear: what becomes of candidates and feedback.
        """
        for line in self._fetch(*_MODELS):
            act = self._parse(line)
            if act is None:
                continue
            if isinstance(act, ControlAct):
                self._obey(line, act, frames, cycle)
            elif reason := hear(act):
                self._refuse(line, act, reason, cycle)
            elif isinstance(act, FeedbackAct) and not self._is_answered(line):
                self._event("feedback", {"id": act.id, "cycle": cycle, "world": act.world})

    def saved(self, frames: int, cycle: int) -> None:
        """The checkpoint that was asked for is there."""
        for act in self._saves:
            self._answer(act, frames, cycle)
        self._saves = []

    def end_training(self) -> None:
        """From now on only a stop is obeyed."""
        self._is_training = False

    def _obey(self, line: Line, act: ControlAct, frames: int, cycle: int) -> None:
        if act.act == "stop":
            self.is_stopping = True
        elif not self._is_training:
            self._refuse(line, act, _CLOSING)
            return
        elif act.act == "save":
            self._saves.append(act)
            return
        else:
            self.is_paused = act.act == "pause"
        self._answer(act, frames, cycle)

    def _answer(self, act: ControlAct, frames: int, cycle: int) -> None:
        self._event("act", {"id": act.id, "act": act.act, "frames": frames, "cycle": cycle})

    def _refuse(self, line: Line, act: Act | None, reason: str, cycle: int = 0) -> None:
        if act is None or self._is_answered(line):
            return
        if isinstance(act, CandidateAct):
            told = {"cycle": cycle, "world": None, "verdict": "refused", "reason": reason}
            self._event("candidate", {"id": act.id, **told})
        else:
            self._tell_refused(line, reason, act.id)

    def _parse(self, line: Line) -> Act | None:
        """The act, if it is one that was not read before; what is wrong with it is told."""
        try:
            act = _MODELS[line.file].model_validate_json(line.text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            self._tell_refused(line, f"{where}: {first['msg']}")
            return None
        if act.id in self._known:
            self._tell_refused(line, f"id: {act.id} was used before")
            return None
        self._known.add(act.id)
        return act

    def _tell_refused(self, line: Line, reason: str, act: str | None = None) -> None:
        if not self._is_answered(line):
            told = {"file": line.file, "line": line.number, "reason": reason}
            self._event("act refused", told if act is None else {"id": act, **told})

    def _is_answered(self, line: Line) -> bool:
        return line.end <= self._answered[line.file]

    def _fetch(self, *names: str) -> list[Line]:
        """The new lines of some of the files, the same in every process."""
        came = [line for name in names for line in self._tails[name].read()]
        told = share(json.dumps(came).encode() if came else b"")
        return [Line(*line) for line in json.loads(told)] if told else []

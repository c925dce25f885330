"""What people ask of a run: lines of three files in, what the run is to do and answers in the ledger out.

`control.jsonl`, `candidates.jsonl` and `feedback.jsonl` lie in the run's directory; who writes there only appends.
A line that is no act is told once and does nothing.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import ValidationError

from alpha_factory.records import CandidateAct, ControlAct, FeedbackAct
from alpha_factory.runs.machine.processes import share
from alpha_factory.runs.steering.answers import Answers, Entry
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
_MOST_TOLD = 10
"""Lines that are no acts of a file and a look; of the others, only how many they are is told."""
_TOO_LATE = "no process was at work in this run when it was written"
_CLOSING = "the run has ended its training; it can only be stopped now"


class Steering:
    """The wishes of people about one run. All processes of a run have the same, as process 0 reads them.

    What was answered by an earlier process of the run is not answered again.
    """

    def __init__(
        self, run: Path, event: Callable[[str, dict], None], answered: Iterable[Entry] = ()
    ) -> None:
        """Wishes from now on: what controls ask for that is older than this is refused.

        Args:
            event: appends to the run's ledger.
            answered: what the ledger holds by now, as far as it tells of acts.
        """
        self.is_paused = False
        self.is_stopping = False
        self._event = event
        self._answers = Answers(answered, share)
        self._tails = {name: Tail(run / name) for name in _MODELS}
        self._old_bytes = int(share(str(self._tails[CONTROL].size()).encode()))
        self._known: set[str] = set()
        self._saves: list[ControlAct] = []
        self._is_training = True

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
        acts = [one for one in self._parse_all(self._fetch()) if not self._answers.has(one[1].id)]
        later = [act for _, act in acts if isinstance(act, ControlAct)]
        for line, act in acts:
            if isinstance(act, ControlAct):
                later.remove(act)
                self._obey(line, act, later, frames, cycle)
            elif reason := hear(act):
                self._refuse(line, act, reason, cycle)
            elif isinstance(act, FeedbackAct):
                self._event("feedback", {"id": act.id, "cycle": cycle, "world": act.world})

    def saved(self, frames: int, cycle: int) -> None:
        """The checkpoint that was asked for is there."""
        for act in self._saves:
            self._answer(act, frames, cycle)
        self._saves = []

    def end_training(self) -> None:
        """From now on only a stop is obeyed."""
        self._is_training = False

    def _obey(
        self, line: Line, act: ControlAct, later: list[ControlAct], frames: int, cycle: int
    ) -> None:
        """Do as an act says, unless one that was found at the same look takes it back."""
        if line.end <= self._old_bytes:
            self._refuse(line, act, _TOO_LATE)
        elif act.act == "stop":
            self.is_stopping = True
            self._answer(act, frames, cycle)
        elif not self._is_training:
            self._refuse(line, act, _CLOSING)
        elif act.act == "save":
            self._saves.append(act)
        elif over := next((one for one in later if one.act in ("pause", "resume")), None):
            self._refuse(line, act, f"superseded by the {over.act} {over.id} that came with it")
        else:
            self.is_paused = act.act == "pause"
            self._answer(act, frames, cycle)

    def _answer(self, act: ControlAct, frames: int, cycle: int) -> None:
        self._event("act", {"id": act.id, "act": act.act, "frames": frames, "cycle": cycle})

    def _refuse(self, line: Line, act: Act, reason: str, cycle: int = 0) -> None:
        if isinstance(act, CandidateAct):
            told = {"cycle": cycle, "world": None, "verdict": "refused", "reason": reason}
            self._event("candidate", {"id": act.id, **told})
        else:
            place = {"file": line.file, "line": line.number}
            self._event("act refused", {"id": act.id, **place, "reason": reason})

    def _parse_all(self, lines: list[Line]) -> list[tuple[Line, Act]]:
        """The acts among the lines, none that was read before; what is wrong with the others is told, but no flood."""
        acts, faults, last = [], Counter[str](), dict[str, Line]()
        for line in lines:
            act = self._parse(line)
            if not isinstance(act, str):
                acts.append((line, act))
            elif not self._answers.has_line(line.file, line.number):
                faults[line.file] += 1
                last[line.file] = line
                if faults[line.file] <= _MOST_TOLD:
                    self._tell_fault(line, act)
        for file, number in faults.items():
            if (more := number - _MOST_TOLD) > 0:
                self._tell_fault(last[file], f"so are {more} lines up to this one: no acts")
        return acts

    def _parse(self, line: Line) -> Act | str:
        """The act, or what is wrong with the line."""
        if line.fault:
            return line.fault
        try:
            act = _MODELS[line.file].model_validate_json(line.text)
        except ValidationError as error:
            first = error.errors()[0]
            return f"{'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}"[:1_000]
        if act.id in self._known:
            return f"id: {act.id} was used before"
        self._known.add(act.id)
        return act

    def _tell_fault(self, line: Line, reason: str) -> None:
        self._event("act refused", {"file": line.file, "line": line.number, "reason": reason})

    def _fetch(self) -> list[Line]:
        """The new lines of the files, the same in every process."""
        came = [line for tail in self._tails.values() for line in tail.read()]
        told = share(json.dumps(came).encode() if came else b"")
        return [Line(*line) for line in json.loads(told)] if told else []

"""What people ask of a run: acts in, lines of its files out, and what became of them."""

import fcntl
import os
import secrets
import time
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from alpha_factory.records import CandidateAct, ControlAct, FeedbackAct
from alpha_factory.service.page.files.lines import read_last
from alpha_factory.service.page.files.records import read_outcomes
from alpha_factory.service.page.problem import Problem

FILES: dict[type[BaseModel], str] = {
    ControlAct: "control.jsonl",
    CandidateAct: "candidates.jsonl",
    FeedbackAct: "feedback.jsonl",
}
_MOST_BYTES = 16 << 20
_SHOWN = 200

Act = TypeVar("Act", bound=BaseModel)


def add_act(run: Path, kind: type[Act], **given: Any) -> Act:
    """Write an act into a run's directory; it is on the disk when this returns.

    Raises:
        Problem: so much has been asked of the run already that the file is full, or it can't be written.
        pydantic.ValidationError: the act breaks its schema.
    """
    act = kind(id=secrets.token_hex(16), time=time.time(), **given)
    path = run / FILES[kind]
    try:
        # A link in the place of the file would lead out of the runs folder.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        file = os.open(path, flags, 0o666)
    except OSError as error:
        raise Problem("unavailable", f"{path.name} can't be written: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = os.fstat(file).st_size
        line = act.model_dump_json().encode() + b"\n"
        if end + len(line) > _MOST_BYTES:
            raise Problem("conflict", f"{path.name} is full ({_MOST_BYTES >> 20} MiB).")
        if end and os.pread(file, 1, end - 1) != b"\n":
            line = b"\n" + line  # what a crash tore stays a line of its own
        try:
            if os.write(file, line) != len(line):
                raise OSError("the disk is full")
            os.fsync(file)
        except OSError as error:
            os.ftruncate(file, end)
            raise Problem("unavailable", f"{path.name} can't be written: {error}.") from error
    finally:
        os.close(file)
    return act


def read_acts(run: Path) -> dict[str, list[dict[str, Any]]]:
    """The last acts of each kind, oldest first, with what the run made of them."""
    outcomes = read_outcomes(run)
    told = {}
    for name in FILES.values():
        acts = read_last(run / name, _SHOWN)
        told[name.removesuffix(".jsonl")] = [
            act | {"outcome": outcomes.get(str(act.get("id"))), "state": _tell(act, outcomes)}
            for act in acts
        ]
    return told


def read_feedback(run: Path, world: int) -> list[dict[str, Any]]:
    """What people think of a world, oldest first; of the last acts."""
    acts = read_last(run / FILES[FeedbackAct], 10 * _SHOWN)
    return [act for act in acts if act.get("world") == world]


def _tell(act: dict[str, Any], outcomes: dict[str, dict[str, Any]]) -> str:
    outcome = outcomes.get(str(act.get("id")))
    if outcome is None:
        return "waiting"
    is_refused = outcome["kind"] == "act refused" or outcome["payload"].get("verdict") == "refused"
    return "refused" if is_refused else "done"

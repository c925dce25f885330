"""What people ask of a run: acts in, lines of its files out, and what became of them."""

import contextlib
import fcntl
import os
import secrets
import time
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from alpha_factory.records import MOST_ACT_BYTES, CandidateAct, ControlAct, FeedbackAct
from alpha_factory.service.page.files.lines import read_last
from alpha_factory.service.page.files.records import read_outcomes
from alpha_factory.service.page.problem import Problem

FILES: dict[type[BaseModel], str] = {
    ControlAct: "control.jsonl",
    CandidateAct: "candidates.jsonl",
    FeedbackAct: "feedback.jsonl",
}
_SHOWN = 200

Act = TypeVar("Act", bound=BaseModel)


def add_act(run: Path, kind: type[Act], *, most_waiting: int | None = None, **given: Any) -> Act:
    """Write an act into a run's directory; it is on the disk when this returns.

    Args:
        most_waiting: acts of this kind that may wait for an answer of the run.

    Raises:
        Problem: so many wait, or so much has been asked of the run already that the file is full, or it can't be
            written.
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
        if most_waiting is not None and count_waiting(run, kind) >= most_waiting:
            raise Problem(
                "busy",
                f"{most_waiting} wait for the run already; it has to answer some of them first. Try again later.",
            )
        end = os.fstat(file).st_size
        line = act.model_dump_json().encode() + b"\n"
        if end + len(line) > MOST_ACT_BYTES:
            raise Problem("conflict", f"{path.name} is full ({MOST_ACT_BYTES >> 20} MiB).")
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
    """The last acts of each kind, oldest first, with what the run made of them: as its ledger says."""
    outcomes = read_outcomes(run)
    told = {}
    for kind, name in FILES.items():
        told[name.removesuffix(".jsonl")] = [
            act | {"outcome": outcomes.get(act["id"]), "state": _tell(outcomes.get(act["id"]))}
            for act in _read_last(run, kind, _SHOWN)
        ]
    return told


def count_waiting(run: Path, kind: type[BaseModel]) -> int:
    """Acts of a kind that the run has not answered, of the last ones."""
    last = {act["id"] for act in _read_last(run, kind, _SHOWN)}
    return len(last - read_outcomes(run).keys()) if last else 0


def read_feedback(run: Path, world: int) -> list[dict[str, Any]]:
    """What people think of a world, oldest first; of the last acts."""
    acts = _read_last(run, FeedbackAct, 10 * _SHOWN)
    return [act for act in acts if act["world"] == world]


def _read_last(run: Path, kind: type[BaseModel], most: int) -> list[dict[str, Any]]:
    """The last acts of a kind, oldest first. Lines that are none, which the run refuses, are passed over."""
    acts = []
    for row in read_last(run / FILES[kind], most):
        with contextlib.suppress(ValidationError):
            acts.append(kind.model_validate(row).model_dump())
    return acts


def _tell(outcome: dict[str, Any] | None) -> str:
    if outcome is None:
        return "waiting"
    is_refused = outcome["kind"] == "act refused" or outcome["payload"].get("verdict") == "refused"
    return "refused" if is_refused else "done"

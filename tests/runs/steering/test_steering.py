"""Wishes in files, answers as events."""

from pathlib import Path
from typing import Any

import pytest

from alpha_factory.records import CandidateAct, ControlAct, FeedbackAct
from alpha_factory.runs.steering.status import Status
from alpha_factory.runs.steering.steering import Act, Steering
from runs.tiny import ask

DRAWN = ">.G\n"


class Desk:
    """A steered run that does nothing but keep what it is told."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.heard: list[Act] = []
        self.steering = Steering(run, lambda *event: self.events.append(event))

    def look(self, frames: int = 7, cycle: int = 2) -> None:
        self.steering.look(frames, cycle, self.hear)

    def hear(self, act: CandidateAct | FeedbackAct) -> str | None:
        self.heard.append(act)
        return "no such world" if isinstance(act, FeedbackAct) and act.world > 5 else None


def test_pause_resume_save_and_stop_come_into_force_and_are_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pause = ask(tmp_path, ControlAct, act="pause")
    desk.look()
    assert desk.steering.is_paused
    resume, save = (ask(tmp_path, ControlAct, act=act) for act in ("resume", "save"))
    desk.look(8)
    assert not desk.steering.is_paused
    assert desk.steering.is_saving
    desk.steering.saved(9, 2)
    assert not desk.steering.is_saving
    desk.steering.end_training()
    late, stop = (ask(tmp_path, ControlAct, act=act) for act in ("pause", "stop"))
    desk.look(10)
    assert desk.steering.is_stopping
    assert not desk.steering.is_paused
    told = [
        (kind, event["id"], event.get("act"), event.get("frames")) for kind, event in desk.events
    ]
    assert told == [
        ("act", pause, "pause", 7),
        ("act", resume, "resume", 8),
        ("act", save, "save", 9),
        ("act refused", late, None, None),
        ("act", stop, "stop", 10),
    ]


def test_what_is_no_act_is_told_once_and_the_next_one_taken_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for file in ("control.jsonl", "candidates.jsonl", "feedback.jsonl"):
        (tmp_path / file).write_text('{"id": 3}\nnot json\n\x00\n')
    ask(tmp_path, CandidateAct, level=DRAWN, genome="0" * 128, is_checked=False)
    world = ask(tmp_path, CandidateAct, level=DRAWN)
    liked, lost = (
        ask(tmp_path, FeedbackAct, about="world", world=world, opinion="like") for world in (3, 9)
    )
    with (tmp_path / "control.jsonl").open("a") as file:
        file.write('{"id": "')  # a writer at work
    desk.look()
    desk.look()
    assert [act.id for act in desk.heard] == [world, liked, lost]
    refused = [event for kind, event in desk.events if kind == "act refused"]
    assert [(event["file"], event["line"]) for event in refused] == [
        *(("control.jsonl", line) for line in (1, 2, 3)),
        *(("candidates.jsonl", line) for line in (1, 2, 3, 4)),
        *(("feedback.jsonl", line) for line in (1, 2, 3, 5)),
    ]
    assert refused[-1] == {
        "id": lost,
        "file": "feedback.jsonl",
        "line": 5,
        "reason": "no such world",
    }
    assert ("feedback", {"id": liked, "cycle": 2, "world": 3}) in desk.events


def test_act_given_twice_counts_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    ask(tmp_path, FeedbackAct, about="world", world=1, opinion="dislike")
    line = (tmp_path / "feedback.jsonl").read_text()
    (tmp_path / "feedback.jsonl").write_text(line * 2)
    desk.look()
    assert [kind for kind, _ in desk.events] == ["feedback", "act refused"]


@pytest.mark.parametrize("is_answered", [True, False])
def test_next_process_obeys_no_older_control_and_answers_nothing_twice(
    tmp_path: Path, is_answered: bool
) -> None:
    first = Desk(tmp_path)
    stop = ask(tmp_path, ControlAct, act="stop")
    world = ask(tmp_path, CandidateAct, level=DRAWN)
    ask(tmp_path, FeedbackAct, about="world", world=1, opinion="like")
    with (tmp_path / "feedback.jsonl").open("a") as file:
        file.write("broken\n")
    if is_answered:
        first.look()
    with Status(tmp_path, lambda: first.steering.read_bytes):
        pass
    second = Desk(tmp_path)
    second.look()
    assert not second.steering.is_stopping
    assert second.heard[0].id == world  # candidates are for the run to tell apart
    refused = [event["id"] for kind, event in second.events if event.get("file") == "control.jsonl"]
    assert refused == ([] if is_answered else [stop])
    assert len(second.events) == (0 if is_answered else 3)

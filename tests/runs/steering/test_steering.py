"""Wishes in files, answers as events."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from alpha_factory.records import CandidateAct, ControlAct, FeedbackAct
from alpha_factory.runs.steering.answers import Entry
from alpha_factory.runs.steering.steering import Act, Steering
from runs.tiny import ask

DRAWN = ">.G\n"


class Desk:
    """A steered run that does nothing but keep what it is told."""

    def __init__(self, run: Path, answered: Sequence[Entry] = ()) -> None:
        self.run = run
        self.events: list[Entry] = []
        self.heard: list[Act] = []
        self.steering = Steering(run, lambda *event: self.events.append(event), answered)

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
    assert sorted(kind for kind, _ in desk.events) == ["act refused", "feedback"]


def test_pause_that_was_taken_back_before_it_was_heard_is_superseded(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pause, save, resume = (
        ask(tmp_path, ControlAct, act=act) for act in ("pause", "save", "resume")
    )
    desk.look()
    assert not desk.steering.is_paused
    assert desk.steering.is_saving
    (first, refused), (second, obeyed) = desk.events
    assert (first, refused["id"]) == ("act refused", pause)
    assert refused["reason"] == f"superseded by the resume {resume} that came with it"
    assert (second, obeyed["id"]) == ("act", resume)
    desk.steering.saved(8, 2)
    assert desk.events[-1][1]["id"] == save


def test_flood_of_lines_that_are_no_acts_is_summed_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "control.jsonl").write_text("junk\n" * 150)
    stop = ask(tmp_path, ControlAct, act="stop")
    desk.look()
    assert desk.steering.is_stopping
    told = [event for kind, event in desk.events if kind == "act refused"]
    assert [event["line"] for event in told] == [*range(1, 11), 150]
    assert "140 lines" in told[-1]["reason"]
    assert desk.events[-1][1]["id"] == stop
    again = Desk(tmp_path, desk.events)
    again.look()
    assert again.events == []


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
    second = Desk(tmp_path, first.events)
    second.look()
    assert not second.steering.is_stopping
    assert second.heard[0].id == world  # it was heard and not judged: the run tells such apart
    refused = [event["id"] for kind, event in second.events if event.get("file") == "control.jsonl"]
    assert refused == ([] if is_answered else [stop])
    assert len(second.events) == (0 if is_answered else 3)


def test_process_killed_amid_its_answers_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    for act in ("save", "pause", "stop"):
        ask(tmp_path, ControlAct, act=act)
    worlds = [ask(tmp_path, CandidateAct, level=DRAWN) for _ in range(2)]
    first.look()
    refused = ("candidate", {"id": worlds[0], "verdict": "refused", "reason": "no"})
    for kept in range(len(first.events) + 1):
        second = Desk(tmp_path, [*first.events[:kept], refused])
        second.look()
        second.steering.saved(9, 3)
        assert [act.id for act in second.heard] == worlds[1:], "what was refused stays refused"
        told = [event["id"] for _, event in [*first.events[:kept], *second.events]]
        assert len(told) == len({*told}) == 3, "each control has one answer"
        assert not second.steering.is_stopping

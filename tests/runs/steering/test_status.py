"""The heartbeat."""

import os
import time
from pathlib import Path

import pytest

from alpha_factory.records import MetricRow, RunStatus
from alpha_factory.runs.steering import status
from alpha_factory.runs.steering.status import Status

ROW = MetricRow(
    frames=64,
    updates=3,
    cycle=1,
    wall_s=1.0,
    compile_s=2.0,
    worlds_accepted=0,
    worlds_rejected=0,
    solve_rate=None,
)


def read_status(run: Path) -> RunStatus:
    return RunStatus.model_validate_json((run / "status.json").read_bytes())


def test_status_tells_what_is_done_now_and_how_it_ended(tmp_path: Path) -> None:
    with Status(tmp_path) as told:
        assert read_status(tmp_path).state == "starting"
        told.doing("training", "training")
        done = told.compiling("judge")
        at = read_status(tmp_path)
        assert (at.state, at.doing, at.process) == ("compiling", "compiling judge", os.getpid())
        done()
        told.logged(ROW, 60.0)
        at = read_status(tmp_path)
        assert (at.state, at.frames, at.updates, at.cycle) == ("training", 64, 3, 1)
        assert at.seconds_left == 60.0
        told.doing("finished", "finished")
    assert read_status(tmp_path).state == "finished"


def test_run_that_ends_by_an_error_says_which(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broke"), Status(tmp_path):
        raise ValueError("it broke")
    at = read_status(tmp_path)
    assert (at.state, at.error) == ("crashed", "it broke")


def test_status_beats_until_its_process_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_BEAT_S", 0.01)
    with Status(tmp_path):
        first = read_status(tmp_path)
        deadline = time.monotonic() + 10.0
        while read_status(tmp_path).beat == first.beat:
            assert time.monotonic() < deadline
        assert read_status(tmp_path).since == first.since
    last = read_status(tmp_path)
    time.sleep(0.05)
    assert read_status(tmp_path) == last
    assert last.state == "stopped"

"""Rows for Weights & Biases, with a stand-in for its library that writes down what it is asked."""

import contextlib
import json
import sys
import time

import pytest

from alpha_factory.cli.boards import make_boards
from alpha_factory.core.errors import UsageError
from alpha_factory.records import MetricRow
from alpha_factory.service.wandb import board as board_module
from alpha_factory.service.wandb.board import FILE, PROJECT, WandbBoard, find_place

LIBRARY = """
import json, os, sys, time
def _tell(*said):
    with open(os.environ["TOLD"], "a") as file:
        file.write(json.dumps(said) + "\\n")
class Settings(dict):
    def __init__(self, *, console="auto", silent=False, disable_git=False, disable_code=False):
        super().__init__(console=console, silent=silent)
class Run:
    url = "https://wandb.example/run"
    def log(self, data, step=None, commit=None):
        MISHAP
        _tell("log", step, data)
    def finish(self, exit_code=None, quiet=None):
        _tell("finish")
def init(*, project=None, dir=None, id=None, name=None, config=None, resume=None,
         allow_val_change=None, settings=None):
    print("wandb: a banner")
    START
    _tell("init", {"project": project, "id": id, "name": name, "dir": dir, "resume": resume,
                   "config": config, "console": settings["console"]})
    return Run()
"""


def row(frames, **values):
    return MetricRow(
        frames=frames,
        updates=1,
        wall_s=2.0,
        compile_s=1.5,
        worlds_accepted=3,
        worlds_rejected=4,
        solve_rate=None,
        values=values,
    )


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Put a library in place that does something odd at its start or at a row; what it was asked."""
    folder = tmp_path / "library"
    folder.mkdir()
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def place(start="pass", mishap="pass"):
        code = LIBRARY.replace("START", start).replace("MISHAP", mishap)
        (folder / "wandb.py").write_text(code)

        def read():
            told = tmp_path / "told"
            return [*map(json.loads, told.read_text().splitlines())]

        return read

    return place


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "my run"
    path.mkdir()
    return path


def show(run, rows, *, project=None, settings=None):
    """Show rows; what a person is told."""
    said = []
    with WandbBoard(run, settings or {"seed": 1}, project=project, say=said.append) as board:
        for one in rows:
            board.write(one)
        board.close()
    return said


def test_rows_and_settings_go_to_the_project_asked_for(library, run):
    told = library()
    said = show(run, [row(10, loss=0.5, unknown=None), row(20)], project="mazes")
    begin, first, second, end = told()
    kept = json.loads((run / FILE).read_text())
    assert begin[1] == {
        "project": "mazes",
        "id": kept["id"],
        "name": "my run",
        "dir": str(run),
        "resume": "allow",
        "config": {"seed": 1},
        "console": "off",
    }
    numbers = {"updates": 1, "cycle": 0, "wall_s": 2.0, "compile_s": 1.5}
    numbers |= {"worlds_accepted": 3, "worlds_rejected": 4}
    assert first == ["log", 10, numbers | {"loss": 0.5}]
    assert second == ["log", 20, numbers]
    assert end == ["finish"]
    assert said == ["On Weights & Biases: https://wandb.example/run"]


def test_run_that_goes_on_is_the_same_there(library, run):
    told = library()
    show(run, [row(10)], project="mazes")
    show(run, [row(20)])
    begun = [about for kind, *about in told() if kind == "init"]
    assert [(one["project"], one["id"]) for (one,) in begun] == [("mazes", begun[0][0]["id"])] * 2
    assert [about[0] for kind, *about in told() if kind == "log"] == [10, 20]
    with pytest.raises(UsageError, match=r"in the project 'mazes'.*not in 'other'"):
        find_place(run, "other")


def test_damaged_note_of_the_place_begins_another(run):
    (run / FILE).write_text('{"project": "maz')
    place = find_place(run, None)
    assert place.project == PROJECT
    assert find_place(run, None) == place


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"start": "raise RuntimeError('api_key not configured')"}, "api_key not configured"),
        ({"mishap": "raise OSError('no network')"}, "no network"),
        ({"mishap": "os._exit(7)"}, "left with status 7"),
        ({"start": "sys.exit('no')"}, "left with status 1"),
    ],
)
def test_failure_is_said_once_and_no_row_is_an_error(library, run, trouble, says):
    library(**trouble)
    said = [one for one in show(run, map(row, range(50))) if not one.startswith("On Weights")]
    assert len(said) == 1
    assert says in said[0]
    assert "wandb sync" in said[0]


def test_wandb_that_hangs_holds_up_no_row_and_no_end(library, run, monkeypatch):
    library(start="time.sleep(600)")
    monkeypatch.setattr(board_module, "_FINISH_S", 0.5)
    monkeypatch.setattr(board_module, "_MOST_WAITING", 10)
    started = time.monotonic()
    said = show(run, map(row, range(1_000)))
    assert time.monotonic() - started < 30.0
    assert [one for one in said if "left out" in one] == [said[0]]
    assert "had not sent everything" in said[1]
    assert len(said) == 2


def test_library_that_is_there_is_found_and_opened_with_the_run(library, run, monkeypatch):
    told = library()
    monkeypatch.syspath_prepend(str(run.parent / "library"))
    with contextlib.ExitStack() as stack:
        (board,) = make_boards(("mazes",), stack)(run, {}, lambda said: None)
        board.write(row(10))
    assert [one[0] for one in told()] == ["init", "log", "finish"]
    assert "wandb" not in sys.modules, "it is imported by its own process alone"

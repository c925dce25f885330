"""What becomes of scores that can't be written: told beforehand where it can be, and never lost."""

import errno
import json
import os
import sys
import types

import pytest

from alpha_factory.cli import main
from alpha_factory.runs.files import scores

SCORES = {"solve_rate": 0.5, "low": 0.4, "high": 0.6, "cvar_10": 0.0, "return_mean": 0.25}
RESULT = {
    "suite": "mazes",
    "suite_hash": "ab",
    "step_limit": 250,
    "episodes": 8,
    "level_names": ["one", "two"],
    "policies": {"their:act": SCORES | {"by_level": {"solve_rate": [0.0, 1.0]}}},
}
LINE = ["evaluate", "their:act", "--suite", "mazes"]


@pytest.fixture
def played(monkeypatch):
    """What was asked of an evaluation that takes no time, and what it does in the end."""
    module, asked = types.ModuleType("alpha_factory.runs.evaluation"), []

    def evaluate_policy(*names, **_):
        asked.append(names)
        return [RESULT]

    module.evaluate_policy = evaluate_policy
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


def be_full(path, chunks):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_scores_are_written_as_they_are_printed(played, tmp_path, capsys):
    path = tmp_path / "scores.json"
    assert main.main([*LINE, "--out", str(path), "--levels", "--json"]) == 0
    assert json.loads(path.read_text()) == [json.loads(capsys.readouterr().out)] == [RESULT]


@pytest.mark.parametrize("out", [".", "none/scores.json", "file/scores.json"])
def test_place_that_there_is_not_is_refused_before_anything_is_played(
    out, played, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    assert main.main([*LINE, "--out", str(tmp_path / out)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert played == []


@pytest.mark.usefixtures("played")
def test_scores_that_could_not_be_written_are_printed_whole(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scores, "write_whole", be_full)
    path = tmp_path / "scores.json"
    assert main.main([*LINE, "--out", str(path), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == RESULT
    assert f"written to {path}: No space left on device. What is on stdout" in printed.err
    assert ".tmp" not in printed.err
    assert main.main([*LINE, "--out", str(path)]) == 1
    printed = capsys.readouterr()
    assert "50.0 %" in printed.out
    assert "evaluate again" in printed.err


@pytest.mark.usefixtures("played")
def test_scores_that_could_not_be_kept_in_the_run_are_printed_and_written(
    tmp_path, monkeypatch, capsys
):
    kept, out = tmp_path / "evaluation.json", tmp_path / "scores.json"

    def evaluate_policy(*_, **__):
        raise scores.ScoresNotKept(kept, OSError(errno.EROFS, os.strerror(errno.EROFS)), [RESULT])

    monkeypatch.setattr(
        sys.modules["alpha_factory.runs.evaluation"], "evaluate_policy", evaluate_policy
    )
    assert main.main([*LINE, "--keep", "--out", str(out)]) == 1
    printed = capsys.readouterr()
    assert "50.0 %" in printed.out
    assert f"written to {kept}: Read-only file system. They are in {out}." in printed.err
    assert json.loads(out.read_text()) == [RESULT]


def test_name_of_a_policy_is_no_emoji(played, capsys):
    named = RESULT | {"policies": {"their:ok:act": RESULT["policies"]["their:act"]}}
    sys.modules["alpha_factory.runs.evaluation"].evaluate_policy = lambda *_, **__: [named]
    assert main.main(LINE) == 0
    assert "their:ok:act" in capsys.readouterr().out

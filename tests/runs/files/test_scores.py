import json
import os
from pathlib import Path

import pytest

from alpha_factory.core.errors import DiskFull, RunConflict, UsageError
from alpha_factory.runs.files import scores
from alpha_factory.runs.files.directory import RunDirectory
from alpha_factory.runs.files.scores import (
    ScoresNotKept,
    add_scores,
    check_file,
    check_kept,
    keep_scores,
    read_file,
    read_scores,
    save_scores,
    write_file,
)

SCORES = {"solve_rate": 0.5, "low": 0.4, "high": 0.6, "cvar_10": 0.0, "return_mean": 0.5}


def result(suite, step_limit=250, **more):
    policies = {"trained": SCORES | {"by_level": {"solve_rate": [0.5, None]}}}
    scores = {"suite": suite, "suite_hash": "ab", "step_limit": step_limit, "episodes": 4}
    return scores | {"level_names": ["a b", "c"], "policies": policies} | more


def test_scores_come_back_as_they_were_saved(tmp_path):
    kept = [result("one"), result("two")]
    save_scores(RunDirectory(tmp_path), kept)
    assert read_scores(tmp_path) == kept


def test_lists_take_one_line_each(tmp_path):
    save_scores(RunDirectory(tmp_path), [result("one")])
    text = (tmp_path / "evaluation.json").read_text()
    assert '"solve_rate": [0.5, null]' in text
    assert '"level_names": ["a b", "c"]' in text
    assert '\n    "suite": "one",\n' in text


def test_scores_are_added_beside_those_of_other_suites(tmp_path):
    directory = RunDirectory(tmp_path)
    save_scores(directory, [result("one"), result("two"), result("two", 450)])
    add_scores(directory, [result("two", episodes=8), result("three")])
    assert [
        (one["suite"], one["step_limit"], one["episodes"]) for one in read_scores(tmp_path)
    ] == [
        ("one", 250, 4),
        ("two", 450, 4),
        ("two", 250, 8),
        ("three", 250, 4),
    ]


def test_closing_evaluation_replaces_what_was_kept(tmp_path):
    directory = RunDirectory(tmp_path)
    add_scores(directory, [result("one")])
    save_scores(directory, [result("two")])
    assert [one["suite"] for one in read_scores(tmp_path)] == ["two"]


def test_run_without_evaluation_has_no_scores(tmp_path):
    assert read_scores(tmp_path) == []


@pytest.mark.parametrize("text", ["{", json.dumps([{"suite": "one"}]), "3"])
def test_damaged_file_is_refused_with_what_to_do(text, tmp_path):
    (tmp_path / "evaluation.json").write_text(text)
    with pytest.raises(RunConflict, match=r"evaluation\.json .*Delete it"):
        read_scores(tmp_path)


@pytest.mark.parametrize("text", ["{", '{"seed": 0}'])
def test_file_of_something_else_is_never_to_be_deleted(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(
        RunConflict, match=r"config\.json is not .*Give a run's directory, or"
    ) as told:
        read_file(tmp_path / "config.json")
    assert "Delete" not in str(told.value)


def test_full_disk_leaves_the_scores_that_were_there(tmp_path, limit_writes):
    directory = RunDirectory(tmp_path)
    save_scores(directory, [result("one")])
    limit_writes(10)
    with pytest.raises(DiskFull):
        add_scores(directory, [result("two")])
    assert [one["suite"] for one in read_scores(tmp_path)] == ["one"]


def test_full_disk_leaves_the_scores_in_the_error_and_names_the_file(tmp_path, limit_writes):
    limit_writes(10)
    path = tmp_path / "scores.json"
    with pytest.raises(ScoresNotKept) as told:
        write_file(path, [result("one")])
    assert str(told.value) == (
        f"The scores could not be written to {path}: No space left on device."
    )
    assert told.value.results == [result("one")]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ScoresNotKept, match=r"evaluation\.json: No space left") as told:
        keep_scores(tmp_path, [result("two")])
    assert told.value.results == [result("two")]


def test_place_for_scores_is_looked_at_before_there_are_any(tmp_path, monkeypatch):
    check_file(tmp_path / "new.json")
    (tmp_path / "old.json").write_text("{}")
    check_file(tmp_path / "old.json")
    for path, said in (
        (tmp_path, r"is a directory\. Name a file: --out .*scores\.json"),
        (tmp_path / "none" / "new.json", r"there is no folder .*none\."),
        (tmp_path / "old.json" / "new.json", r"there is no folder .*old\.json\."),
        (Path(os.devnull), "no file that could be replaced"),
    ):
        with pytest.raises(UsageError, match=said):
            check_file(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.json"]
    monkeypatch.setattr(scores.os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(UsageError, match="can't be written to"):
        check_file(tmp_path / "new.json")
    with pytest.raises(UsageError, match=r"can't be written to.*--out FILE"):
        check_kept(tmp_path)


def test_scores_are_not_kept_beside_damaged_ones(tmp_path):
    check_kept(tmp_path)
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(RunConflict, match="Delete it"):
        check_kept(tmp_path)

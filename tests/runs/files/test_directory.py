import json
import os
import subprocess
import sys

import pytest

from alpha_factory.core.errors import DiskFull, RunConflict, UsageError
from alpha_factory.runs.files.directory import (
    RunDirectory,
    compare_configs,
    create_run,
    read_config,
    resume_run,
)

_CONFIG = {"seed": 3, "minutes": 10.0, "learn": {"rate": 1e-3, "layers": [256, 256]}}


def test_create_run_writes_the_settings(tmp_path):
    path = tmp_path / "runs" / "first"
    with create_run(path, _CONFIG) as run:
        assert run.path == path
        assert json.loads((path / "config.json").read_text()) == _CONFIG
    assert read_config(path) == _CONFIG


def test_create_run_refuses_another_run_naming_resume(tmp_path):
    create_run(tmp_path, _CONFIG).close()
    with pytest.raises(RunConflict, match="--resume"):
        create_run(tmp_path, _CONFIG | {"seed": 4})
    assert read_config(tmp_path) == _CONFIG


def test_create_run_refuses_a_foreign_folder_and_leaves_it_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunConflict, match=r"thesis\.tex"):
        create_run(tmp_path, _CONFIG)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(RunConflict, match="is a file"):
        create_run(tmp_path / "thesis.tex", _CONFIG)


def test_create_run_takes_what_a_process_left_that_was_killed_while_beginning(tmp_path):
    (tmp_path / ".lock").write_text("1")
    (tmp_path / ".config.json.tmp").write_text("{")
    create_run(tmp_path, _CONFIG).close()
    assert read_config(tmp_path) == _CONFIG


def test_create_run_says_that_the_disk_is_full(tmp_path, limit_writes):
    limit_writes(10)
    with pytest.raises(DiskFull, match=r"config\.json"):
        create_run(tmp_path / "run", _CONFIG)
    assert not (tmp_path / "run" / "config.json").exists()


def test_resume_run_goes_on_with_the_same_settings(tmp_path):
    create_run(tmp_path, _CONFIG).close()
    same = _CONFIG | {"learn": {"layers": (256, 256), "rate": 1e-3}}
    with resume_run(tmp_path, same) as run:
        assert run.checkpoints == tmp_path / "checkpoints"


def test_resume_run_refuses_where_there_is_no_run(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="no run in"):
            resume_run(path, _CONFIG)
    assert not list(tmp_path.iterdir())


def test_resume_run_refuses_changed_settings_naming_each_with_both_values(tmp_path):
    create_run(tmp_path, _CONFIG).close()
    changed = {"seed": 4, "minutes": 20.0, "learn": {"rate": 1e-2, "layers": [256, 256]}}
    with pytest.raises(RunConflict) as caught:
        resume_run(tmp_path, changed, may_change={"minutes"})
    assert "learn.rate was 0.001, now 0.01; seed was 3, now 4." in str(caught.value)
    assert "minutes" not in str(caught.value)
    assert read_config(tmp_path) == _CONFIG
    resume_run(tmp_path, _CONFIG).close()


def test_resume_run_keeps_the_new_value_of_a_setting_that_may_change(tmp_path):
    create_run(tmp_path, _CONFIG).close()
    resume_run(tmp_path, _CONFIG | {"minutes": 20.0}, may_change={"minutes"}).close()
    assert read_config(tmp_path)["minutes"] == 20.0


def test_read_config_names_a_file_that_is_not_json(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json is not JSON"):
        read_config(tmp_path)


@pytest.mark.parametrize("text", ["null", "[]", "3"])
def test_settings_that_are_no_object_are_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UsageError, match=r"config\.json must be a JSON object; it is"):
        read_config(tmp_path)


def test_a_directory_holds_one_process_at_a_time(tmp_path):
    with create_run(tmp_path, _CONFIG):
        RunDirectory(tmp_path).close()
        with pytest.raises(RunConflict, match=f"process \\(id {os.getpid()}\\)"):
            resume_run(tmp_path, _CONFIG)
    resume_run(tmp_path, _CONFIG).close()


_HOLD = """
import sys, time
from pathlib import Path
from alpha_factory.runs.files.directory import create_run
run = create_run(Path(sys.argv[1]), {"seed": 1})
print("held", flush=True)
time.sleep(60)
"""


def test_a_directory_is_free_when_the_process_that_held_it_was_killed(tmp_path):
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(RunConflict, match=f"id {child.pid}"):
            resume_run(tmp_path, {"seed": 1})
        child.kill()
    resume_run(tmp_path, {"seed": 1}).close()


def test_compare_configs_names_settings_by_their_path():
    saved = {"a": 1, "b": {"c": [1, 2], "d": {"e": None}}, "gone": 0, "same": 1.0}
    asked = {"a": True, "b": {"c": (1, 3), "d": {"e": "x"}}, "new": {}, "same": 1}
    assert compare_configs(saved, asked) == [
        ("a", 1, True),
        ("b.c", [1, 2], (1, 3)),
        ("b.d.e", None, "x"),
        ("gone", 0, "(not set)"),
        ("new", "(not set)", {}),
    ]
    assert compare_configs(saved, saved) == []

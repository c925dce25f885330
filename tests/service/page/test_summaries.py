"""The list of runs, and several of them side by side."""

import json
import math
import random
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from alpha_factory.service.page.files import summaries as summaries_module
from alpha_factory.service.page.files.comparison import _draw, _sum_up, compare_runs
from alpha_factory.service.page.files.folder import RunsFolder
from alpha_factory.service.page.files.summaries import Summaries
from alpha_factory.service.page.files.summary import summarise
from made_runs import add_rows, beat, make_run


@pytest.fixture
def counted(monkeypatch):
    """Which runs were summed up."""
    names = []

    def count(name, path, now):
        names.append(name)
        return summarise(name, path, now)

    monkeypatch.setattr(summaries_module, "summarise", count)
    return names


def test_run_at_rest_is_summed_up_once_and_again_when_a_file_changes(tmp_path, counted):
    for number in range(5):
        beat(make_run(tmp_path / f"run{number}"), "finished")
    beat(make_run(tmp_path / "live"))
    listed = Summaries(RunsFolder(tmp_path))
    first = listed.read(now=1e10)
    assert len(counted) == len(first) == 6
    counted.clear()
    again = listed.read(now=1e10 + 5)
    # A heartbeat of old is that of a process that is gone, which is as final.
    assert counted == []
    ages = [two["state_age_s"] - one["state_age_s"] for one, two in zip(first, again, strict=True)]
    assert ages == [5.0] * 6
    add_rows(tmp_path / "run3", [40])
    told = {one["name"]: one for one in listed.read(now=1e10 + 6)}
    assert counted == ["run3"]
    assert told["run3"]["frames"] == 400


def test_live_run_is_summed_up_every_time(tmp_path, counted):
    beat(make_run(tmp_path / "live"))
    listed = Summaries(RunsFolder(tmp_path))
    listed.read()
    listed.read()
    assert counted == ["live"] * 2


def test_summaries_are_those_of_each_run_by_itself(tmp_path):
    for name, state in (("a", "finished"), ("b", "training"), ("c", "stopped")):
        beat(make_run(tmp_path / name), state)
    make_run(tmp_path / "old")
    listed = Summaries(RunsFolder(tmp_path))
    for now in (2e9, 2e9 + 40):
        alone = {one["name"]: one for one in listed.read(now)}
        assert alone == {name: summarise(name, tmp_path / name, now) for name in alone}
        assert len(alone) == 4


def test_run_that_vanishes_or_has_odd_files_takes_no_other_off_the_list(
    tmp_path, monkeypatch, caplog
):
    for name in ("gone", "odd", "whole"):
        beat(make_run(tmp_path / name), "finished")
    odd = tmp_path / "odd"
    for file in ("metrics.jsonl", "status.json", "ledger.sqlite"):
        (odd / file).unlink()
        (odd / file).mkdir()
    (odd / "config.json").write_bytes(b"\xff\xfe[" * 10_000)
    (tmp_path / "no-run").write_text("a file")
    listed = Summaries(RunsFolder(tmp_path))
    assert {one["name"] for one in listed.read()} == {"gone", "odd", "whole"}
    runs = RunsFolder.runs

    def vanish(folder):
        found = runs(folder)
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        return found

    monkeypatch.setattr(RunsFolder, "runs", vanish)
    listed.read()
    assert {one["name"] for one in listed.read()} == {"odd", "whole"}

    def fail(name, path, now):
        if name == "odd":
            raise PermissionError(path)
        return summarise(name, path, now)

    monkeypatch.setattr(summaries_module, "summarise", fail)
    (odd / "config.json").write_text("{}")
    assert [one["name"] for one in listed.read()] == ["whole"]
    assert "odd can't be summed up" in caplog.text


@pytest.mark.parametrize("odd", [["x"], {"x": 1}, True])
def test_setting_that_somebody_broke_by_hand_is_told_as_unknown(tmp_path, odd):
    run = make_run(tmp_path / "one")
    config = {
        "preset": odd,
        "seed": odd,
        "curriculum": odd,
        "budget": {"minutes": odd, "frames": 7},
    }
    (run / "config.json").write_text(json.dumps(config))
    summary = summarise("one", run)
    assert summary["preset"] is summary["seed"] is None
    assert summary["curriculum"] == "poet"
    assert summary["budget"] == {"minutes": None, "frames": 7}
    (run / "config.json").write_text(json.dumps({"curriculum": {"name": odd}, "budget": [odd]}))
    summary = summarise("one", run)
    assert (summary["curriculum"], summary["budget"]) == ("poet", {})


def test_comparison_reads_so_many_rows_of_each_run_and_says_so(tmp_path):
    runs: dict[str, Path] = {}
    for seed, rows in enumerate((20, 2_000)):
        runs[f"s{seed}"] = make_run(tmp_path / f"s{seed}", seed=seed, rows=rows)
    told = compare_runs(runs, ["solve_rate", "loss_value"], points=50)
    assert [curve["is_sampled"] for curve in told["runs"].values()] == [False, True]
    assert [len(curve["x"]) for curve in told["runs"].values()] == [20, 50]
    assert told["runs"]["s1"]["rows"] == pytest.approx(2_000, rel=0.2)
    (group,) = told["groups"]
    assert len(group["x"]) == 50


@pytest.mark.parametrize(
    ("rows", "points"), [(1, 1), (2, 2), (20, 3), (80, 4), (160, 8), (2_000, 10)]
)
def test_solve_rate_is_the_mean_of_the_last_twentieth_of_the_log_points(tmp_path, rows, points):
    run = make_run(tmp_path / "one", rows=rows)
    path = run / "metrics.jsonl"
    logged = [json.loads(line) for line in path.read_text().splitlines()]
    rates = [at / rows for at in range(rows)]
    told = [json.dumps(row | {"solve_rate": rate}) for row, rate in zip(logged, rates, strict=True)]
    path.write_text("\n".join(told) + "\n")
    told = summarise("one", run)
    recent = rates[-points:]
    assert told["solve_points"] == points
    assert told["solve_rate"] == rates[-1]
    assert told["solve_mean"] == pytest.approx(statistics.fmean(recent))
    if points < 3:
        assert (told["solve_low"], told["solve_high"]) == (None, None)
    else:
        error = statistics.stdev(recent) / math.sqrt(points)
        low, high = stats.t.interval(0.95, points - 1, statistics.fmean(recent), error)
        ends = max(0.0, float(low)), min(1.0, float(high))
        assert (told["solve_low"], told["solve_high"]) == pytest.approx(ends, abs=1e-3)


@pytest.mark.parametrize("by", ["frames", "updates", "wall_s"])
def test_comparison_goes_over_what_was_asked(tmp_path, by):
    run = make_run(tmp_path / "one", rows=20)
    told = compare_runs({"one": run}, ["solve_rate"], points=20, by=by)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert told["runs"]["one"]["x"] == [row[by] for row in rows]
    assert told["groups"][0]["x"][-1] == rows[-1][by]


def test_intervals_are_those_of_a_slow_bootstrap():
    rng = np.random.default_rng(0)
    values = np.where(rng.random((4, 30)) < 0.2, np.nan, rng.normal(size=(4, 30)))
    values[:, 0] = np.nan
    values[1:, 1] = np.nan
    told = _sum_up(values, _draw(4))
    state = random.Random(0)
    draws = [state.choices(range(4), k=4) for _ in range(500)]
    for step in range(30):
        column = values[:, step].tolist()
        known = [value for value in column if not math.isnan(value)]
        means = sorted(
            statistics.fmean(some)
            for draw in draws
            if (some := [column[at] for at in draw if not math.isnan(column[at])])
        )
        slow = [None, None, None]
        if known:
            slow[0] = statistics.fmean(known)
        if len(known) > 1:
            slow[1:] = means[int(0.025 * len(means))], means[int(0.975 * (len(means) - 1))]
        got = [told[key][step] for key in ("mean", "low", "high")]
        assert [value is None for value in got] == [value is None for value in slow]
        assert [value for value in got if value is not None] == pytest.approx(
            [value for value in slow if value is not None]
        )
        assert told["runs"][step] == len(known)


def test_rate_and_replay_ratio_are_those_of_the_last_row_and_none_where_there_are_none(tmp_path):
    run = make_run(tmp_path / "one", rows=20)
    path = run / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for at, row in enumerate(rows):
        row["values"] |= {"frames_per_s": 100.0 + at, "replay_ratio": at / 20}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = summarise("one", run)
    assert (told["frames_per_s"], told["replay_ratio"]) == (119.0, 0.95)
    for row in rows:
        del row["values"]["replay_ratio"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert summarise("one", run)["replay_ratio"] is None

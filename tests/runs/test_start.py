"""From the command to a finished run directory, at tiny size."""

import dataclasses
import functools
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from alpha_factory.core.errors import CorruptCheckpoint, RunConflict, UsageError
from alpha_factory.curriculum import Mutator
from alpha_factory.runs import evaluation as evaluation_module
from alpha_factory.runs import start as start_module
from alpha_factory.runs.camera import Camera
from alpha_factory.runs.evaluation import Examiner, evaluate_policy
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.files.scores import read_scores
from alpha_factory.runs.judging.result import without_levels
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.start import start_run
from alpha_factory.runs.suites import held_out_levels
from alpha_factory.service.ledger import Ledger
from alpha_factory.service.page.files.records import read_status
from runs.tiny import TINY

pytestmark = pytest.mark.implicit_promotion


@functools.cache
def make_programs(config: RunConfig, mutator: Mutator) -> Programs:
    return Programs(config, mutator, held_out_levels())


make_examiner = functools.cache(Examiner)
make_camera = functools.cache(Camera)


@pytest.fixture(autouse=True, scope="module")
def _tiny_runs() -> Iterator[None]:
    """A preset for tests. Runs of one config share their programs: building them takes most of the time."""

    def share(config: RunConfig, mutator: Mutator, *_: object) -> Programs:
        return make_programs(without_budget(config), mutator)

    def without_budget(config: RunConfig) -> RunConfig:
        return dataclasses.replace(config, budget=TINY.budget)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", TINY)
        patch.setattr(start_module, "Programs", share)
        patch.setattr(start_module, "Camera", lambda config, _: make_camera(without_budget(config)))
        patch.setattr(
            start_module, "Examiner", lambda config: make_examiner(without_budget(config))
        )
        patch.setattr(
            evaluation_module, "Examiner", lambda config: make_examiner(without_budget(config))
        )
        yield


def start(
    out: Path | None,
    *,
    open_ledger: Callable[[Path], Callable[[str, dict[str, Any]], None]] | None = None,
    **options: Any,
) -> dict[str, Any]:
    asked = {
        "preset": None,
        "seed": None,
        "minutes": None,
        "frames": None,
        "resume": False,
        "mutator": None,
    } | options
    ledger = open_ledger or (lambda directory: lambda kind, payload: None)
    with Path(os.devnull).open("w") as nowhere:
        return start_run(out=out, open_ledger=ledger, console=Console(file=nowhere), **asked)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("start") / "run"
    with LedgerOf(path) as open_ledger:
        return path, start(path, preset="tiny", frames=300, open_ledger=open_ledger)


class LedgerOf:
    """Opens the ledger of a run and closes it at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ledger: Ledger | None = None

    def __enter__(self) -> Callable[[Path], Callable[[str, dict[str, Any]], None]]:
        def open_ledger(directory: Path) -> Callable[[str, dict[str, Any]], None]:
            assert directory == self._path
            self._ledger = ledger = Ledger(directory / "ledger.sqlite")
            return lambda kind, payload: ledger.append(kind, payload) and None

        return open_ledger

    def __exit__(self, *_: object) -> None:
        assert self._ledger is not None
        self._ledger.close()


def test_run_leaves_what_is_promised(finished: tuple[Path, dict[str, Any]]) -> None:
    path, summary = finished
    for name in ("config.json", "metrics.jsonl", "worlds.sqlite", "ledger.sqlite", "report.html"):
        assert (path / name).is_file(), name
    assert list((path / "checkpoints").glob("*.safetensors"))
    assert list((path / "tensorboard").iterdir())
    assert len(list((path / "media").glob("*.gif"))) >= 5
    assert json.loads((path / "config.json").read_text())["budget"]["frames"] == 300
    last = read_metrics(path)[-1]
    at = read_status(path)
    assert at is not None
    assert (at.state, at.frames, at.cycle) == ("finished", last.frames, last.cycle)
    with sqlite3.connect(path / "episodes.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM episodes").fetchone()[0] > 0
    connection.close()
    assert summary["updates"] == last.updates
    assert summary["run"] == str(path)
    assert summary["interrupted"] is False
    assert summary["worlds_accepted"] + summary["worlds_rejected"] > 0


def test_run_keeps_a_ledger_that_verifies(finished: tuple[Path, dict[str, Any]]) -> None:
    with Ledger(finished[0] / "ledger.sqlite") as ledger:
        kinds = [event.kind for event in ledger.events()]
        assert ledger.verify() is None
    assert kinds[0] == "started"
    assert kinds[-1] == "ended"
    assert {"cycle", "saved"} <= set(kinds)


def test_run_reports_each_suite_beside_both_baselines(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    suites = finished[1]["suites"]
    assert [(suite["suite"], suite["step_limit"]) for suite in suites] == [
        ("generated-v1", 128),
        ("public-mazes-v1", 250),
        ("public-mazes-v1", 450),
    ]
    for suite in suites:
        assert list(suite["policies"]) == ["trained", "untrained", "random"]
        for numbers in suite["policies"].values():
            assert 0.0 <= numbers["low"] <= numbers["solve_rate"] <= numbers["high"] <= 1.0
    assert suites[0]["policies"]["random"]["solve_rate"] <= 0.2


def test_evaluating_the_checkpoint_repeats_the_closing_evaluation(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    path, summary = finished
    (again,) = evaluate_policy(str(path), "generated-v1")
    assert without_levels(again).items() >= summary["suites"][0].items()
    kept = read_scores(path)[0]
    budgets = [result.pop("budget") for result in (kept, again)]
    assert kept == again
    assert len({(budget["frames"], budget["updates"]) for budget in budgets}) == 1


def test_checkpoint_is_evaluated_as_the_run_that_it_ends(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    *_, last = sorted((finished[0] / "checkpoints").glob("*.safetensors"))
    (one,), (other,) = (evaluate_policy(str(of), "generated-v1") for of in (finished[0], last))
    assert one == other
    assert one["budget"]["frames"] == finished[1]["frames"]


def test_damaged_checkpoint_is_named(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    shutil.copy(finished[0] / "config.json", folder.parent)
    path = folder / "checkpoint-000000009.safetensors"
    path.write_bytes(b"nothing of use")
    with pytest.raises(CorruptCheckpoint, match="checkpoint-000000009"):
        evaluate_policy(str(path), "generated-v1")


def test_run_without_a_checkpoint_is_refused(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copy(finished[0] / "config.json", tmp_path)
    with pytest.raises(UsageError, match="has no checkpoint yet"):
        evaluate_policy(str(tmp_path), "generated-v1")


def test_kept_scores_stand_beside_the_closing_ones(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished[0], run)
    added = evaluate_policy(str(run), "four-rooms-v1", episodes=1, is_kept=True)
    assert read_scores(run) == [*read_scores(finished[0]), *added]
    assert [result["step_limit"] for result in added] == [100, 250]


def test_evaluating_an_unknown_suite_lists_the_choices(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    with pytest.raises(UsageError, match=r"generated-v1, perfect-maze-medium-v1"):
        evaluate_policy(str(finished[0]), "generated")


def test_accepted_worlds_are_children_of_archived_ones(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    with Archive(finished[0] / "worlds.sqlite", read_only=True) as archive:
        cards = archive.worlds()
    assert [card.id for card in cards] == list(range(len(cards)))
    accepted = {card.id for card in cards if card.verdict == "accepted"}
    assert len(accepted) == 1 + finished[1]["worlds_accepted"]
    for card in cards[1:]:
        assert card.parents[0] in accepted
        assert card.parents[0] < card.id


def test_second_run_in_the_same_directory_is_refused_naming_resume(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    with pytest.raises(RunConflict, match="--resume"):
        start(finished[0], preset="tiny", frames=300)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 7}, "seed was 0, now 7"),
        ({"mutator": "random"}, "curriculum.mutator was 'poet', now 'random'"),
        ({"preset": "laptop"}, "preset was 'tiny', now 'laptop'"),
    ],
)
def test_resume_with_a_changed_setting_is_refused_naming_both_values(
    finished: tuple[Path, dict[str, Any]], change: dict[str, Any], told: str
) -> None:
    with pytest.raises(RunConflict, match=told):
        start(finished[0], resume=True, **change)


def test_resume_may_give_more_frames(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "run"
    first = start(path, preset="tiny", frames=100)
    second = start(path, resume=True, frames=300)
    assert first["frames"] < second["frames"] == finished[1]["frames"]
    assert second["suites"] == finished[1]["suites"]


def test_unknown_names_list_the_choices(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"demo, gpu, laptop, paper, tiny"):
        start(tmp_path / "run", preset="demi")
    with pytest.raises(UsageError, match=r"poet, random"):
        start(tmp_path / "run", preset="tiny", mutator="poett")
    assert not (tmp_path / "run").exists()


def test_interrupted_run_saves_and_says_so(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    def open_ledger(directory: Path) -> Callable[[str, dict[str, Any]], None]:
        return lambda kind, payload: (
            os.kill(os.getpid(), signal.SIGINT) if kind == "cycle" else None
        )

    path = tmp_path / "run"
    handler = signal.getsignal(signal.SIGINT)
    stopped = start(path, preset="tiny", frames=300, open_ledger=open_ledger)
    assert stopped["interrupted"] is True
    assert stopped["suites"] == []
    assert signal.getsignal(signal.SIGINT) is handler
    resumed = start(path, resume=True)
    assert resumed["interrupted"] is False
    assert resumed["suites"] == finished[1]["suites"]
    assert np.isclose(resumed["median_path_last"], finished[1]["median_path_last"])


def test_run_interrupted_before_its_first_stretch_says_that_nothing_was_done(
    tmp_path: Path,
) -> None:
    def open_ledger(directory: Path) -> Callable[[str, dict[str, Any]], None]:
        return lambda kind, payload: (
            os.kill(os.getpid(), signal.SIGINT) if kind == "started" else None
        )

    stopped = start(tmp_path / "run", preset="tiny", frames=300, open_ledger=open_ledger)
    assert stopped["interrupted"] is True
    assert (stopped["frames"], stopped["solve_rate"]) == (0, None)
    assert start(tmp_path / "run", resume=True, frames=100)["frames"] > 0

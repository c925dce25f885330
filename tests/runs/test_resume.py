"""A run that was stopped, in whatever way, ends in the same bits as one that was not."""

import dataclasses
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from alpha_factory.core.errors import CorruptCheckpoint, DiskFull, Diverged, RunConflict
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.evolution.panel import pick_panel
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.durable import list_checkpoints
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.loop import Run
from runs import tiny
from runs.tiny_levels import tell_rows

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]


BY_AGENTS: dict[str, Any] = {"novelty": "pata-ec", "agents": 2, "remembered": 16}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tiny.finish(tiny.open_run(tmp_path_factory.mktemp("whole") / "run"))


def check_same(run: Run, other: Run) -> None:
    """Every array, every world, every logged number but the clock's."""
    leaves, others = (jax.tree_util.tree_leaves_with_path(one.state) for one in (run, other))
    assert len(leaves) == len(others)
    compared = 0
    for (path, leaf), (_, twin) in zip(leaves, others, strict=True):
        if hasattr(leaf, "dtype"):
            assert np.array_equal(leaf, twin, equal_nan=True), jax.tree_util.keystr(path)
            compared += 1
    assert compared > 50
    with Archive(run.directory.worlds) as archive, Archive(other.directory.worlds) as twin:
        assert archive.worlds() == twin.worlds()
        assert archive.scores() == twin.scores()
        assert archive.looks() == twin.looks()
        assert archive.trials() == twin.trials()
        assert archive.honeypots() == twin.honeypots()
        assert archive.transfers() == twin.transfers()
        assert archive.retirements() == twin.retirements()
        assert archive.worlds()
        assert archive.looks()
        assert archive.trials()
        assert archive.transfers()
    assert tell_rows(run) == tell_rows(other)


def test_run_plays_its_panel_at_every_look_and_newcomers_before_they_are_trained_on(
    whole: Run,
) -> None:
    every = tiny.TINY.curriculum.heldout_cycles
    with Archive(whole.directory.worlds) as archive:
        looks, born = archive.looks(), {card.id: card.cycle for card in archive.worlds()}
        panels = [
            (cycle, pick_panel(archive, cycle=cycle, every=every).members)
            for cycle in range(0, whole.counters.cycle, every)
        ]
    expected = [(cycle, card.id) for cycle, members in panels for card in members]
    assert [(look.cycle, look.world) for look in looks] == expected
    assert all((look.untrained is None) == (born[look.world] < look.cycle) for look in looks)
    assert len({look.cycle for look in looks}) >= 2


def test_pool_grows_without_anything_being_compiled_again(whole: Run) -> None:
    sizes = [row.values["pool"] for row in read_metrics(whole.directory.path)]
    assert sizes[-1] > sizes[0] == 1
    names = Counter(whole.course.programs.compiled)
    assert {"train", "judge"} <= names.keys()
    assert set(names.values()) == {1}, names


MOMENTS = {
    "started:1": "before anything",
    "logged:1": "before the first checkpoint",
    "logged:5": "in the middle of a cycle",
    "saved:2": "just after a checkpoint",
    "cycle:3": "with worlds archived and no checkpoint of them",
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> Path:
    """A run killed at the last moment, beside it what was on disk at the others."""
    path = tmp_path_factory.mktemp("killed") / "run"
    command = [sys.executable, tiny.__file__, path, *MOMENTS]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    *others, last = MOMENTS
    assert all(tiny.left_at(path, moment).is_dir() for moment in others)
    path.rename(tiny.left_at(path, last))
    return path


@pytest.mark.parametrize("moment", [pytest.param(one, id=MOMENTS[one]) for one in MOMENTS])
def test_killed_run_resumes_to_the_same_bits(whole: Run, killed: Path, moment: str) -> None:
    path = tiny.left_at(killed, moment)
    check_same(whole, tiny.finish(tiny.open_run(path, is_resuming=True)))


def test_run_told_to_stop_saves_and_resumes_to_the_same_bits(whole: Run, tmp_path: Path) -> None:
    asked = 0

    def is_stopping() -> bool:
        nonlocal asked
        asked += 1
        return asked == 4

    stopped = tiny.open_run(tmp_path / "run", Hooks(is_stopping=is_stopping))
    assert not stopped.train(seconds=None, frames=tiny.FRAMES)
    stopped.close()
    stopped.directory.close()
    assert max(list_checkpoints(stopped.directory.checkpoints)) == 3
    check_same(whole, tiny.finish(tiny.open_run(stopped.directory.path, is_resuming=True)))


def test_run_that_holds_what_worlds_taught_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """EWC, balance, reanalysis, remade forward passes and centralised gradients, with worlds that left before.

    Novelty goes by agents of the past, which come and go.
    """
    learning = dataclasses.replace(
        tiny.TINY.learning,
        unroll=1,  # each step more takes seconds to compile
        horizon=1,
        ewc_weight=1.0,
        ewc_sequences=16,
        balance=True,
        reanalyse=0.5,
        remake=True,
        centralise=True,
    )
    # After every stretch nearly the whole pool makes room for others.
    curriculum = dataclasses.replace(
        tiny.TINY.curriculum, chunks=1, lifetime=1, accepted=8, **BY_AGENTS
    )
    config = dataclasses.replace(tiny.TINY, learning=learning, curriculum=curriculum)
    frames = 40_000  # every stretch is followed by a cycle
    whole = tiny.finish(tiny.open_run(tmp_path / "whole", config=config), frames)
    asked = 0

    def is_stopping() -> bool:
        nonlocal asked
        asked += 1
        return asked == 4

    stopped = tiny.open_run(tmp_path / "run", Hooks(is_stopping=is_stopping), config=config)
    assert not stopped.train(seconds=None, frames=frames)
    stopped.close()
    stopped.directory.close()
    again = tiny.open_run(stopped.directory.path, is_resuming=True, config=config)
    resumed = tiny.finish(again, frames)
    check_same(whole, resumed)
    before, after = (
        np.concatenate(
            [
                np.ravel(leaf)
                for leaf in jax.tree.leaves(run.state.student.learner.consolidation.fisher)
            ]
        )
        for run in (stopped, resumed)
    )
    assert before.any()
    assert not np.array_equal(before, after)


def test_torn_checkpoint_is_named_and_the_one_before_it_taken(whole: Run, tmp_path: Path) -> None:
    first = tiny.finish(tiny.open_run(tmp_path / "run"), frames=tiny.FRAMES // 2)
    newest = next(iter(list_checkpoints(first.directory.checkpoints).values()))
    newest.write_bytes(newest.read_bytes()[:-1000])
    told: list[tuple[str, dict]] = []
    hooks = Hooks(event=lambda kind, payload: told.append((kind, payload)))
    resumed = tiny.finish(tiny.open_run(first.directory.path, hooks, is_resuming=True))
    assert newest.name in dict(told)["checkpoint skipped"]["reason"]
    check_same(whole, resumed)


def test_run_with_no_whole_checkpoint_names_them(tmp_path: Path) -> None:
    run = tiny.finish(tiny.open_run(tmp_path / "run"), frames=tiny.FRAMES // 2)
    for path in list_checkpoints(run.directory.checkpoints).values():
        path.write_bytes(b"")
    with pytest.raises(CorruptCheckpoint, match=r"no checkpoint in .* is whole"):
        tiny.open_run(run.directory.path, is_resuming=True)


def test_learning_that_diverges_stops_at_the_last_good_checkpoint(tmp_path: Path) -> None:
    config = tiny.with_learning(learning_rate=1e38)
    run = tiny.open_run(tmp_path / "run", config=config)
    run.save()
    before = {
        path: path.read_bytes() for path in list_checkpoints(run.directory.checkpoints).values()
    }
    told = (
        r"at update \d+: 10 updates.* in a row were skipped, the last for .* norm (nan|inf|\d).* "
        r"comes from world \d+\. The last good checkpoint is .*000000000"
    )
    with pytest.raises(Diverged, match=told):
        tiny.finish(run)
    after = list_checkpoints(run.directory.checkpoints).values()
    assert {path: path.read_bytes() for path in after} == before


def test_full_disk_leaves_the_last_checkpoint_to_resume_from(
    whole: Run, tmp_path: Path, limit_writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny.open_run(tmp_path / "run")
    run.save()
    (saved,) = list_checkpoints(run.directory.checkpoints).values()
    limit_writes(saved.stat().st_size // 2)
    with pytest.raises(DiskFull, match=f"{saved.name}, is intact"):
        tiny.finish(run)
    monkeypatch.undo()
    assert list(list_checkpoints(run.directory.checkpoints).values()) == [saved]
    check_same(whole, tiny.finish(tiny.open_run(run.directory.path, is_resuming=True)))


def test_checkpoint_made_with_other_settings_is_refused_naming_both_values(tmp_path: Path) -> None:
    run = tiny.open_run(tmp_path / "run")
    run.save()
    run.close()
    run.directory.close()
    config = run.directory.path / "config.json"
    config.write_text(config.read_text().replace('"discount": 0.97', '"discount": 0.5'))
    edited = tiny.with_learning(discount=0.5)
    with pytest.raises(RunConflict, match=r"learning\.discount was 0\.97, now 0\.5"):
        tiny.open_run(run.directory.path, is_resuming=True, config=edited)


def test_specialist_that_diverges_stops_the_run_before_anything_is_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny.open_run(tmp_path / "run")
    train, calls = run.course.programs.train, 0

    def train_specialist_to_nan(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        student, progress = train(*args, **options)
        if calls == 3:  # after the two stretches of the first cycle comes its specialist
            nan = progress.losses.value * float("nan")
            progress = eqx.tree_at(
                lambda one: (one.losses.value, one.losses.in_a_row),
                progress,
                (nan, progress.losses.in_a_row + 10),
            )
        return student, progress

    monkeypatch.setattr(run.course.programs, "train", train_specialist_to_nan)
    with pytest.raises(
        Diverged,
        match=r"at update 9: 10 updates of a specialist in a row .* value not finite.* world [1-9]",
    ):
        tiny.finish(run)
    with Archive(run.directory.worlds) as archive:
        assert len(archive.worlds()) == 1
        assert not archive.transfers()

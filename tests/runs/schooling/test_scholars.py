"""MuZero on chosen levels: exact resume, what it leaves alone, what it says, how it is judged, and what it can't be."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.evaluate import Suite, stack_levels
from alpha_factory.learn import Scholar
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.evaluation import Examiner, find_model
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.lessons import (
    begin_pupil,
    count_updates,
    make_lesson,
)
from alpha_factory.runs.loop import Run
from alpha_factory.runs.machine.memory import estimate_pupil
from alpha_factory.runs.report import write_report
from alpha_factory.runs.schooling.course import LessonPrograms
from alpha_factory.runs.settings.config import LevelsConfig, RunConfig
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.replay import count_slots
from alpha_factory.runs.settings.text import change
from alpha_factory.worlds import from_text
from runs import tiny_levels
from runs.tiny_levels import SCHOLARLY as TINY

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]


def copy(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf) if eqx.is_array(leaf) else leaf, tree)


def is_same(one, other):
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs if eqx.is_array(left))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> tuple[Run, list]:
    """A whole run, and the learner after each of its stretches with what the log says of it."""
    seen: list = []
    path = tmp_path_factory.mktemp("whole") / "run"
    hooks = Hooks(logged=lambda row: seen.append((copy(run.state.learner), row)))
    run = tiny_levels.open_run(path, hooks, config=TINY)
    seen.append((copy(run.state.learner), None))
    return tiny_levels.finish(run, tiny_levels.SCHOLARLY_FRAMES), seen


def test_killed_run_resumes_to_the_same_bits(watched: tuple[Run, list], tmp_path: Path) -> None:
    whole, path = watched[0], tmp_path / "run"
    command = [sys.executable, tiny_levels.__file__, path, "5", "muzero"]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = tiny_levels.open_run(path, is_resuming=True, config=TINY)
    assert 0 < resumed.counters.chunk < whole.counters.chunk
    tiny_levels.check_same(whole, tiny_levels.finish(resumed, tiny_levels.SCHOLARLY_FRAMES))


def test_round_without_practice_leaves_learner_and_replay_as_they_were(
    watched: tuple[Run, list],
) -> None:
    turns = {True: 0, False: 0}
    for (before, _), (after, row) in zip(watched[1], watched[1][1:], strict=False):
        is_practised = row.values["practice_share"] > 0
        turns[is_practised] += 1
        assert is_same(before, after) != is_practised
        assert int(after.ring.written) == min(
            int(before.ring.written) + 16 * is_practised, count_slots(TINY)
        )
    assert min(turns.values()) > 0


def test_rows_tell_of_updates_and_replay(watched: tuple[Run, list]) -> None:
    run, _ = watched
    rows = read_metrics(run.directory.path)
    assert rows[-1].updates == int(run.state.learner.updates) > 0
    practised = [row for row in rows if row.values["practice_share"] > 0]
    assert rows[-1].updates == count_updates(TINY) * len(practised)
    for row in practised:
        for name in ("loss_value", "loss_policy", "loss_reward", "policy_entropy"):
            assert np.isfinite(row.values[name]), name
        assert row.values["replay_ratio"] == pytest.approx(4 * row.updates / row.frames)
        assert "divergence" not in row.values


def test_report_opens_without_a_word_of_plateaus(
    watched: tuple[Run, list], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("ppo", "levels", "learning", "network", "search")
    preset = RunConfig(preset=TINY.preset, **{name: getattr(TINY, name) for name in names})
    monkeypatch.setitem(PRESETS, TINY.preset, preset)
    page = write_report(watched[0].directory.path).read_text(encoding="utf-8")
    assert "--curriculum accel" in page
    for title in ("Buffer", "Losses", "Rounds"):
        assert f"<figcaption>{title}<small>" in page
    assert "Too few log points" not in page


def test_agent_is_judged_on_levels_of_any_size_by_what_it_saw(watched: tuple[Run, list]) -> None:
    levels = [from_text(">G", step_limit=24), from_text(">G", side=19, step_limit=24)]
    rooms = [Suite("rooms", stack_levels([one]), ("room",), (24,), 4, "0") for one in levels]
    examiner, model = Examiner(TINY), find_model(TINY, watched[0].state)
    (scores,) = examiner.examine(model, rooms[0], episodes=4, seed=0)
    assert list(scores["policies"]) == ["trained", "untrained", "random"]
    (scores,) = examiner.examine(model, rooms[1], episodes=4, seed=0)
    assert scores["policies"]["random"]["solve_rate"] > 0


def test_updates_and_replay_follow_those_of_a_run_of_poet() -> None:
    """Of the demo: 4 updates for 128 x 16 rows, 128 x 1024 rows kept; a round has 32 x 256."""
    assert count_updates(RunConfig()) == 16
    assert count_slots(RunConfig()) == 4096
    short = change(RunConfig(), ["levels.lanes=4", "levels.steps=16"])
    assert count_updates(short) == 1
    assert count_slots(change(RunConfig(), ["learning.replay_slots=64"])) == 512


def test_memory_is_told_by_part() -> None:
    estimate = estimate_pupil(TINY)
    assert set(estimate.parts) == {"levels", "replay", "model and optimiser", "search", "update"}
    assert all(size > 0 for size in estimate.parts.values())
    rows = estimate.parts["replay"] * 2**30 / (4 * count_slots(TINY))
    assert 680 / 8 < rows < 680 / 8 + 64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ("curriculum.name=samplr", "levels.world=fruits"),
            "Give --learner ppo, or --curriculum naive",
        ),
        (
            ("curriculum.name=degen",),
            "sees mazes whole. Give --learner ppo, or --curriculum paired",
        ),
        (("levels.steps=2",), "levels.steps=2 is too few: .* Set levels.steps=3 or more"),
        (("learning.ewc_weight=1.0",), "accel has none. Set learning.ewc_weight=0"),
    ],
)
def test_what_muzero_can_not_be_is_refused_with_the_reason(
    settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_lesson(change(TINY, settings))


@pytest.mark.parametrize(("name", "world"), [("naive-grounding", "fruits"), ("paired", "maze")])
def test_other_methods_have_it_as_their_learner_too(name: str, world: str) -> None:
    """Nothing is compiled: shapes alone, which a stretch gives back as it was given them."""
    config = dataclasses.replace(
        TINY,
        curriculum=dataclasses.replace(TINY.curriculum, name=name),
        levels=LevelsConfig(
            world=world, lanes=4, steps=16, rounds=1, walls=5, slots=8, builder_minibatches=1
        ),
    )
    programs = LessonPrograms(config)
    pupil = eqx.filter_eval_shape(lambda: begin_pupil(config, programs.lesson))
    after, brought = eqx.filter_eval_shape(programs._train, jax.random.key(0), pupil)
    shapes, before = (
        [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree) if hasattr(leaf, "dtype")]
        for tree in (after, pupil)
    )
    assert shapes == before
    updates = (1, count_updates(config))
    assert brought.report.losses.value.shape == updates
    if name == "paired":
        assert brought.others["antagonist"].losses.value.shape == updates
        assert isinstance(after.selection.antagonist, Scholar)

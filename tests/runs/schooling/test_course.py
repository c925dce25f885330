"""Runs on chosen levels: exact resume, what they say of themselves, and what they do where nothing can be chosen."""

import dataclasses
import math
import signal
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from alpha_factory.core.errors import Diverged, UsageError
from alpha_factory.curriculum import count_rounds
from alpha_factory.runs import lessons
from alpha_factory.runs.arenas import make_arena
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.files.episodes import EpisodeStore
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.lessons import check_score, make_lesson
from alpha_factory.runs.loop import Run
from alpha_factory.runs.playback import Recorder
from alpha_factory.runs.report import write_report
from alpha_factory.runs.resolve import resolve_curriculum
from alpha_factory.runs.schooling.course import LessonPrograms
from alpha_factory.runs.schooling.row import find_trouble
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.text import change
from alpha_factory.runs.start import start_run
from alpha_factory.worlds.levels.plain import assemble
from runs import tiny_levels
from runs.tiny_levels import TINY

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> Run:
    return tiny_levels.finish(tiny_levels.open_run(tmp_path_factory.mktemp("whole") / "run"))


def test_killed_run_resumes_to_the_same_bits(whole: Run, tmp_path: Path) -> None:
    path = tmp_path / "run"
    command = [sys.executable, tiny_levels.__file__, path, "3", "ppo"]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = tiny_levels.finish(tiny_levels.open_run(path, is_resuming=True))
    tiny_levels.check_same(whole, resumed)


def test_rounds_of_ppo_are_what_they_were_before_rounds_knew_of_other_learners(whole: Run) -> None:
    """Numbers of that commit's run of the same config, up to rounding."""
    last = read_metrics(whole.directory.path)[-1]
    assert (last.frames, last.updates) == (1440, 24)
    wanted = {
        "loss_value": 0.0013073797,
        "loss_policy": -0.0012593559,
        "policy_entropy": 1.0977078,
        "divergence": 9.075950e-05,
        "score_mean": -0.065153458,
        "buffer_score_high": -0.04255683,
    }
    assert {name: last.values[name] for name in wanted} == pytest.approx(wanted, rel=1e-3)


def test_rows_tell_of_learner_and_levels(whole: Run) -> None:
    rows = read_metrics(whole.directory.path)
    last = rows[-1]
    assert last.frames == whole.counters.frames >= tiny_levels.FRAMES
    assert last.updates == int(whole.state.learner.updates) > 0
    assert last.values["buffer"] == int(whole.state.selection.buffer.size)
    assert rows[0].values["replay_share"] < 1
    practised = [row.values for row in rows if row.values["practice_share"] > 0]
    assert practised
    for values in practised:
        for name in ("loss_policy", "loss_value", "policy_entropy", "divergence", "clip_share"):
            assert values[name] is not None, name
        assert values["replayed_path"] is None or values["replayed_path"] >= 1
        assert values["noise_spread"] > 0


def test_report_leaves_out_what_such_a_run_has_not(
    whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = RunConfig(preset=TINY.preset, ppo=TINY.ppo, levels=TINY.levels)
    monkeypatch.setitem(PRESETS, TINY.preset, preset)
    page = write_report(whole.directory.path).read_text(encoding="utf-8")
    for section in ("results", "curves", "settings"):
        assert f'<section id="{section}">' in page
    for section in ("memory", "tree", "worlds", "transfers"):
        assert f'id="{section}"' not in page
    for title in ("Levels replayed", "Buffer", "Divergence", "Rounds"):
        assert f"<figcaption>{title}<small>" in page
    assert "--curriculum accel --learner ppo" in page
    assert "Too few log points" in page


def change_rounds(monkeypatch: pytest.MonkeyPatch, run: Run, change) -> None:
    """Let what every stretch brings be something else."""
    train = run.course.programs.train

    def train_and_change(pupil, *, key):
        pupil, brought = train(pupil, key=key)
        return pupil, change(brought)

    monkeypatch.setattr(run.course.programs, "train", train_and_change)


@pytest.mark.parametrize(
    ("field", "words"),
    [("lost", "No level of this stretch has a way"), ("refused", "has a score that is finite")],
)
def test_trouble_is_told_once_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, words: str
) -> None:
    told: list[str] = []
    events: list[tuple[str, dict]] = []
    hooks = Hooks(warned=told.append, event=lambda kind, payload: events.append((kind, payload)))
    run = tiny_levels.open_run(tmp_path / "run", hooks)
    change_rounds(
        monkeypatch,
        run,
        lambda brought: eqx.tree_at(lambda one: getattr(one, field), brought, brought.played),
    )
    tiny_levels.finish(run, 500)
    assert run.counters.chunk >= 2
    assert len([line for line in told if words in line]) == 1
    assert [payload["trouble"] for kind, payload in events if kind == "levels"] == told


def test_run_on_levels_without_a_way_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real generator of such levels: walls everywhere but at the start and at a goal two rows away."""

    def wall_in(level, side=13):
        start = level.start[0] * side + level.start[1]
        goal = (start + 2 * side) % (side * side)
        is_wall = (jnp.arange(side * side) != start).reshape(side, side)
        return assemble(level, is_wall, start=start, heading=level.heading, goal=goal)

    def make_walled(levels, learner):
        arena = make_arena(levels, learner)
        return arena._replace(draw=lambda **given: wall_in(arena.draw(**given)))

    monkeypatch.setattr(lessons, "make_arena", make_walled)
    told: list[str] = []
    events: list[tuple[str, dict]] = []
    hooks = Hooks(warned=told.append, event=lambda kind, payload: events.append((kind, payload)))
    config = change(TINY, ["curriculum.name=robust-plr", "levels.walls=3", "levels.slots=20"])
    run = tiny_levels.finish(tiny_levels.open_run(tmp_path / "run", hooks, config=config), 500)
    assert run.counters.chunk >= 2
    assert run.counters.updates > 0  # they are scored, kept and replayed as any other
    rows = read_metrics(run.directory.path)
    assert all(row.values["levels_without_way"] == 16 for row in rows)
    assert all(row.solve_rate == 0 for row in rows)
    assert all(math.isfinite(row.values["score_mean"]) for row in rows)
    lines = [line for line in told if "No level of this stretch has a way to its goal" in line]
    assert len(lines) == 1
    assert "levels.generator" in lines[0]
    assert {"trouble": lines[0]} in [payload for kind, payload in events if kind == "levels"]


def test_scores_that_are_all_equal_are_told(whole: Run) -> None:
    brought = whole.course._brought
    kept = {"buffer": 12.0, "buffer_score_low": 0.25, "buffer_score_high": 0.25}
    assert "score the same" in find_trouble(brought, kept)[0]
    assert not find_trouble(brought, kept | {"buffer_score_high": 0.5})
    assert not find_trouble(brought, kept | {"buffer": 1.0})
    assert not find_trouble(brought, {})


def test_learning_that_diverges_names_term_and_lane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_levels.open_run(tmp_path / "run")

    def break_down(brought):
        losses = brought.report.losses
        return eqx.tree_at(
            lambda one: (
                one.is_practised,
                one.report.losses.value,
                one.report.losses.in_a_row,
                one.report.losses.world,
            ),
            brought,
            (
                jnp.ones_like(brought.is_practised),
                losses.value * jnp.nan,
                losses.in_a_row + 10,
                jnp.full_like(losses.world, 2),
            ),
        )

    change_rounds(monkeypatch, run, break_down)
    with pytest.raises(Diverged, match=r"at update 1: .*value.* not finite.*the level of lane 2"):
        tiny_levels.finish(run)


def test_curricula_and_learners_that_do_not_exist_list_the_choices() -> None:
    known = "accel, degen, dr, mna, naive-grounding, paired, plr, poet, robust-plr, samplr, sfl"
    with pytest.raises(UsageError, match=rf"Unknown curriculum 'plrr'\. .*Choices: {known}"):
        resolve_curriculum("plrr", "ppo")
    with pytest.raises(UsageError, match=r"Unknown learner 'pp'\. .*Choices: muzero, ppo"):
        resolve_curriculum("plr", "pp")
    with pytest.raises(UsageError, match=r"Unknown scorer 'mcmax'.*Choices: l1, learnability"):
        LessonPrograms(tiny_levels.with_levels(score="mcmax"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("ppo.memory=elephant", "Choices: gru, lstm, s5"),
        ("ppo.drift=dop", "Did you mean 'dpo'"),
        ("ppo.minibatches=3", "do not divide levels.lanes=4 .1 left over.*3 or 6"),
        ("levels.generator=wall", "Did you mean 'walls'"),
        ("levels.walls=168", "from 1 to 167"),
        ("levels.replay=1.5", "levels.replay=1.5 is out of its limits: give 0 to 1"),
        ("levels.temperature=0.0", "levels.temperature=0.0 is out of its limits"),
        ("levels.prioritisation=ranks", "Did you mean 'rank'"),
    ],
)
def test_settings_out_of_their_limits_are_refused(setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_limits(change(TINY, [setting]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["curriculum.name=plr"],
            "in 16 rows .* for 1 .*steps=52 or more, or levels.step_limit=3 ",
        ),
        (["curriculum.name=sfl", "levels.scout_steps=33"], "48 rows .* for 3 .*scout_steps=52 or"),
        (["curriculum.name=dr", "levels.steps=7"], "in 7 rows .* for 0 .*steps=52 or more; or"),
    ],
)
def test_learnability_of_too_few_episodes_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        begin(["levels.score=learnability", *settings])


@pytest.mark.parametrize(
    ("score", "name"), [("maxmc", "plr"), ("regret", "plr"), ("regret", "sfl")]
)
def test_score_of_episodes_that_cannot_fail_is_refused(score: str, name: str) -> None:
    """It would be none wherever the goal is not reached, and a buffer would keep what is solved at once alone."""
    settings = [f"levels.score={score}", f"curriculum.name={name}"]
    message = r"in 12 rows .* for 0 of the 13 .*steps=13 or more, or levels.step_limit=11 or less"
    with pytest.raises(UsageError, match=message):
        begin([*settings, "levels.steps=12"])
    begin([*settings, "levels.steps=13"])


@pytest.mark.parametrize(
    "settings", [["curriculum.name=sfl", "levels.scout_steps=24"], ["curriculum.name=paired"]]
)
def test_score_of_all_scouting_or_that_nothing_is_kept_by_is_taken(settings: list[str]) -> None:
    begin(["levels.score=maxmc", "levels.steps=12", "levels.walls=5", *settings])


def test_refused_run_leaves_nothing(tmp_path: Path) -> None:
    changes = ["levels.score=maxmc", "levels.steps=64"]
    with pytest.raises(UsageError, match="for 0 of the 251"):
        start_run(
            preset="demo",
            out=tmp_path / "run",
            seed=None,
            minutes=None,
            frames=1,
            resume=False,
            mutator=None,
            curriculum="plr",
            learner="ppo",
            changes=changes,
            open_ledger=lambda path: lambda kind, payload: None,
            console=Console(quiet=True),
        )
    assert not (tmp_path / "run").exists()


def test_run_that_was_begun_before_can_be_judged() -> None:
    """What a run is resumed and evaluated by asks for no room: its score is what it is."""
    make_lesson(change(TINY, ["levels.score=maxmc", "levels.steps=12", "curriculum.name=plr"]))


def begin(settings: list[str]) -> None:
    config = change(TINY, settings)
    check_score(config, make_lesson(config))


def test_learnability_of_many_episodes_is_taken() -> None:
    begin(["levels.score=learnability", "levels.steps=52"])
    published = change(TINY, ["curriculum.name=sfl", "levels.score=None"])
    assert count_rounds(make_lesson(published)) == 125  # of 16 rows


def test_none_of_the_published_settings_is_out_of_limits() -> None:
    check_limits(dataclasses.replace(TINY, levels=type(TINY.levels)()))


def test_watched_run_has_the_same_bits_and_shows_levels_of_its_method(
    whole: Run, tmp_path: Path
) -> None:
    recorder = Recorder(TINY, tmp_path / "episodes.sqlite")
    watched = tiny_levels.finish(tiny_levels.open_run(tmp_path / "run", recorder=recorder))
    for leaf, twin in zip(
        jax.tree.leaves(whole.state), jax.tree.leaves(watched.state), strict=True
    ):
        if eqx.is_array(leaf):
            assert np.array_equal(leaf, twin, equal_nan=True)
    store = EpisodeStore(tmp_path / "episodes.sqlite", kept=1, total=1)
    seen = store.last_seen()
    store.close()
    every, lanes = TINY.playback.cycles, TINY.levels.lanes
    assert every is not None
    assert 1 <= len(seen) <= lanes * (1 + (watched.counters.cycle - 1) // every)

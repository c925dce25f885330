"""Runs whose method learns to build levels: they train, say what each learner does, and resume to the same bits."""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import Diverged
from alpha_factory.runs.evaluation import load_model
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.loop import Run
from alpha_factory.runs.settings.config import CurriculumConfig, LevelsConfig, RunConfig
from runs import tiny_levels

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

LEVELS = LevelsConfig(
    lanes=4, steps=16, rounds=2, step_limit=12, builder_epochs=1, builder_minibatches=1
)
OTHERS = {"paired": ("antagonist", "builder"), "degen": ("builder",)}
FRAMES = {"paired": 5 * 2 * 4 * (15 + 15 + 7), "degen": 5000}
"""Four stretches or more, with the steps of all."""


def configure(name: str) -> RunConfig:
    levels = dataclasses.replace(LEVELS, walls=5 if name == "paired" else None)
    curriculum = CurriculumConfig(name=name, chunks=2)
    return dataclasses.replace(tiny_levels.TINY, curriculum=curriculum, levels=levels)


@pytest.fixture(scope="module", params=OTHERS)
def whole(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    quick_compilation: None,
) -> Run:
    path = tmp_path_factory.mktemp(request.param) / "run"
    return tiny_levels.finish_and_leave(path, configure(request.param), FRAMES[request.param])


def test_killed_run_resumes_to_the_same_bits(whole: Run) -> None:
    left = tiny_levels.left_beside(whole.directory.path)
    resumed = tiny_levels.open_run(left, is_resuming=True, config=whole.config)
    assert resumed.counters.chunk == 2 < whole.counters.chunk
    tiny_levels.check_same(whole, tiny_levels.finish(resumed, FRAMES[whole.config.curriculum.name]))


def test_all_learn_and_are_told_of_apart(whole: Run) -> None:
    """Steps and updates of all are the run's; the student's are told beside them."""
    state, rows = whole.state, read_metrics(whole.directory.path)
    name = whole.config.curriculum.name
    assert rows[-1].frames == whole.counters.frames >= FRAMES[name]
    practised, epochs = LEVELS.rounds * whole.counters.chunk, tiny_levels.TINY.ppo.epochs
    assert rows[-1].values["student_updates"] == int(state.learner.updates) == epochs * practised
    updates = int(state.learner.updates)
    for other in OTHERS[name]:
        passes = LEVELS.builder_epochs if other == "builder" else epochs
        assert int(getattr(state.selection, other).updates) == passes * practised
        updates += passes * practised
        for row in rows:
            for told in ("loss_value", "loss_policy", "entropy", "divergence", "gradient_norm"):
                assert row.values[f"{other}_{told}"] is not None, told
            assert row.values[f"{other}_skipped"] == 0
    assert rows[-1].updates == updates
    steps = sum(
        row.values["builder_steps"] + row.values.get("antagonist_frames", 0) for row in rows
    )
    assert rows[-1].frames == rows[-1].values["student_frames"] + steps
    lanes, rounds = LEVELS.lanes, LEVELS.rounds
    for row in rows:
        assert row.values["practice_share"] == 1
        assert row.values["replay_share"] == 0
        steps = row.values["builder_steps"]
        if name == "paired":
            assert steps == rounds * lanes * (5 + 2)
            assert 0 < row.values["antagonist_frames"] < rounds * lanes * LEVELS.steps
            assert 0 <= row.values["regret"] <= 1
            assert 0 < row.values["built_walls"] <= 5
        else:
            assert rounds * lanes < steps <= rounds * lanes * 168
            assert row.values["builder_pay"] >= 0
            assert 0 <= row.values["built_goals"] <= 1


def test_what_is_judged_is_the_student(whole: Run) -> None:
    """`evaluate` and `compare` find its policy in the last checkpoint, whoever else is in there."""
    told: list[str] = []
    loaded = load_model(whole.directory.path, whole.config, told.append)
    pairs = zip(jax.tree.leaves(loaded), jax.tree.leaves(whole.state.learner.net), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs if eqx.is_array(one))
    assert not told


def test_levels_without_a_way_are_counted(whole: Run) -> None:
    played = LEVELS.rounds * LEVELS.lanes
    for row in read_metrics(whole.directory.path):
        assert 0 <= row.values["levels_without_way"] <= played
        if row.values.get("built_goals") is not None:
            lost = played * (1 - row.values["built_goals"])
            assert row.values["levels_without_way"] >= round(lost)


def test_builder_that_diverges_stops_the_run_by_its_name(
    whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_levels.open_run(tmp_path / "run", config=whole.config)
    train = run.course.programs.train

    def train_and_break(pupil, *, key):
        pupil, brought = train(pupil, key=key)
        losses = brought.others["builder"].losses
        broken = eqx.tree_at(
            lambda one: (one.value, one.in_a_row),
            losses,
            (losses.value * jnp.nan, losses.in_a_row + 10),
        )
        return pupil, eqx.tree_at(lambda one: one.others["builder"].losses, brought, broken)

    monkeypatch.setattr(run.course.programs, "train", train_and_break)
    with pytest.raises(Diverged, match=r"10 updates of the builder in a row.*value.* not finite"):
        tiny_levels.finish(run, FRAMES[whole.config.curriculum.name])

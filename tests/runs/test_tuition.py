"""POET with PPO: exact resume, what rows, report and memory say, how its agent is judged, and what it can't be."""

import dataclasses
from html import escape
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from alpha_factory.core.errors import UsageError
from alpha_factory.evaluate import Suite, stack_levels
from alpha_factory.learn import Losses, PpoLearner, PpoLosses
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.evaluation import Examiner, find_model, make_agent
from alpha_factory.runs.evolution.executor.jobs import Training, perform
from alpha_factory.runs.evolution.executor.worker import Answer, pack, read_answer
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.films import shoot_films
from alpha_factory.runs.loop import Run
from alpha_factory.runs.machine.memory import estimate_run
from alpha_factory.runs.report import write_report
from alpha_factory.runs.schooling.course import check_alone
from alpha_factory.runs.schooling.plateau import explain_plateau
from alpha_factory.runs.settings.config import LevelsConfig, PpoConfig, RunConfig
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.text import change
from alpha_factory.runs.tuition import count_turns, make_tuition
from alpha_factory.worlds import from_text
from runs import tiny
from runs.test_resume import check_same

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

TINY = dataclasses.replace(
    tiny.TINY,
    preset="tiny-ppo",
    learner="ppo",
    ppo=PpoConfig(memory="gru", width=8, embed=8, head=8, epochs=1, learning_rate=1e-2),
    levels=LevelsConfig(lanes=4, steps=16),
    curriculum=dataclasses.replace(
        tiny.TINY.curriculum, novelty="pata-ec", agents=2, remembered=16
    ),
)
FRAMES = 30_000
"""Two cycles or more, of which the first trains a specialist; judging takes most of these steps."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> Run:
    path = tmp_path_factory.mktemp("whole") / "run"
    return tiny.finish(tiny.open_run(path, config=TINY), FRAMES)


def test_run_that_was_stopped_resumes_to_the_same_bits(whole: Run, tmp_path: Path) -> None:
    asked = 0

    def is_stopping() -> bool:
        nonlocal asked
        asked += 1
        return asked == 4

    stopped = tiny.open_run(tmp_path / "run", Hooks(is_stopping=is_stopping), config=TINY)
    assert not stopped.train(seconds=None, frames=FRAMES)
    stopped.close()
    stopped.directory.close()
    resumed = tiny.open_run(stopped.directory.path, is_resuming=True, config=TINY)
    assert resumed.counters.chunk == 3
    check_same(whole, tiny.finish(resumed, FRAMES))


def test_specialists_are_trained_and_merged_into_what_acts(whole: Run) -> None:
    assert isinstance(whole.state.student.learner, PpoLearner)
    with Archive(whole.directory.worlds) as archive:
        transfers, trials = archive.transfers(), archive.trials()
    assert transfers
    assert all(one.merged for one in transfers)
    assert any(trial.agents > 1 for trial in trials)


def test_rows_tell_of_ppo_and_of_the_pool(whole: Run) -> None:
    last = read_metrics(whole.directory.path)[-1]
    assert last.updates >= int(whole.state.student.learner.updates) > 0
    assert last.values["pool"] > 1
    for name in ("loss_policy", "loss_value", "policy_entropy", "divergence", "noise_spread"):
        assert np.isfinite(last.values[name]), name
    assert not {"replay_ratio", "loss_reward", "practice_share"} & last.values.keys()


def test_report_tells_what_ppo_did_and_whether_it_stalled(
    whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, TINY.preset, dataclasses.replace(TINY, learner="muzero"))
    page = write_report(whole.directory.path).read_text(encoding="utf-8")
    assert "--learner ppo" in page
    for title in ("Divergence", "Worlds", "Losses"):
        assert f"<figcaption>{title}<small>" in page
    rows = read_metrics(whole.directory.path)
    told = explain_plateau(rows, lanes=TINY.levels.lanes, minibatches=TINY.ppo.minibatches)
    assert told
    assert escape(told) in page


def test_agent_is_judged_and_filmed_as_it_was_trained(whole: Run, tmp_path: Path) -> None:
    room = Suite("rooms", stack_levels([from_text(">G", step_limit=24)]), ("room",), (24,), 4, "0")
    model = find_model(TINY, whole.state)
    (scores,) = Examiner(TINY).examine(model, room, episodes=4, seed=0)
    assert list(scores["policies"]) == ["trained", "untrained", "random"]
    assert make_agent(TINY).world.features == model.shape[0] == 1024
    names = ("SixteenRooms", "StandardMaze")
    levels = [from_text(">G", step_limit=24)] * 2
    public = Suite("public", stack_levels(levels), names, (24,), 4, "0")
    films = shoot_films(tmp_path, TINY, whole.state, {"public-mazes-v1": public})
    assert {film.name.split("-")[0] for film in films} == {"world", "public"}


def test_worker_gives_back_what_the_process_itself_would(whole: Run) -> None:
    state = whole.state
    job = Training(state.student.learner, state.pool, 0, jax.random.key(0))
    done = perform(whole.course.programs, job)
    answer = Answer([pack(done.model), *map(pack, done.losses)], done.frames, 0.0)
    told = read_answer(job, answer)
    assert (told.frames, told.updates) == (done.frames, done.updates)
    assert all(isinstance(one, PpoLosses) for one in told.losses)
    assert not any(isinstance(one, Losses) for one in told.losses)
    for tree, other in ((told.model, done.model), (told.losses, done.losses)):
        pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
        assert all(np.array_equal(one, two) for one, two in pairs if eqx.is_array(one))


def test_memory_is_told_by_part() -> None:
    parts = estimate_run(TINY).parts
    assert set(parts) == {"worlds", "policy and optimiser", "update", "agents of the past"}
    assert all(size > 0 for size in parts.values())


def test_stretch_has_as_many_rows_as_one_of_muzero() -> None:
    """Of the demo: 8 times 128 x 16; a round of PPO has 32 x 256."""
    assert count_turns(RunConfig()) == 2
    assert count_turns(change(RunConfig(), ["levels.lanes=4096"])) == 1


def test_what_ppo_can_not_be_asked_for_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"ewc_weight=1\.0 is not used.*Set learning\.ewc_weight=0"
    ):
        make_tuition(change(TINY, ["learning.ewc_weight=1.0"]))
    with pytest.raises(UsageError, match="uses one device, and so does PPO"):
        check_alone(Mesh(np.array(jax.devices()[:1]), ("data",)))

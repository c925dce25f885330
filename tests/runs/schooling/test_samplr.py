"""Runs that learn by the true odds of what their levels hide."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.arenas import make_arena
from alpha_factory.runs.build import make_untrained
from alpha_factory.runs.evaluation import make_agent
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.lessons import make_lesson
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.runs.settings.text import change
from alpha_factory.worlds import from_text
from alpha_factory.worlds.levels import tiles
from runs import tiny_levels

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]


FRUITS = ("world=fruits", "score=null", "walls=1", "steps=64", "step_limit=60")
FRAMES = 8000
"""Four stretches of 4 rounds of 4 lanes of 64 rows, last rows left out, and as many steps that were not taken."""


def with_curriculum(name: str, *settings: str) -> RunConfig:
    """A tiny run on the choice of fruits, long enough for some to be eaten by chance."""
    fruits = [f"levels.{setting}" for setting in FRUITS]
    config = change(tiny_levels.TINY, [*fruits, *settings])
    return dataclasses.replace(config, curriculum=dataclasses.replace(config.curriculum, name=name))


@pytest.mark.parametrize(("name", "steps"), [("samplr", 2), ("naive-grounding", 1)])
def test_killed_run_resumes_to_the_same_bits(tmp_path: Path, name: str, steps: int) -> None:
    config = with_curriculum(name)
    whole = tiny_levels.finish_and_leave(tmp_path / "run", config, FRAMES)
    assert int(whole.state.learner.updates) > 0
    rows = read_metrics(whole.directory.path)
    assert any(row.values["return_mean"] for row in rows)
    assert all(row.frames == steps * row.values["student_frames"] for row in rows)
    left = tiny_levels.left_beside(whole.directory.path)
    resumed = tiny_levels.open_run(left, config=config, is_resuming=True)
    assert resumed.counters.chunk == 2 < whole.counters.chunk
    tiny_levels.check_same(whole, tiny_levels.finish(resumed, FRAMES))


@pytest.mark.parametrize("name", ["samplr", "naive-grounding"])
def test_world_that_hides_nothing_is_refused(name: str) -> None:
    config = change(with_curriculum(name), ["levels.world=maze"])
    with pytest.raises(UsageError, match=rf"{name} is for worlds that hide something.*robust-plr"):
        make_lesson(config)


def test_only_samplr_learns_from_fiction() -> None:
    assert make_lesson(with_curriculum("samplr")).posterior is not None
    for name in ("robust-plr", "plr", "naive-grounding", "dr"):
        assert make_lesson(with_curriculum(name)).posterior is None


def test_edited_level_keeps_its_good_fruit_and_has_an_apple() -> None:
    parent = from_text(">....\n.....\n..#..\n.....\n..?.G", side=5, step_limit=12, decoy=0.25)
    ground_edit = jax.jit(
        lambda key: make_arena(with_curriculum("accel").levels, "ppo").edit(
            parent, edits=5, key=key
        )
    )
    for seed in range(5):
        child = ground_edit(jax.random.key(seed))
        assert (np.asarray(child.tile) == tiles.DECOY).sum() == 1
        assert float(child.reward.decoy) == 0.25


def test_agent_is_judged_by_what_it_saw_in_training() -> None:
    config = with_curriculum("samplr")
    world, net = make_agent(config).world, make_untrained(config)
    assert (world.features,) == net.shape == (79,)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("levels.world=fruit", "Did you mean 'fruits'"),
        ("levels.odds=1.5", "levels.odds=1.5 is out of its limits: give 0 to 1"),
        ("levels.walls=167", "from 1 to 166 leave room for the agent and both fruits"),
        ("levels.score=regret", "knows the best return of plain mazes only"),
    ],
)
def test_settings_of_fruits_out_of_their_limits_are_refused(setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_limits(change(with_curriculum("samplr"), [setting]))

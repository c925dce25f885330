"""Runs that learn by the true odds: what they equal where nothing is left to chance, and exact resume."""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evaluation import make_agent
from alpha_factory.runs.schooling.arenas import make_arena
from alpha_factory.runs.schooling.lessons import make_lesson, make_untrained_policy
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.runs.settings.text import change
from alpha_factory.worlds import from_text
from alpha_factory.worlds.levels import tiles
from runs import tiny_levels

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]


FRUITS = ("world=fruits", "score=null", "walls=1", "steps=64", "step_limit=60")
FRAMES = 4000
"""Four stretches of 4 rounds of 4 lanes of 64 rows, last rows left out."""


def with_curriculum(name: str, *settings: str) -> RunConfig:
    """A tiny run on the choice of fruits, long enough for some to be eaten by chance."""
    fruits = [f"levels.{setting}" for setting in FRUITS]
    config = change(tiny_levels.TINY, [*fruits, *settings])
    return dataclasses.replace(config, curriculum=dataclasses.replace(config.curriculum, name=name))


def assert_same(one, other) -> None:
    leaves = [jax.tree_util.tree_leaves_with_path(tree) for tree in (one, other)]
    for (where, leaf), (_, twin) in zip(*leaves, strict=True):
        if eqx.is_array(leaf):
            assert np.array_equal(leaf, twin, equal_nan=True), jax.tree_util.keystr(where)


def test_without_chance_it_is_robust_plr_to_the_bit() -> None:
    pupils = []
    for name in ("samplr", "robust-plr"):
        programs = tiny_levels.make_programs(with_curriculum(name, "levels.odds=1.0"))
        pupil = programs.begin()
        earned = 0.0
        for chunk in range(3):
            pupil, brought = programs.train(pupil, key=derive_key(0, "train", chunk))
            earned += float(brought.total.sum())
        pupils.append(pupil)
    assert earned > 0
    assert int(pupils[0].learner.updates) > 1
    assert_same(*pupils)


def test_interrupted_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    config = with_curriculum("samplr")
    whole = tiny_levels.finish(tiny_levels.open_run(tmp_path / "whole", config=config), FRAMES)
    assert int(whole.state.learner.updates) > 0
    tiny_levels.finish(tiny_levels.open_run(tmp_path / "cut", config=config), FRAMES // 2)
    resumed = tiny_levels.open_run(tmp_path / "cut", config=config, is_resuming=True)
    assert_same(tiny_levels.finish(resumed, FRAMES).state, whole.state)


def test_naive_grounding_draws_anew_what_replayed_levels_hide() -> None:
    """All that the buffer holds are good bananas; what is played of it has the true odds."""
    selector = make_lesson(with_curriculum("naive-grounding", "levels.lanes=64")).selector
    state = selector.begin(key=jax.random.key(0))
    state = eqx.tree_at(
        lambda one: (one.buffer.size, one.buffer.score, one.buffer.level.reward.decoy),
        state,
        (jnp.int32(12), jnp.zeros(12), jnp.zeros(12)),
    )
    choose = jax.jit(lambda key: selector.choose(state, key=key)[1])
    choices = [choose(jax.random.key(seed)) for seed in range(8)]
    replays = [choice for choice in choices if int(choice.slot[0]) >= 0]
    assert replays
    share = np.mean([np.asarray(choice.level.reward.decoy) > 0 for choice in replays])
    assert abs(share - 0.7) < 5 * np.sqrt(0.21 / (64 * len(replays)))


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
        lambda key: make_arena(with_curriculum("accel").levels).edit(parent, edits=5, key=key)
    )
    for seed in range(5):
        child = ground_edit(jax.random.key(seed))
        assert (np.asarray(child.tile) == tiles.DECOY).sum() == 1
        assert float(child.reward.decoy) == 0.25


def test_agent_is_judged_by_what_it_saw_in_training() -> None:
    config = with_curriculum("samplr")
    world, net = make_agent(config).world, make_untrained_policy(config)
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

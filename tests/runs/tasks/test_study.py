"""Learning a fixed task: it is the task that it says, within its budget, and the same every time."""

import dataclasses

import gymnasium
import jax
import numpy as np
import pytest

from alpha_factory.core.errors import Diverged, OutOfMemory, UsageError
from alpha_factory.runs.settings.text import change
from alpha_factory.runs.tasks.catalogue import EPISODES, TASKS, find_task
from alpha_factory.runs.tasks.study import study
from alpha_factory.worlds import shortest_walk

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

TINY = [
    "network.widths=[8]",
    "network.latent=8",
    "network.head=8",
    "search.simulations=2",
    "learning.worlds=4",
    "learning.updates=2",
    "learning.batch=8",
    "learning.replay_slots=64",
]


def learn(frames, **changes):
    task = find_task("cartpole")
    config = change(task.config, [*TINY, f"budget.frames={frames}", *changes.pop("set", ())])
    rows = []
    outcome = study(task, dataclasses.replace(config, **changes), rows.append)
    return rows, outcome


@pytest.fixture(scope="module")
def learned():
    return learn(1300)


def test_budget_of_frames_is_never_exceeded(learned):
    rows, outcome = learned
    assert len(rows) == 2
    assert 900 < outcome["frames"] <= 1300
    assert outcome["updates"] == 2 * 8 * 2
    assert outcome["replay_ratio"] == 32 * 8 / outcome["frames"]
    assert [row.frames for row in rows] == sorted({row.frames for row in rows})


def test_returns_are_those_of_episodes_of_the_task(learned):
    rows, outcome = learned
    assert rows[-1].episodes > 10
    assert 8 < rows[-1].score < 100  # an untrained push falls over within a second
    assert outcome["low"] <= outcome["score"] <= outcome["high"]
    assert outcome["score"] <= gymnasium.spec("CartPole-v1").max_episode_steps


def test_same_seed_learns_the_same_and_another_does_not(learned):
    def told(outcome):
        return [outcome[name] for name in ("frames", "score", "untrained")]

    assert told(learn(1300)[1]) == told(learned[1])
    assert told(learn(1300, seed=1)[1]) != told(learned[1])


def test_budget_below_one_stretch_is_refused():
    with pytest.raises(UsageError, match="100 frames are fewer than the 512 of one stretch"):
        learn(100)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("learning.ewc_weight=1.0", "no world leaves, so nothing is consolidated"),
        ("curriculum.slots=512", "its worlds are fixed, without a curriculum"),
        ("learning.balance=true", "its episodes are spread evenly over its levels"),
        ("checkpoint_cycles=2", "it has no checkpoints"),
        ("budget.closing_s=9.0", "its budget does not hold the closing episodes"),
    ],
)
def test_setting_that_plays_no_part_in_a_task_is_refused(setting, why):
    name = setting.partition("=")[0]
    with pytest.raises(UsageError, match=rf"{name}=\S+ plays no part in a task: {why}"):
        learn(1300, set=[setting])


def test_task_that_does_not_fit_names_the_setting_to_lower():
    with pytest.raises(
        OutOfMemory, match=r"too small for 'begin'.*replay: lower learning\.replay_slots"
    ):
        learn(1300, set=["learning.replay_slots=1099511627776"])  # some petabytes


def test_learning_that_diverges_stops():
    with pytest.raises(
        Diverged, match=r"10 updates in a row .* comes from level 0 of the task's 1"
    ):
        learn(1300, set=["learning.learning_rate=1e38"])


def tell(mazes):
    """What a maze is, as bytes."""
    rows = zip(*map(np.asarray, (mazes.tile, mazes.start, mazes.heading)), strict=True)
    return {b"".join(part.tobytes() for part in row) for row in rows}


def test_mazes_judged_on_were_never_trained_on_and_can_be_solved():
    task = TASKS["mazes"]
    unseen = task.make_unseen(jax.random.key(1))
    assert (np.asarray(jax.jit(jax.vmap(shortest_walk))(unseen)) > 0).all()
    assert len(tell(unseen)) == EPISODES
    trained = task.make_levels(jax.random.key(0))
    assert len(tell(trained)) > 32_000
    assert not tell(unseen) & tell(trained)


def test_unknown_task_lists_those_that_there_are():
    with pytest.raises(UsageError, match=r"Unknown task 'carpole'.*Did you mean 'cartpole'"):
        find_task("carpole")

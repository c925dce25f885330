"""Learning one task from scratch, to its budget, and the judgement at its end."""

import operator
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Level
from alpha_factory.evaluate import Scorer, bootstrap_interval
from alpha_factory.learn import Practice, Progress, Student, start_learner, start_student, train
from alpha_factory.runs.build import derive_key, make_model, make_practice
from alpha_factory.runs.divergence import check_progress
from alpha_factory.runs.machine.memory import estimate_practice
from alpha_factory.runs.machine.shortage import explain_shortage
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.text import list_settings
from alpha_factory.runs.tasks.catalogue import EPISODES, Task, count_levels, draw_level

_ITERATIONS = 8  # rounds of acting and updating between two looks at the clock


class Row(NamedTuple):
    """How far learning has come."""

    frames: int
    updates: int
    wall_s: float  # at work, compilation left out
    cpu_s: float
    episodes: int  # that ended since the last row
    score: float | None  # their mean return, or share solved; None if none ended


def study(
    task: Task,
    config: RunConfig,
    told: Callable[[Row], None],
    is_stopping: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Learn until the budget is spent, then play the levels that the task is judged on.

    Args:
        config: the task's, or one with other settings.
        told: given a row after every stretch of training.
        is_stopping: asked after every stretch; if so, what was learned is judged at once.

    Returns:
        `frames`, `updates`, `wall_s`, `cpu_s`, `compile_s`, `replay_ratio`, `frames_per_cpu_s`, and the `score` over
        the closing episodes with its interval, `low` and `high`, and that of the untrained model.

    Raises:
        UsageError: the budget does not allow a single stretch of training, or a setting was changed
            that plays no part in a task.
        Diverged: too many updates in a row had to be skipped.
        OutOfMemory: the device's memory did not suffice.
    """
    _check_changes(task.config, config)
    # No stretch takes more: rows that only hold a last observation are no frames.
    most = config.learning.worlds * config.learning.steps * _ITERATIONS
    frames = np.inf if config.budget.frames is None else config.budget.frames
    if frames < most:
        raise UsageError(
            f"{frames} frames are fewer than the {most} of one stretch of training: "
            f"{_ITERATIONS} times learning.worlds={config.learning.worlds} times "
            f"learning.steps={config.learning.steps}. Raise --frames or lower one of them."
        )
    key_levels, key_unseen, key_start, key_score = jax.random.split(
        derive_key(config.seed, "begin", 2), 4
    )
    practice, levels, student = begin(task, config, key_levels=key_levels, key_start=key_start)
    unseen = task.make_unseen(key_unseen)

    def stretch(kept: Any, student: Student) -> tuple[Student, Progress]:
        levels, key = kept
        return train(practice, student, levels, iterations=_ITERATIONS, key=key)

    with explain_shortage("learn", lambda: estimate_practice(config, practice, levels)):
        began = time.perf_counter()
        jitted: Any = eqx.filter_jit(stretch, donate="all-except-first")
        compiled = jitted.lower((levels, key_start), student).compile()
        compile_s = time.perf_counter() - began
        scorer = Scorer(practice.world, practice.planner, lanes=EPISODES)

        def judge(student: Student) -> np.ndarray:
            played = scorer.score(student.learner.model, unseen, episodes=1, key=key_score)
            return (played.total if task.measure == "return" else played.is_solved)[:, 0]

        untrained = judge(student)
        wall, cpu = time.perf_counter(), time.process_time()
        row, seconds = Row(0, 0, 0.0, 0.0, 0, None), config.budget.minutes
        while not is_stopping() and row.frames + most <= frames:
            key = derive_key(config.seed, "train", row.updates)
            student, progress = jax.block_until_ready(compiled((levels, key), student))
            row = _look(task, row, progress, time.perf_counter() - wall, time.process_time() - cpu)
            told(row)
            if seconds is not None and row.wall_s >= 60 * seconds:
                break
        scores = judge(student)
    low, high = bootstrap_interval(np.asarray(scores, float))
    return {
        "seed": config.seed,
        "frames": row.frames,
        "updates": row.updates,
        "wall_s": row.wall_s,
        "cpu_s": row.cpu_s,
        "compile_s": compile_s,
        "replay_ratio": config.learning.measure_replay(updates=row.updates, frames=row.frames),
        "frames_per_cpu_s": row.frames / row.cpu_s if row.cpu_s else None,
        "score": float(np.mean(scores)),
        "low": low,
        "high": high,
        "untrained": float(np.mean(untrained)),
    }


def begin(
    task: Task, config: RunConfig, *, key_levels: PRNGKeyArray, key_start: PRNGKeyArray
) -> tuple[Practice, Level, Student]:
    """How the task is practised, the levels to train on, and an untrained student."""
    world = task.make_world()
    levels = task.make_levels(key_levels)
    slots = count_levels(levels)
    practice = make_practice(config, world=world, draw_level=draw_level, slots=slots)
    level = jax.tree.map(lambda leaf: leaf[0], levels)
    obs = jax.eval_shape(lambda: world.observe(level, world.reset(level, key=jax.random.key(0))))
    with explain_shortage("begin", lambda: estimate_practice(config, practice, levels)):
        learner = start_learner(make_model(config, obs.shape, world.actions), practice.recipe)
        started = eqx.filter_jit(start_student)(practice, learner, levels, key=key_start)
        student = jax.block_until_ready(started)
    return practice, levels, student


def _check_changes(before: RunConfig, config: RunConfig) -> None:
    """Raise where a setting was changed that would have no effect."""
    for name in list_settings(config):
        if not name.startswith(tuple(_IDLE)):
            continue
        now = operator.attrgetter(name)(config)
        if now != operator.attrgetter(name)(before):
            (why,) = (why for idle, why in _IDLE.items() if name.startswith(idle))
            raise UsageError(f"{name}={now} plays no part in a task: {why}. Leave it out.")


_IDLE = {
    "curriculum.": "its worlds are fixed, without a curriculum",
    "learning.ewc_": "no world leaves, so nothing is consolidated",
    "learning.balance": "its episodes are spread evenly over its levels",
    "checkpoint_cycles": "it has no checkpoints",
    "budget.closing_s": "its budget does not hold the closing episodes",
}
"""How the names of settings begin that only a run heeds, each with the reason."""


def _look(task: Task, before: Row, progress: Progress, wall_s: float, cpu_s: float) -> Row:
    losses, episodes = progress.losses, progress.episodes
    check_progress(
        losses,
        updates=before.updates,
        tell_world=lambda number: f"level {number} of the task's {episodes.ended.size}",
        checkpoint=None,
    )
    ended = int(episodes.ended.sum())
    gained = episodes.total if task.measure == "return" else episodes.solved
    return Row(
        frames=before.frames + int(episodes.frames),
        updates=before.updates + losses.value.size,
        wall_s=wall_s,
        cpu_s=cpu_s,
        episodes=ended,
        score=float(gained.sum()) / ended if ended else None,
    )

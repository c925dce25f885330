"""A run on chosen levels of the smallest size that does all that a run does; called by itself, one to be killed."""

import dataclasses
import functools
import os
import shutil
import signal
import sys
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from alpha_factory.runs.course import Hooks
from alpha_factory.runs.files.directory import create_run, resume_run
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.loop import Run
from alpha_factory.runs.playback import Recorder
from alpha_factory.runs.schooling.course import LessonPrograms, Schooling
from alpha_factory.runs.settings.config import (
    MAY_CHANGE,
    BudgetConfig,
    CurriculumConfig,
    LearningConfig,
    LevelsConfig,
    NetworkConfig,
    PpoConfig,
    RunConfig,
    SearchConfig,
)
from alpha_factory.runs.settings.text import to_json

TINY = RunConfig(
    preset="tiny-levels",
    learner="ppo",
    curriculum=CurriculumConfig(name="accel", chunks=2),
    ppo=PpoConfig(memory="gru", width=8, embed=8, head=8, epochs=2, learning_rate=1e-2),
    levels=LevelsConfig(
        lanes=4,
        steps=16,
        rounds=4,
        step_limit=12,
        score="maxmc",
        slots=12,
        fill=0.25,
        parents_by="hard",
    ),
    budget=BudgetConfig(minutes=None, frames=None, closing_s=0.0),
)
FRAMES = 1300
"""Six stretches of 4 rounds of 4 lanes of 16 rows, last rows left out."""
SCHOLARLY = dataclasses.replace(
    TINY,
    preset="tiny-scholars",
    learner="muzero",
    network=NetworkConfig(widths=(8,), latent=8, head=8),
    search=SearchConfig(simulations=1),
    learning=LearningConfig(
        worlds=4, steps=16, updates=2, batch=4, replay_slots=32, unroll=1, horizon=1
    ),
    # A round a stretch, so that what it leaves of the learner can be seen.
    levels=dataclasses.replace(TINY.levels, rounds=1),
)
"""As the other, with MuZero."""
SCHOLARLY_FRAMES = 500
"""Nine rounds of 4 lanes of 16 rows, last rows left out."""


@functools.cache
def make_programs(config: RunConfig) -> LessonPrograms:
    """Compiled once for all runs of a process."""
    return LessonPrograms(config)


def open_run(
    path: Path,
    hooks: Hooks | None = None,
    *,
    is_resuming: bool = False,
    config: RunConfig = TINY,
    recorder: Recorder | None = None,
) -> Run:
    """A tiny run that has begun or taken up its last checkpoint."""
    directory = (
        resume_run(path, to_json(config), MAY_CHANGE)
        if is_resuming
        else create_run(path, to_json(config))
    )
    hooks = hooks or Hooks()
    run = Run(directory, Schooling(make_programs(config), hooks), hooks, recorder=recorder)
    run.restore_or_start(is_resuming=is_resuming)
    return run


def finish(run: Run, frames: int = FRAMES) -> Run:
    """Train to the end and close everything."""
    try:
        run.train(seconds=None, frames=frames)
    finally:
        run.close()
        run.directory.close()
    return run


def finish_and_leave(path: Path, config: RunConfig, frames: int) -> Run:
    """A whole run, beside which `left_beside` has all that a kill would leave when its third stretch is logged.

    That is what is on disk then: the last checkpoint is of the second, and rows go further.
    """
    seen = 0

    def note(row: object) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            shutil.copytree(path, left_beside(path))

    return finish(open_run(path, Hooks(logged=note), config=config), frames)


def left_beside(path: Path) -> Path:
    """Where `finish_and_leave` puts what a kill would leave."""
    return path.with_name(f"{path.name}-killed")


def check_same(run: Run, other: Run) -> None:
    """Every array and every logged number but the clock's."""
    leaves, others = (jax.tree_util.tree_leaves_with_path(one.state) for one in (run, other))
    assert len(leaves) == len(others)
    for (where, leaf), (_, twin) in zip(leaves, others, strict=True):
        if eqx.is_array(leaf):
            assert np.array_equal(leaf, twin, equal_nan=True), jax.tree_util.keystr(where)
    assert tell_rows(run) == tell_rows(other)


def tell_rows(run: Run) -> list[dict]:
    """What was logged, without the clock."""
    rows = [
        row.model_dump(exclude={"wall_s", "compile_s"}) for row in read_metrics(run.directory.path)
    ]
    for row in rows:
        row["values"].pop("frames_per_s")
        row["values"].pop("train_s")
    return rows


def with_levels(**changes: object) -> RunConfig:
    """The tiny config with other levels."""
    return dataclasses.replace(TINY, levels=dataclasses.replace(TINY.levels, **changes))


def main(path: Path, count: int, learner: str) -> None:
    """Run, and kill this process without warning after so many stretches."""
    jax.config.update(
        "jax_disable_most_optimizations", True
    )  # as the runs that it is compared with
    seen = 0

    def note(row: object) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

    config, frames = (TINY, FRAMES) if learner == "ppo" else (SCHOLARLY, SCHOLARLY_FRAMES)
    finish(open_run(path, Hooks(logged=note), config=config), frames)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])

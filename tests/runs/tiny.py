"""A run small enough for a test: every stage of the real one, in seconds."""

import dataclasses
import functools
import json
import os
import shutil
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from pydantic import BaseModel

from alpha_factory.core.types import Level
from alpha_factory.methods.poet import METHOD
from alpha_factory.records import CandidateAct, ControlAct, FeedbackAct
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.evolution.course import Evolution
from alpha_factory.runs.evolution.executor.jobs import Executor
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.files.directory import create_run, resume_run
from alpha_factory.runs.loop import Run
from alpha_factory.runs.playback import Recorder
from alpha_factory.runs.settings.config import (
    MAY_CHANGE,
    BudgetConfig,
    CurriculumConfig,
    LearningConfig,
    NetworkConfig,
    RunConfig,
    SearchConfig,
)
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.steering.answers import Entry
from alpha_factory.runs.steering.steering import Steering
from alpha_factory.runs.suites import held_out_levels, watched_levels

TINY = RunConfig(
    preset="tiny",
    network=NetworkConfig(widths=(16,), latent=16, head=16),
    search=SearchConfig(simulations=2),
    learning=LearningConfig(
        worlds=4, steps=16, updates=2, batch=8, replay_slots=32, target_period=2
    ),
    curriculum=CurriculumConfig(
        slots=16,  # as many as the episodes that judge a cycle: one program plays both
        chunks=2,
        iterations=2,
        parents=4,
        children=2,
        episodes=2,
        block=16,
        lowest=-1.0,  # an untrained policy solves little; here every new world is welcome
        accepted=3,
        specialist_cycles=2,
        specialist_chunks=1,
        transfer_margin=-2.0,  # always merged, so that the merge is part of what is tested
        heldout_cycles=2,
        honeypot_every=2,
        honeypot_episodes=16,
    ),
    budget=BudgetConfig(minutes=None, frames=None, closing_s=0.0),
)
FRAMES = 10_700
"""Six stretches and three cycles, whose judging takes most of these steps; three stretches have half of them."""
MUTATOR = METHOD["Mutator"]["poet"]


def make_programs(config: RunConfig) -> Programs:
    """Compiled once for all runs of a process; apart where few optimizations are made, which gives other bits."""
    return _make_programs(config, is_quick="JAX_DISABLE_MOST_OPTIMIZATIONS" in os.environ)


@functools.cache
def _make_programs(config: RunConfig, *, is_quick: bool) -> Programs:
    del is_quick  # it tells compiled programs apart
    return Programs(config, MUTATOR, held_out())


@functools.cache
def held_out() -> Level:
    """Every 32nd of the levels held out."""
    return jax.tree.map(lambda leaf: leaf[::32], held_out_levels())


@functools.cache
def watched() -> Level:
    """Every 32nd of those watched: at a look all are played, which would take most of a test."""
    return jax.tree.map(lambda leaf: leaf[::32], watched_levels())


def open_run(
    path: Path,
    hooks: Hooks | None = None,
    *,
    is_resuming: bool = False,
    config: RunConfig = TINY,
    executor: Executor | None = None,
    recorder: Recorder | None = None,
    answered: Sequence[Entry] = (),
) -> Run:
    """A tiny run that has recorded its first world or taken up its last checkpoint."""
    programs = make_programs(config)
    directory = (
        resume_run(path, to_json(config), MAY_CHANGE)
        if is_resuming
        else create_run(path, to_json(config))
    )
    hooks = hooks or Hooks()
    course = Evolution(directory, programs, MUTATOR.operators, watched(), hooks, executor)
    steering = Steering(directory.path, hooks.event, answered)
    run = Run(directory, course, hooks, steering=steering, recorder=recorder)
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


def with_learning(**changes: float) -> RunConfig:
    """The tiny config with another setting of its learner."""
    return dataclasses.replace(TINY, learning=dataclasses.replace(TINY.learning, **changes))


def with_curriculum(**changes: Any) -> RunConfig:
    """The tiny config with another setting of its curriculum."""
    return dataclasses.replace(TINY, curriculum=dataclasses.replace(TINY.curriculum, **changes))


def ask(run: Path, kind: type[BaseModel], *, is_checked: bool = True, **act: Any) -> str:
    """Write an act into a run's directory, as a page does; its id."""
    number = uuid.uuid4().hex
    act = {"id": number, "time": time.time(), **act}
    if is_checked:
        kind.model_validate(act)
    file = {ControlAct: "control", CandidateAct: "candidates", FeedbackAct: "feedback"}[kind]
    with (run / f"{file}.jsonl").open("a", encoding="utf-8") as acts:
        acts.write(json.dumps(act) + "\n")
    return number


def main(path: Path, *moments: str) -> None:
    """Run, and kill this process without warning at the last of the moments, each `kind:count` of what hooks are told.

    At each of the others all that a kill would leave, which is what is on disk, is copied to `path-kind-count`.
    """
    seen: Counter[str] = Counter()

    def note(kind: str) -> None:
        seen[kind] += 1
        if (moment := f"{kind}:{seen[kind]}") == moments[-1]:
            os.kill(os.getpid(), signal.SIGKILL)
        if moment in moments:
            shutil.copytree(path, left_at(path, moment))

    hooks = Hooks(logged=lambda row: note("logged"), event=lambda kind, payload: note(kind))
    finish(open_run(path, hooks))


def left_at(path: Path, moment: str) -> Path:
    """Where `main` puts what a kill at that moment would leave."""
    return path.with_name(f"{path.name}-{moment.replace(':', '-')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])

"""Pieces of a cycle's work that do not need each other, and how one is done, whoever does it.

What comes of a job follows from the job alone, to the bit: its shapes are those of its settings, its
key comes with it, and every executor calls the same compiled programs. So neither the number of
workers nor the order in which they finish can be told from the results.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum import Pool, isolate
from alpha_factory.learn import Learner, Losses, PpoLearner, PpoLosses
from alpha_factory.rollout import Score
from alpha_factory.runs.evolution.programs import Programs


class Exam(NamedTuple):
    """Levels to be played once each, without a search."""

    model: eqx.Module
    levels: Level
    key: PRNGKeyArray


class Training(NamedTuple):
    """A copy of a learner to be trained on one world of a pool for `curriculum.specialist_chunks` stretches."""

    learner: Learner | PpoLearner
    pool: Pool
    slot: int
    key: PRNGKeyArray


class Trained(NamedTuple):
    """What came of a `Training`."""

    model: eqx.Module
    losses: list[Losses | PpoLosses]  # of each stretch
    frames: int
    updates: int


Job = Exam | Training


@runtime_checkable
class Executor(Protocol):
    """Does jobs."""

    @property
    def compile_s(self) -> float:
        """Seconds for which it kept everyone waiting while it compiled; 0 if that is counted elsewhere."""

    def perform(self, jobs: Sequence[Job]) -> list[Any]:
        """What came of each job, in their order: a `Score` of an `Exam`, a `Trained` of a `Training`."""


class InProcess:
    """Does jobs one after the other, by the programs of the run itself."""

    compile_s = 0.0  # the programs count their own

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def perform(self, jobs: Sequence[Job]) -> list[Any]:
        """As `Executor` says."""
        return [perform(self._programs, job) for job in jobs]


def perform(programs: Programs, job: Job) -> Score | Trained:
    """Do one job."""
    if isinstance(job, Exam):
        return programs.judge(job.model, job.levels, key=job.key)
    home = isolate(job.pool, jnp.int32(job.slot))
    student = programs.restart(job.learner, home, key=jax.random.fold_in(job.key, 0))
    losses, frames, updates = [], 0, 0
    for chunk in range(programs.config.curriculum.specialist_chunks):
        key = jax.random.fold_in(job.key, chunk + 1)
        student, progress = programs.train(student, home, key=key)
        losses.append(progress.losses)
        frames += int(progress.episodes.frames)
        updates += progress.losses.value.size
    return Trained(student.learner.model, losses, frames, updates)


def play_all(executor: Executor, exams: Sequence[Exam], *, block: int) -> list[Score]:
    """Play any number of levels, dealt out in blocks of `block` of them.

    All blocks have one shape, so that one program plays them all: the last one of an exam is filled
    up with levels that don't count.
    """
    dealt: list[Exam] = []
    parts = []
    for exam in exams:
        levels = jax.device_get(exam.levels)
        lanes = jax.tree.leaves(levels)[0].shape[0]
        firsts = range(0, lanes, block)
        parts.append((len(firsts), lanes))
        for number, first in enumerate(firsts):
            chosen = np.minimum(np.arange(first, first + block), lanes - 1)
            cut = jax.tree.map(lambda leaf, chosen=chosen: jnp.asarray(leaf[chosen]), levels)
            dealt.append(Exam(exam.model, cut, jax.random.fold_in(exam.key, number)))
    played = iter(executor.perform(dealt))
    return [_join([next(played) for _ in range(blocks)], lanes) for blocks, lanes in parts]


def count_steps(scores: Iterable[Score]) -> int:
    """Env steps of all episodes."""
    return sum(int(np.sum(np.asarray(score.steps), dtype=np.int64)) for score in scores)


def _join(scores: list[Score], lanes: int) -> Score:
    return jax.tree.map(
        lambda *leaves: jnp.asarray(np.concatenate([np.asarray(leaf) for leaf in leaves])[:lanes]),
        *scores,
    )

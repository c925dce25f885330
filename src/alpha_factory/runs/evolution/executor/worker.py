"""What a worker of Ray holds and does: arrays in, arrays out, by the programs that the run itself would use."""

import os
import platform
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.learn import Losses, PpoLearner, PpoLosses
from alpha_factory.rollout import Score
from alpha_factory.runs.evolution.executor.jobs import Exam, Job, Trained, Training, perform
from alpha_factory.runs.evolution.executor.parcel import pack, unpack
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.resolve import resolve
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import outline_state
from alpha_factory.runs.suites import held_out_levels

Arrays = list[np.ndarray]


class Answer(NamedTuple):
    """What a worker sends back: its arrays, or what went wrong in words."""

    arrays: list[Arrays]
    frames: int
    compile_s: float
    failure: str | None = None


class Worker:
    """The programs of a run in a process of their own, each compiled at its first job."""

    def __init__(self, config: RunConfig) -> None:
        mutator = resolve("Mutator", config.curriculum.mutator)
        self._programs = Programs(config, mutator, held_out_levels())
        self._like = outline_state(config)

    def greet(self) -> str:
        """Where it is."""
        return f"process {os.getpid()} on {platform.node()}"

    def play(self, model: Arrays, levels: Arrays, key: np.ndarray) -> Answer:
        """Do an `Exam`."""
        like = self._like
        exam = Exam(
            unpack(like.student.learner.model, model),
            unpack(like.pool.level, levels),
            jax.random.wrap_key_data(jnp.array(key)),
        )
        return self._answer(exam)

    def train(self, learner: Arrays, pool: Arrays, slot: int, key: np.ndarray) -> Answer:
        """Do a `Training`."""
        training = Training(
            unpack(self._like.student.learner, learner),
            unpack(self._like.pool, pool),
            slot,
            jax.random.wrap_key_data(jnp.array(key)),
        )
        return self._answer(training)

    def _answer(self, job: Job) -> Answer:
        before = self._programs.compile_s
        try:
            done = perform(self._programs, job)
        except AlphaFactoryError as error:  # in words, since not every error can be sent
            return Answer([], 0, 0.0, failure=str(error))
        compile_s = self._programs.compile_s - before
        if isinstance(done, Score):
            return Answer([pack(done)], 0, compile_s)
        return Answer([pack(done.model), *map(pack, done.losses)], done.frames, compile_s)


def read_answer(job: Job, answer: Answer) -> Any:
    """What `perform` would have returned for the job.

    Raises:
        AlphaFactoryError: the worker could not do it.
    """
    if answer.failure is not None:
        raise AlphaFactoryError(f"A worker of Ray could not do its work: {answer.failure}")
    if isinstance(job, Exam):
        return Score(*map(jnp.array, answer.arrays[0]))
    model, *stretches = answer.arrays
    kind = PpoLosses if isinstance(job.learner, PpoLearner) else Losses
    losses = [kind(*map(jnp.array, arrays)) for arrays in stretches]
    return Trained(
        unpack(job.learner.model, model),
        losses,
        answer.frames,
        sum(stretch.value.size for stretch in losses),
    )

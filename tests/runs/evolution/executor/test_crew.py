"""Workers that die, by a stand-in for Ray whose workers die as told."""

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.rollout import Score
from alpha_factory.runs.evolution.executor.crew import Crew
from alpha_factory.runs.evolution.executor.jobs import Exam
from alpha_factory.runs.evolution.executor.worker import Answer
from runs import tiny


class Died(Exception):
    pass


class Ray:
    """As much of Ray as a crew uses; the calls of workers whose numbers are given fail, each once."""

    exceptions = SimpleNamespace(RayActorError=Died, ObjectLostError=Died)

    def __init__(self, *failing: int) -> None:
        self.failing, self.calls, self.killed = list(failing), 0, 0

    def remote(self, **resources: int) -> Any:
        assert resources == {"num_cpus": 1}
        return lambda kind: SimpleNamespace(remote=lambda config: Worker(self))

    def put(self, held: Any) -> Any:
        return held

    def wait(self, references: list[Any], *, num_returns: int, timeout: float | None) -> Any:
        return references[-1:], references[:-1]  # the last asked answers first

    def get(self, reference: Any) -> Any:
        return reference()

    def kill(self, worker: Any) -> None:
        self.killed += 1

    def answer(self, value: Any) -> Any:
        self.calls += 1
        number = self.calls

        def fetch() -> Any:
            if number in self.failing:
                raise Died("killed.")
            return value

        return fetch


class Worker:
    """Says of each level twice its number."""

    def __init__(self, ray: Ray) -> None:
        self.greet = SimpleNamespace(remote=lambda: ray.answer("process 1 on a machine"))
        self.play = SimpleNamespace(remote=lambda *sent: ray.answer(self.answer(*sent)))

    def answer(self, model: Any, levels: Any, key: Any) -> Answer:
        (numbers,) = levels
        arrays = [2.0 * numbers.astype(np.float32), numbers > 0, numbers]
        return Answer([arrays], 0, compile_s=1.0)


def perform(ray: Ray, jobs: int) -> tuple[list[float], list[str], Crew]:
    said: list[str] = []
    crew = Crew(ray, tiny.TINY, 2, said.append)
    model: Any = jnp.zeros(1)
    exams = [
        Exam(model, jnp.array([number], jnp.int32), jax.random.key(number))
        for number in range(jobs)
    ]
    scores: list[Score] = crew.perform(exams)
    return [float(score.total[0]) for score in scores], said, crew


def test_answers_come_in_the_order_of_the_jobs() -> None:
    ray = Ray()
    got, said, crew = perform(ray, 7)
    assert got == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert said == []
    assert 4.0 <= crew.compile_s <= 7.0  # of the worker that did most
    crew.dismiss()
    assert ray.killed == 2


@pytest.mark.parametrize("failing", [[2], [3], [4, 6], [2, 5]], ids=str)
def test_worker_that_dies_is_replaced_and_its_work_done_again(failing: list[int]) -> None:
    got, said, _ = perform(Ray(*failing), 4)
    assert got == [0.0, 2.0, 4.0, 6.0]
    assert len(said) == len(failing)
    assert all("died. Another takes its place and does its work again." in told for told in said)


def test_run_ends_where_one_thing_is_the_end_of_several_workers() -> None:
    with pytest.raises(AlphaFactoryError, match=r"died like 2 before it: killed\. If memory was"):
        perform(Ray(*range(1, 100)), 4)

"""Work dealt out and put together again, by a stand-in for whoever does it."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import UsageError
from alpha_factory.rollout import Score
from alpha_factory.runs.evolution.executor.choose import check_executor
from alpha_factory.runs.evolution.executor.jobs import Exam, play_all
from alpha_factory.runs.machine.devices import make_mesh
from runs import tiny


class Echo:
    """Gives each level's number, its model's and the place in its block back."""

    compile_s = 0.0

    def __init__(self) -> None:
        self.shapes: set[tuple[int, ...]] = set()
        self.keys: list[tuple[int, ...]] = []

    def perform(self, jobs: Any) -> list[Any]:
        answers = []
        for job in jobs:
            self.shapes.add(job.levels.shape)
            self.keys.append(tuple(jax.random.key_data(job.key).tolist()))
            levels = np.asarray(job.levels)
            total = jnp.asarray(1000.0 * job.model + levels, jnp.float32)
            answers.append(Score(total, jnp.asarray(levels % 2 == 0), jnp.asarray(levels)))
        return answers


@given(st.lists(st.integers(1, 20), min_size=1, max_size=3), st.integers(1, 8))
def test_every_level_is_played_once_in_blocks_of_one_shape(lanes: list[int], block: int) -> None:
    echo: Any = Echo()
    exams = [
        Exam(number, jnp.arange(some, dtype=jnp.int32), jax.random.key(number))
        for number, some in enumerate(lanes)
    ]
    scores = play_all(echo, exams, block=block)
    for number, (score, some) in enumerate(zip(scores, lanes, strict=True)):
        assert score.total.tolist() == [1000.0 * number + level for level in range(some)]
        assert score.steps.tolist() == list(range(some))
        assert score.is_solved.tolist() == [level % 2 == 0 for level in range(some)]
    assert echo.shapes == {(block,)}
    assert len(set(echo.keys)) == len(echo.keys), "no two blocks share their random numbers"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": "rya"}, r"Unknown executor 'rya'. Did you mean 'ray'\? Choices: in-process, ray"),
        ({"workers": 2}, r"--workers 2 are Ray's. Add --executor ray"),
        ({"name": "ray", "workers": 0}, "--workers 0 does no work"),
    ],
)
def test_executor_that_can_not_be_had_is_refused(asked: dict[str, Any], told: str) -> None:
    given = {"name": "in-process", "workers": None} | asked
    with pytest.raises(UsageError, match=told):
        check_executor(**given, config=tiny.TINY, mesh=make_mesh(1))


def test_ray_has_no_work_in_a_curriculum_of_chosen_levels() -> None:
    config = tiny.with_curriculum(name="accel")
    with pytest.raises(UsageError, match="does a cycle's work of --curriculum poet; accel has no"):
        check_executor("ray", None, config, None)


def test_ray_that_is_missing_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r'Install it: pip install "alpha-factory\[ray\]"'):
        check_executor("ray", None, tiny.TINY, None)

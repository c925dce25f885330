"""What a model is examined on, beyond what the tests of whole runs show."""

import itertools
import os
import signal
import sys
import types

import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.evaluate import Suite, public_suite, stack_levels
from alpha_factory.runs import evaluation
from alpha_factory.runs.build import make_untrained
from alpha_factory.runs.evaluation import Examiner, evaluate_policy
from alpha_factory.worlds import from_text
from runs import tiny, tiny_levels


def test_examiner_pays_what_a_honeypot_hides() -> None:
    level = from_text(">G", honeypot=True, step_limit=24)
    suite = Suite("pots", stack_levels([level]), ("pot",), (24,), 4, "0" * 64)
    examiner = Examiner(tiny.TINY)
    model = tiny.make_programs(tiny.TINY).begin().student.learner.model
    (scores,) = examiner.examine(model, suite, episodes=4, seed=0)
    random = scores["policies"]["random"]
    assert random["solve_rate"] > 0.5
    assert random["return_mean"] > 0.5


def test_examiner_scores_a_policy_with_a_memory(quick_compilation: None) -> None:
    suite = Suite("rooms", stack_levels([from_text(">G", step_limit=24)]), ("room",), (24,), 4, "0")
    policy = make_untrained(tiny_levels.TINY)
    (scores,) = Examiner(tiny_levels.TINY).examine(policy, suite, episodes=256, seed=0)
    told = scores["policies"]
    assert list(told) == ["trained", "untrained", "random"]
    assert told["trained"] == told["untrained"]
    # A step ahead, and 24 to take it: not even who has learned nothing misses it for long.
    assert told["trained"]["solve_rate"] > 0.8


def test_agent_alone_gets_what_it_gets_beside_others(quick_compilation: None) -> None:
    suite = Suite("rooms", stack_levels([from_text(">G", step_limit=24)]), ("room",), (24,), 4, "0")
    examiner, policy = Examiner(tiny_levels.TINY), make_untrained(tiny_levels.TINY)
    beside, alone = (
        examiner.examine(policy, suite, episodes=8, seed=3, is_alone=is_alone)[0]
        for is_alone in (False, True)
    )
    assert alone["policies"] == {"trained": beside["policies"]["trained"]}
    assert (alone["seed"], beside["seed"]) == (3, 3)


@pytest.fixture
def library(monkeypatch):
    """Policies in a module `library`: one that spins, one in NumPy that strolls; batches as small as the suite."""
    module = types.ModuleType("library")

    def spin(params, obs, *, key):
        if obs.ndim != 2:
            raise ValueError("bits are wanted")
        return jnp.zeros(obs.shape[0], jnp.int32)

    def stroll(params, obs, *, key):
        assert type(obs) is np.ndarray
        return np.random.default_rng(key).integers(0, 3, len(obs))

    module.spin, module.stroll = spin, stroll
    monkeypatch.setitem(sys.modules, "library", module)
    monkeypatch.setattr(evaluation, "_LANES", 8)


@pytest.mark.usefixtures("library")
def test_policy_from_a_library_is_scored_beside_a_random_one():
    results = evaluate_policy("library:spin", "public-mazes-v1", episodes=1)
    assert [result["step_limit"] for result in results] == [250, 450]
    for result in results:
        assert list(result["policies"]) == ["library:spin", "random"]
        assert result["suite_hash"] == public_suite().digest
        assert result["drawn"] is None
        assert result["start_state"]
        assert len(result["level_names"]) == len(
            result["policies"]["random"]["by_level"]["solve_rate"]
        )
    spinning = results[0]["policies"]["library:spin"]
    assert (spinning["solve_rate"], spinning["steps_mean"]) == (0.0, 250.0)


@pytest.mark.usefixtures("library")
def test_results_say_what_is_needed_to_play_them_again():
    fields = ("seed", "observation", "view", "host")
    ask = {"levels": 3, "episodes": 1, "is_alone": True}
    (plain,) = evaluate_policy("library:spin", "random-mazes", **ask)
    assert [plain[field] for field in fields] == [0, "symbolic", 5, False]
    (other,) = evaluate_policy(
        "library:stroll",
        "random-mazes",
        seed=7,
        observation="view",
        view=3,
        is_on_host=True,
        **ask,
    )
    assert [other[field] for field in fields] == [7, "view", 3, True]
    (full,) = evaluate_policy(
        "library:stroll", "random-mazes", observation="full", is_on_host=True, **ask
    )
    assert [full[field] for field in fields] == [0, "full", None, True]


@pytest.mark.usefixtures("library")
def test_policy_from_a_library_is_scored_alone_where_asked():
    results = evaluate_policy("library:spin", "public-mazes-v1", episodes=1, is_alone=True)
    assert [[*result["policies"]] for result in results] == [["library:spin"]] * 2


@pytest.mark.usefixtures("library")
def test_policy_without_jax_is_called_with_numpy_arrays():
    """A policy in NumPy that draws its actions as the random one does, from numbers that differ at every step."""
    (result,) = evaluate_policy(
        "library:stroll", "random-mazes", levels=8, episodes=8, is_on_host=True
    )
    ours, random = (scores["solve_rate"] for scores in result["policies"].values())
    assert ours == pytest.approx(random, abs=0.3)
    assert ours > 0


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("step", [5, 45])
def test_policy_on_the_host_that_fails_at_any_step_is_told_in_a_line(monkeypatch, step):
    """JAX tells it by an error of one kind in the first stretch of steps and by one of another later."""
    calls = itertools.count()

    def fail(params, obs, *, key):
        return np.zeros(len(obs) + (next(calls) >= step), int)

    monkeypatch.setattr(sys.modules["library"], "fail", fail, raising=False)
    with pytest.raises(UsageError, match=r"action of shape \(9,\) .*; wanted shape \(8,\)"):
        evaluate_policy("library:fail", "public-mazes-v1", episodes=1, is_on_host=True)


@pytest.mark.usefixtures("library")
def test_interruption_ends_a_policy_on_the_host_at_its_next_step(monkeypatch):
    """While a compiled program runs, Python calls no handler, and a slow policy would have to be waited for."""
    steps = 0

    def heed(params, obs, *, key):
        nonlocal steps
        steps += 1
        if steps == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return np.zeros(len(obs), int)

    monkeypatch.setattr(sys.modules["library"], "heed", heed, raising=False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            evaluate_policy("library:heed", "random-mazes", levels=3, episodes=1, is_on_host=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert steps <= 6
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.usefixtures("library")
def test_policy_is_compared_with_the_best_play_on_each_level(tmp_path):
    (result,) = evaluate_policy(
        "library:spin", "random-mazes", levels=3, episodes=2, is_compared=True, cache=tmp_path
    )
    best = result["optimum"]["by_level"]
    assert result["optimum"]["gave_up"] == []
    assert best["optimal_return"] == [1.0] * 3
    for scores in result["policies"].values():
        got = scores["by_level"]
        assert scores["regret_levels"] == 3
        assert got["regret"] == [1.0 - paid for paid in got["return_mean"]]
    assert [len(start) for start in result["starts"]] == [3] * 3


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("suite", "asked", "said"),
    [
        ("public-mazes", {}, "Did you mean 'public-mazes-v1'"),
        ("public-mazes-v1", {"episodes": 0}, "--episodes 0 plays nothing"),
        ("public-mazes-v1", {"levels": 9}, "is frozen"),
        ("public-mazes-v1", {"draw_seed": 0}, "is frozen"),
        ("random-mazes", {"levels": 0}, "--count 0 draws nothing"),
        ("public-mazes-v1", {"is_kept": True}, "--keep is for"),
        ("public-mazes-v1", {"states": 9}, "--levels asks"),
        ("public-mazes-v1", {"states": 0, "is_compared": True}, "--states 0"),
        (
            "public-mazes-v1",
            {"observation": "smell"},
            "Choices: bits, full, pixels, symbolic, view",
        ),
        ("public-mazes-v1", {"observation": "view", "view": 4}, "4"),
        ("public-mazes-v1", {"view": 3}, r"symbolic has a view of 5 .*`--observation view`"),
        (
            "public-mazes-v1",
            {"observation": "bits", "view": 3},
            r"bits has a view of 5 .*`--observation view`",
        ),
        ("public-mazes-v1", {"observation": "full", "view": 3}, r"--view 3 says nothing"),
        ("public-mazes-v1", {"observation": "full"}, r"failed on obs of shape .*bits are wanted"),
    ],
)
def test_what_does_not_go_together_is_refused(suite, asked, said):
    with pytest.raises(UsageError, match=said):
        evaluate_policy("library:spin", suite, **asked)


def test_scores_that_could_not_be_kept_are_refused_before_anything_is_played(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(RunConflict, match="Delete it"):
        evaluate_policy(str(tmp_path), "public-mazes-v1", is_kept=True)


def test_agent_of_a_run_sees_what_it_was_trained_on(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(
        UsageError, match="--observation, --view and --host are for a policy in Python"
    ):
        evaluate_policy(str(tmp_path), "public-mazes-v1", observation="view")

"""A run's agent on the suites, beside a random policy and the same network untrained."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Player, Policy, World
from alpha_factory.evaluate import Scorer, Suite, limit_steps, make_random, summarise
from alpha_factory.nets import ActorCritic, Model
from alpha_factory.rollout import make_sampler
from alpha_factory.runs.build import derive_key, make_policy, make_untrained
from alpha_factory.runs.files import checkpoint
from alpha_factory.runs.files.directory import RunDirectory, read_config
from alpha_factory.runs.files.durable import explain_disk_full, write_whole
from alpha_factory.runs.lessons import (
    begin_pupil,
    make_lesson,
    make_stand,
    make_untrained_policy,
)
from alpha_factory.runs.machine.memory import (
    Estimate,
    estimate_play,
    estimate_pupil,
    estimate_run,
    explain_shortage,
)
from alpha_factory.runs.settings.config import PPO, RunConfig
from alpha_factory.runs.settings.text import from_json
from alpha_factory.runs.state import begin_state
from alpha_factory.runs.suites import load_suite
from alpha_factory.worlds import make_grid

_LANES = 256
"""Levels played side by side."""


class Agent(NamedTuple):
    """How what a run trains acts outside of it, whatever the learner is."""

    world: World  # seen as in training; hidden rewards are paid
    policy: Policy | Player
    untrained: Callable[[], Model | ActorCritic]  # the parameters that it starts from


def make_agent(config: RunConfig) -> Agent:
    """The agent of a run of this config; its parameters are a `Model`, or an `ActorCritic` of PPO."""
    if config.learner == PPO:
        return Agent(make_stand(), make_sampler(), partial(make_untrained_policy, config))
    world = make_grid(pays_hidden=True)
    return Agent(world, make_policy(config), partial(make_untrained, config))


class Examiner:
    """Scores models of one config; suites and models of the same shapes share its programs."""

    def __init__(self, config: RunConfig) -> None:
        agent = make_agent(config)
        world = agent.world
        self._config, self._world = config, world
        self._untrained = agent.untrained()
        self._planner = Scorer(world, agent.policy, lanes=_LANES)
        self._random = Scorer(world, make_random(world.actions), lanes=_LANES)

    def examine(
        self, model: Model | ActorCritic, suite: Suite, *, episodes: int | None, seed: int
    ) -> list[dict[str, Any]]:
        """One object of scores for each step limit of the suite.

        Raises:
            OutOfMemory: the device's memory did not suffice.
        """

        def estimate() -> Estimate:
            models = (model, self._untrained)
            return estimate_play(self._config, models, self._world, suite.levels, lanes=_LANES)

        with explain_shortage(f"evaluate on {suite.name}", estimate):
            return self._examine(model, suite, episodes=episodes, seed=seed)

    def _examine(
        self, model: Model | ActorCritic, suite: Suite, *, episodes: int | None, seed: int
    ) -> list[dict[str, Any]]:
        episodes = episodes or suite.episodes
        key = derive_key(seed, "evaluate", 0)
        results = []
        for turn, step_limit in enumerate(suite.step_limits):
            levels = limit_steps(suite.levels, step_limit)
            policies = {}
            for name, scorer, params in (
                ("trained", self._planner, model),
                ("untrained", self._planner, self._untrained),
                ("random", self._random, None),
            ):
                played = scorer.score(
                    params, levels, episodes=episodes, key=jax.random.fold_in(key, turn)
                )
                policies[name] = summarise(played.is_solved, played.total)
            results.append(
                {
                    "suite": suite.name,
                    "suite_hash": suite.digest,
                    "step_limit": step_limit,
                    "levels": len(suite.names),
                    "episodes": episodes,
                    "policies": policies,
                }
            )
        return results


def evaluate_run(
    run: Path,
    suite: str,
    episodes: int | None,
    seed: int | None,
    warned: Callable[[str], None] = lambda message: None,
) -> list[dict[str, Any]]:
    """Score the agent of a run's last checkpoint on a suite.

    Args:
        seed: None for the run's own, which repeats its closing evaluation.
        warned: called with what a person should know at once.

    Returns:
        An object as `evaluate --json` prints it, one a step limit.

    Raises:
        UsageError: the suite is unknown, there is no run, or it has no checkpoint yet.
        OutOfMemory: the device's memory did not suffice.
    """
    chosen = load_suite(suite)
    if episodes is not None and episodes < 1:
        raise UsageError(f"episodes={episodes} plays nothing. Give 1 or more.")
    config = from_json(read_config(run))
    return Examiner(config).examine(
        load_model(run, config, warned),
        chosen,
        episodes=episodes,
        seed=config.seed if seed is None else seed,
    )


def load_model(run: Path, config: RunConfig, warned: Callable[[str], None]) -> Model | ActorCritic:
    """What acts, of a run's last checkpoint.

    Raises:
        UsageError: there is none yet.
        OutOfMemory: the device's memory does not hold the run that it is a part of.
    """
    if config.learner == PPO:
        lesson = make_lesson(config)
        shapes = eqx.filter_eval_shape(lambda: begin_pupil(config, lesson))
        estimate = partial(estimate_pupil, config)
    else:
        shapes = eqx.filter_eval_shape(lambda: begin_state(config))
        estimate = partial(estimate_run, config, students=1)
    with explain_shortage("load", estimate):
        restored = checkpoint.load_latest(RunDirectory(run).checkpoints, shapes)
    if restored is None:
        raise UsageError(f"{run} has no checkpoint yet. Let it run for a minute longer.")
    for skipped in restored.skipped:
        warned(f"Skipped a checkpoint that is not whole: {skipped}.")
    return find_model(config, restored.tree)


def find_model(config: RunConfig, state: Any) -> Model | ActorCritic:
    """What acts, in the state of a run of this config."""
    return state.learner.net if config.learner == PPO else state.student.learner.model


def save_evaluation(directory: RunDirectory, results: list[dict[str, Any]]) -> None:
    """Keep the closing evaluation for the report."""
    text = json.dumps(results, indent=2) + "\n"
    path = directory.path / "evaluation.json"
    with explain_disk_full(path, directory.checkpoints):
        write_whole(path, [text.encode()])

"""Agents on the suites: a run's beside a random policy and the same network untrained, or anyone's policy."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Player, Policy, World
from alpha_factory.evaluate import Scorer, Suite, make_random
from alpha_factory.nets import ActorCritic, Model
from alpha_factory.rollout import make_sampler
from alpha_factory.runs.arenas import make_stand
from alpha_factory.runs.build import derive_key, make_policy, make_untrained
from alpha_factory.runs.files import checkpoint
from alpha_factory.runs.files.directory import RunDirectory, read_config
from alpha_factory.runs.files.scores import check_kept, keep_scores
from alpha_factory.runs.judging.optima import STATES
from alpha_factory.runs.judging.result import add_optimum, play_suite
from alpha_factory.runs.judging.target import GuestTarget, RunTarget, find_target
from alpha_factory.runs.judging.visit import examine_guest
from alpha_factory.runs.lessons import (
    begin_pupil,
    make_lesson,
)
from alpha_factory.runs.machine.memory import estimate_play, estimate_pupil, estimate_run
from alpha_factory.runs.machine.shortage import Estimate, explain_shortage
from alpha_factory.runs.settings.config import POET, PPO, RunConfig
from alpha_factory.runs.settings.text import from_json
from alpha_factory.runs.state import Counters, outline_state
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
    if config.curriculum.name == POET:
        world = make_grid(pays_hidden=True)
    else:
        world = make_stand(config.levels, config.learner)
    policy = make_sampler() if config.learner == PPO else make_policy(config)
    return Agent(world, policy, partial(make_untrained, config))


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
        self,
        model: Model | ActorCritic,
        suite: Suite,
        *,
        episodes: int | None,
        seed: int,
        is_alone: bool = False,
    ) -> list[dict[str, Any]]:
        """One object of scores for each step limit of the suite, `is_alone` without the two baselines.

        Raises:
            OutOfMemory: the device's memory did not suffice.
        """

        def estimate() -> Estimate:
            models = (model, self._untrained)
            return estimate_play(self._config, models, self._world, suite.levels, lanes=_LANES)

        players: dict[str, tuple[Scorer, Any]] = {"trained": (self._planner, model)}
        if not is_alone:
            players["untrained"] = self._planner, self._untrained
            players["random"] = self._random, None
        with explain_shortage(f"evaluate on {suite.name}", estimate):
            results = play_suite(
                suite,
                players,
                episodes=episodes or suite.episodes,
                key=derive_key(seed, "evaluate", 0),
            )
            return [result | {"seed": seed} for result in results]


def evaluate_policy(
    policy: str,
    suite: str,
    *,
    episodes: int | None = None,
    seed: int | None = None,
    levels: int | None = None,
    draw_seed: int | None = None,
    observation: str | None = None,
    view: int | None = None,
    is_on_host: bool = False,
    is_compared: bool = False,
    states: int | None = None,
    is_alone: bool = False,
    is_kept: bool = False,
    cache: Path | None = None,
    warned: Callable[[str], None] = lambda message: None,
) -> list[dict[str, Any]]:
    """Score a run's agent or anyone's policy on a suite.

    Args:
        policy: a run's directory, for its last checkpoint; a checkpoint's file; or `package.module:name`.
        episodes: of each policy on each level; None for the suite's own number.
        seed: None for the run's own, which repeats its closing evaluation; for a policy without a run, 0.
        levels: of a suite that is drawn; None for 10,000.
        draw_seed: that it is drawn from; None for 0.
        observation: what a policy without a run sees, as `make_grid` takes it; None for `symbolic`.
        view: cells a side of what it sees; None for 5.
        is_on_host: call it outside the compiled program, with NumPy arrays.
        is_compared: ask the oracle for the best play on each level.
        states: that it looks at in a level before it gives up; None for 20,000.
        is_alone: score the policy without the baselines, which take their time, too.
        is_kept: put the results into the run's `evaluation.json`.
        cache: folder where the oracle's answers are kept.
        warned: called with what a person should know at once.

    Returns:
        An object as `evaluate --json --levels` prints it, one a step limit.

    Raises:
        UsageError: the suite or the policy is unknown or does not fit, the run has no checkpoint yet, or what is
            asked for does not go together.
        CorruptCheckpoint: the checkpoint named is not whole.
        OutOfMemory: the device's memory did not suffice.
        RunConflict: the scores can't be kept: what the run's file holds is damaged. Nothing was played.
        ScoresNotKept: they could not be written in the end; the error has them.
    """
    target = find_target(policy)
    if episodes is not None and episodes < 1:
        raise UsageError(f"--episodes {episodes} plays nothing. Give 1 or more.")
    if states is not None and not is_compared:
        raise UsageError("--states is for the oracle, which --levels asks. Give both or none.")
    if states is not None and states < 1:
        raise UsageError(f"--states {states} looks at nothing. Give 1 or more.")
    if is_kept and (isinstance(target, GuestTarget) or target.checkpoint is not None):
        raise UsageError(
            f"--keep is for what a run's last checkpoint got; {policy} is no run's directory."
        )
    if is_kept and isinstance(target, RunTarget):
        check_kept(target.run)
    chosen = load_suite(suite, levels=levels, seed=draw_seed)
    if isinstance(target, GuestTarget):
        results = examine_guest(
            target,
            chosen,
            observation=observation,
            view=view,
            is_on_host=is_on_host,
            episodes=episodes,
            seed=seed or 0,
            is_alone=is_alone,
            lanes=_LANES,
        )
    elif observation is not None or view is not None or is_on_host:
        raise UsageError(
            "--observation, --view and --host are for a policy in Python; a run's agent sees what it was trained on."
        )
    else:
        results = _examine_run(
            target, chosen, episodes=episodes, seed=seed, is_alone=is_alone, warned=warned
        )
    if is_compared:
        add_optimum(results, chosen, states=states or STATES, cache=cache, warned=warned)
    if is_kept and isinstance(target, RunTarget):
        keep_scores(target.run, results)
    return results


def _examine_run(
    target: RunTarget,
    suite: Suite,
    *,
    episodes: int | None,
    seed: int | None,
    is_alone: bool,
    warned: Callable[[str], None],
) -> list[dict[str, Any]]:
    trained = load_trained(target, warned)
    seed = trained.config.seed if seed is None else seed
    examiner = Examiner(trained.config)
    results = examiner.examine(
        trained.model, suite, episodes=episodes, seed=seed, is_alone=is_alone
    )
    return [result | tell_budget(trained.counters) for result in results]


def tell_budget(counters: Counters) -> dict[str, Any]:
    """What the agent that was scored had had: the field `budget` of a result."""
    names = ("frames", "updates", "wall_s", "compile_s")
    return {"budget": {name: getattr(counters, name) for name in names}}


class Trained(NamedTuple):
    """What a checkpoint of a run says of its agent."""

    config: RunConfig
    model: Model | ActorCritic
    counters: Counters  # what it had had by then


def load_trained(target: RunTarget, warned: Callable[[str], None]) -> Trained:
    """The agent of a run's last checkpoint, or of the one that is named.

    Raises:
        UsageError: there is none yet.
        CorruptCheckpoint: the checkpoint named is not whole.
        OutOfMemory: the device's memory does not hold the run that it is a part of.
    """
    config = from_json(read_config(target.run))
    restored = restore(target, config, warned)
    counters = Counters(**restored.extra["counters"])
    return Trained(config, find_model(config, restored.tree), counters)


def load_model(run: Path, config: RunConfig, warned: Callable[[str], None]) -> Model | ActorCritic:
    """What acts, of a run's last checkpoint.

    Raises:
        UsageError: there is none yet.
        OutOfMemory: the device's memory does not hold the run that it is a part of.
    """
    return find_model(config, restore(RunTarget(run, None), config, warned).tree)


def find_model(config: RunConfig, state: Any) -> Model | ActorCritic:
    """What acts, in the state of a run of this config."""
    owner = state.student if config.curriculum.name == POET else state
    return owner.learner.model


def restore(
    target: RunTarget, config: RunConfig, warned: Callable[[str], None]
) -> checkpoint.Restored:
    """All that a checkpoint of a run holds; the last one's unless another is named.

    Raises:
        UsageError: there is none yet.
        CorruptCheckpoint: the one named is not whole.
        OutOfMemory: the device's memory does not hold it.
    """
    if config.curriculum.name == POET:
        shapes = outline_state(config)
        estimate = partial(estimate_run, config, students=1)
    else:
        lesson = make_lesson(config)
        shapes = eqx.filter_eval_shape(lambda: begin_pupil(config, lesson))
        estimate = partial(estimate_pupil, config)
    with explain_shortage("load", estimate):
        if target.checkpoint is not None:
            return checkpoint.load(target.checkpoint, shapes)
        restored = checkpoint.load_latest(RunDirectory(target.run).checkpoints, shapes)
    if restored is None:
        raise UsageError(f"{target.run} has no checkpoint yet. Let it run for a minute longer.")
    for skipped in restored.skipped:
        warned(f"Skipped a checkpoint that is not whole: {skipped}.")
    return restored

"""POET against what it is compared with (paper, section 4.8): equal budgets, with looks at a suite on the way.

A run of each kind of growth and each seed, in a directory of its own, stops at the same numbers of env steps; there
its agent plays the suite. What came of it is kept beside the run, so that all goes on where it was broken off.
"""

import dataclasses
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from alpha_factory.core.errors import RunConflict, UsageError, unknown
from alpha_factory.curriculum import Mutator
from alpha_factory.evaluate import (
    Scorer,
    Suite,
    find_learned,
    find_losses,
    stratified_interval,
)
from alpha_factory.records import MetricRow
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.evaluation import find_model, make_agent, tell_budget
from alpha_factory.runs.evolution.course import Evolution
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.evolution.retention import make_retention
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.directory import RunDirectory, create_run, resume_run
from alpha_factory.runs.files.durable import write_whole
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.files.scores import add_scores
from alpha_factory.runs.judging.result import play_suite
from alpha_factory.runs.loop import Run
from alpha_factory.runs.resolve import resolve
from alpha_factory.runs.settings.config import FIXED, MAY_CHANGE, POET, RANDOM, RunConfig
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.suites import held_out_levels, watched_levels

GROWTHS = (POET, RANDOM, FIXED)
_FRESH = "random"  # the mutator of a curriculum that has no parents
_HISTORY = "history.json"


class Look(NamedTuple):
    """A run's agent on a suite at one moment of its budget; a number a level."""

    frames: int
    updates: int
    wall_s: float
    solved: list[float]
    steps: list[float]  # of all episodes
    steps_to_goal: list[float | None]  # of those solved; None where none was
    annecs: float
    frontier: float | None


class Story(NamedTuple):
    """A run from its first look to its last."""

    growth: str
    seed: int
    looks: list[Look]
    panel: np.ndarray
    """What the run itself looked at: solve rates, times x worlds, NaN where not played."""


def configure(config: RunConfig, growth: str, *, seed: int, frames: int) -> RunConfig:
    """The config with another kind of growth, the mutator that goes with it, and a budget of env steps.

    Raises:
        UsageError: there is no such growth, or the config has a curriculum that grows no pool.
    """
    if growth not in GROWTHS:
        raise unknown("growth", growth, GROWTHS)
    if config.curriculum.name != POET:
        raise UsageError(
            f"curriculum.name={config.curriculum.name} has no pool of worlds to grow. Leave it at {POET}."
        )
    mutator = _FRESH if growth == FIXED else config.curriculum.mutator
    return dataclasses.replace(
        config,
        seed=seed,
        curriculum=dataclasses.replace(config.curriculum, growth=growth, mutator=mutator),
        budget=dataclasses.replace(config.budget, frames=frames, minutes=None),
    )


def follow(
    path: Path,
    config: RunConfig,
    suite: Suite,
    *,
    stages: Sequence[int],
    episodes: int,
    told: Callable[[str], None] = lambda words: None,
    programs: Programs | None = None,
) -> Story:
    """Train in a directory of its own, begun or gone on with, and look at the suite at each stage.

    Args:
        config: of the run, as `configure` gives it.
        stages: env steps, in rising order; a look is at the end of the stretch in which there are so many.
        episodes: of each level at a look.
        told: called at each look.
        programs: of this config, if there are any.

    Raises:
        RunConflict: there is a run of other settings, or of looks at something else.
        UsageError: the stages do not rise.
        Diverged: too many updates in a row had to be skipped.
    """
    if not stages or any(one >= other for one, other in itertools.pairwise([0, *stages])):
        raise UsageError(f"Stages {[*stages]} do not rise from 1 env step or more.")
    kind = {"suite": suite.digest, "step_limits": [*suite.step_limits], "episodes": episodes}
    kind["stages"] = [*stages]
    looks = _read_history(path / _HISTORY, kind)
    mutator = resolve("Mutator", config.curriculum.mutator)
    if len(looks) < len(stages):
        programs = programs or Programs(config, mutator, held_out_levels())
        agent = make_agent(config)
        scorer = Scorer(agent.world, agent.policy)
        for number in range(len(looks), len(stages)):
            run = _go_on(path, config, programs, mutator, frames=stages[number])
            key = jax.random.fold_in(derive_key(config.seed, "evaluate", 0), number)
            players = {"trained": (scorer, find_model(config, run.state))}
            results = list(play_suite(suite, players, episodes=episodes, key=key))
            looks.append(_note(run, results[0]))
            if number == len(stages) - 1:
                add_scores(RunDirectory(path), [one | tell_budget(run.counters) for one in results])
            history = {**kind, "looks": [look._asdict() for look in looks]}
            write_whole(path / _HISTORY, [json.dumps(history).encode()])
            told(
                f"{path}: {looks[-1].frames:,} env steps, {np.mean(looks[-1].solved):.1%} solved of {suite.name}"
            )
    return Story(config.curriculum.growth, config.seed, looks, _read_panel(path))


def sum_up(stories: Sequence[Story]) -> dict[str, Any]:
    """What each kind of growth came to, with 95 % intervals over seeds.

    Returns:
        By growth: `seeds`; of the suite at the last look `solved` (levels at 0.9 or more), `half` (at 0.5 or more),
        `solve_rate`, `median_steps` (over levels, of the mean length of all episodes) and `median_steps_to_goal` (over
        the levels that were solved at all); over all looks `learned`, how many were ever solved at 0.9, and `losses`,
        how many of these fell under 0.5 and stayed; `panel_learned` and `panel_losses`, the same of the run's own
        worlds; `frames`, `updates` and `wall_s`; and `over_time`, by number of the look: `frames`, `solve_rate`,
        `annecs` and `frontier`. Each is an object of `value`, `low` and `high`, the ends None for one seed.
    """
    told = {}
    for growth in dict.fromkeys(story.growth for story in stories):
        own = [story for story in stories if story.growth == growth]
        numbers = [_count(story) for story in own]
        times = min(len(story.looks) for story in own)
        told[growth] = {
            "seeds": [story.seed for story in own],
            **{name: _estimate([one[name] for one in numbers]) for name in numbers[0]},
            "over_time": [
                {
                    "frames": _estimate([story.looks[at].frames for story in own]),
                    "solve_rate": _estimate([_mean(story.looks[at].solved) for story in own]),
                    "annecs": _estimate([story.looks[at].annecs for story in own]),
                    "frontier": _estimate([story.looks[at].frontier for story in own]),
                }
                for at in range(times)
            ],
        }
    return told


def to_markdown(told: Mapping[str, Any], *, levels: int) -> str:
    """The paper's table, and what grew over time, of what `sum_up` gives."""
    columns = {
        f"solved ≥ 0.9, of {levels}": "solved",
        "solved ≥ 0.5": "half",
        "median steps": "median_steps",
        "to the goal": "median_steps_to_goal",
        "ever ≥ 0.9": "learned",
        "catastrophic losses": "losses",
        "of the panel": "panel_losses",
        "env steps": "frames",
        "updates": "updates",
        "wall s": "wall_s",
    }
    lines = [_row(["growth", "seeds", *columns]), _row(["---"] * (2 + len(columns)))]
    for growth, numbers in told.items():
        cells = [_show(numbers[name]) for name in columns.values()]
        lines.append(_row([growth, str(len(numbers["seeds"])), *cells]))
    shown = {
        "env steps": "frames",
        "solve rate": "solve_rate",
        "ANNECS": "annecs",
        "QD": "frontier",
    }
    lines += ["", _row(["growth", *shown]), _row(["---"] * (1 + len(shown)))]
    for growth, numbers in told.items():
        for look in numbers["over_time"]:
            cells = [
                _show(look[name], digits=2 if name in ("solve_rate", "frontier") else 0)
                for name in shown.values()
            ]
            lines.append(_row([growth, *cells]))
    return "\n".join(lines)


def _go_on(
    path: Path,
    config: RunConfig,
    programs: Programs,
    mutator: Mutator,
    *,
    frames: int,
) -> Run:
    """The run after so many env steps, its files closed: looks at it take none of its time."""
    settings, is_resuming = to_json(config), (path / "config.json").is_file()
    directory = (
        resume_run(path, settings, MAY_CHANGE) if is_resuming else create_run(path, settings)
    )
    with directory:
        course = Evolution(directory, programs, mutator.operators, watched_levels(), Hooks())
        run = Run(directory, course, Hooks())
        try:
            run.restore_or_start(is_resuming=is_resuming)
            run.train(seconds=None, frames=frames)
        finally:
            run.close()
    return run


def _note(run: Run, result: Mapping[str, Any]) -> Look:
    rows: list[MetricRow] = read_metrics(run.directory.path)
    by_level, values = result["policies"]["trained"]["by_level"], rows[-1].values
    return Look(
        frames=run.counters.frames,
        updates=run.counters.updates,
        wall_s=run.counters.wall_s,
        solved=by_level["solve_rate"],
        steps=by_level["steps_mean"],
        steps_to_goal=by_level["steps_to_goal"],
        annecs=values["annecs"] or 0.0,
        frontier=values["qd_frontier"],
    )


def _read_history(path: Path, kind: Mapping[str, Any]) -> list[Look]:
    if not path.is_file():
        return []
    try:
        history = json.loads(path.read_bytes())
        looks = [Look(**look) for look in history.pop("looks")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunConflict(
            f"{path} is damaged: {error}. Delete its folder to begin anew."
        ) from error
    if history != dict(kind):
        raise RunConflict(
            f"{path} has looks of {history}, not of {dict(kind)}. Ask for those, or name another folder."
        )
    return looks


def _read_panel(path: Path) -> np.ndarray:
    """Of the worlds on the panel at the last look."""
    with Archive(path / "worlds.sqlite", read_only=True) as archive:
        looks, gone = archive.looks(), archive.retirements()
    if not looks:
        return np.zeros((0, 0))
    kept = make_retention(looks, gone)
    return kept.solved[:, kept.is_present]


def _count(story: Story) -> dict[str, float | None]:
    """The numbers of one run."""
    last, over_time = story.looks[-1], np.array([look.solved for look in story.looks], float)
    rates = np.array(last.solved, float)
    known = [steps for steps in last.steps_to_goal if steps is not None]
    return {
        "solved": float((rates >= 0.9).sum()),
        "half": float((rates >= 0.5).sum()),
        "solve_rate": float(rates.mean()),
        "median_steps": float(np.median(last.steps)),
        "median_steps_to_goal": float(np.median(known)) if known else None,
        "learned": float(find_learned(over_time).sum()),
        "losses": float(find_losses(over_time).sum()),
        "panel_learned": float(find_learned(story.panel).sum()),
        "panel_losses": float(find_losses(story.panel).sum()),
        "frames": float(last.frames),
        "updates": float(last.updates),
        "wall_s": float(last.wall_s),
    }


def _mean(values: Sequence[float | int]) -> float:
    return float(np.mean(values))


def _estimate(values: Sequence[float | int | None]) -> dict[str, float | None]:
    """The mean over seeds with its interval; nothing where it is not defined for one of them."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return {"value": None, "low": None, "high": None}
    ends = stratified_interval(np.mean, np.asarray(known, float)[:, None])
    low, high = (None, None) if ends is None else (float(end) for end in ends)
    return {"value": _mean(known), "low": low, "high": high}


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _show(estimate: Mapping[str, float | None], *, digits: int = 0) -> str:
    if estimate["value"] is None:
        return "-"
    whole = float(estimate["value"]).is_integer()
    places = digits if digits or whole else 1
    if estimate["low"] is None:
        return f"{estimate['value']:,.{places}f}"
    return f"{estimate['value']:,.{places}f} ({estimate['low']:,.{digits}f} to {estimate['high']:,.{digits}f})"

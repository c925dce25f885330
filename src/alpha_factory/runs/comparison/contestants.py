"""What is compared: runs with their settings, budgets and scores. Directories in, plain records out.

The scores of anyone's policy, a file that `evaluate --out` wrote, are a contestant, too: without settings or rows, and
mostly without a budget.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.records import MetricRow
from alpha_factory.runs.comparison.remedies import Sitting, name_anew, tell_evaluation
from alpha_factory.runs.files.directory import read_config
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.files.scores import read_file, read_scores

_OURS, _BASELINES = "trained", ("random", "untrained")
_TAILS, _TIES = ("cvar_10_held", "cvar_1_held"), ("cvar_10_ties", "cvar_1_ties")


class Budget(NamedTuple):
    """What an agent had had."""

    frames: int
    updates: int
    wall_s: float
    compile_s: float


class Exam(NamedTuple):
    """What scores must have in common to be compared."""

    suite: str
    digest: str
    step_limit: int
    episodes: int


class Scores(NamedTuple):
    """What a run's agent got in an exam."""

    budget: Budget | None  # None: nobody knows
    levels: tuple[str, ...]
    solve_rate: np.ndarray  # a number a level, as are the next
    return_mean: np.ndarray
    steps_mean: np.ndarray
    tails: dict[str, float | None]  # by field of `evaluate`
    ties: dict[str, int | None]  # levels at the edges of the tails, alike
    sitting: Sitting


class Contestant(NamedTuple):
    """A run, or the scores of a policy that is none."""

    path: Path
    config: dict[str, Any]  # of a policy without a run nothing
    rows: list[MetricRow]
    budget: Budget | None  # at its last log point; None: nobody knows
    scores: dict[Exam, Scores]
    policy: str | None = None  # what scores in a file are called by; None for a run
    guest: str | None = None  # package.module:name; None for a run's agent

    @property
    def seed(self) -> Any:
        """Which every random choice of the run followed from; of scores in a file its name."""
        return self.config.get("seed") if self.policy is None else self.path.stem


def read_contestants(paths: Sequence[Path]) -> list[Contestant]:
    """Read runs, and files of scores.

    Raises:
        UsageError: one is given twice, is no run, has another config, or has logged nothing yet.
        RunConflict: one of its files is damaged, or a score in it is not finite; the message names it.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if (same := found.setdefault(path.resolve(), path)) is not path:
            raise UsageError(
                f"{path} is given twice" + (f", once as {same}" if same != path else "") + ". "
                "A run counted twice would look like another seed: name it once."
            )
    return [_read_file(path) if path.is_file() else _read_run(path) for path in paths]


def _read_run(path: Path) -> Contestant:
    config = read_config(path)
    _check_config(path / "config.json", config)
    rows = read_metrics(path)
    if not rows:
        raise UsageError(f"{path} has logged nothing yet. Let it run for a minute longer.")
    last = Budget(rows[-1].frames, rows[-1].updates, rows[-1].wall_s, rows[-1].compile_s)
    file = path / "evaluation.json"
    return Contestant(path, config, rows, last, _read_all(file, read_scores(path), _OURS))


def _check_config(file: Path, config: Mapping[str, Any]) -> None:
    """Raise unless the parts are there that a run of any version has."""
    is_sound = isinstance(config.get("seed"), int) and all(
        isinstance(config.get(section), dict) for section in ("budget", "curriculum")
    )
    if not is_sound:
        raise UsageError(
            f"{file} is no config of a run: that has a whole number under seed, and objects under budget and "
            "curriculum. Give the directory that `alpha-factory run` named, such as runs/NAME."
        )


def _read_file(path: Path) -> Contestant:
    results = read_file(path)
    names = [name for result in results for name in result["policies"] if name not in _BASELINES]
    policies = list(dict.fromkeys(names))
    if len(policies) != 1:
        raise UsageError(
            f"{path} has scores of {', '.join(policies) or 'baselines alone'}; wanted those of one policy. Write one "
            "file a policy: `alpha-factory evaluate POLICY --suite NAME --out FILE`."
        )
    scores = _read_all(path, results, policies[0])
    budgets = list(dict.fromkeys(one.budget for one in scores.values()))
    budget = budgets[0] if len(budgets) == 1 else None
    guest = None if policies[0] == _OURS else policies[0]
    # One agent of a run's is told from others by its file.
    return Contestant(path, {}, [], budget, scores, guest or path.stem, guest)


def _read_all(file: Path, results: Sequence[Mapping[str, Any]], policy: str) -> dict[Exam, Scores]:
    scores = {}
    for result in results:
        told = result["policies"].get(policy, {})
        if "by_level" in told and "level_names" in result:  # older files lack them
            exam = Exam(
                result["suite"], result["suite_hash"], result["step_limit"], result["episodes"]
            )
            scores[exam] = _read_scores(file, result, told)
    return scores


def _read_scores(file: Path, result: Mapping[str, Any], policy: Mapping[str, Any]) -> Scores:
    names = tuple(result["level_names"])
    columns = {
        field: _read_column(file, result, names, field, policy["by_level"][field])
        for field in ("solve_rate", "return_mean", "steps_mean")
    }
    budget = result.get("budget")
    return Scores(
        budget=None if budget is None else Budget(**budget),
        levels=names,
        tails={name: policy.get(name) for name in _TAILS},
        ties={name: policy.get(name) for name in _TIES},
        sitting=Sitting.of(result),
        **columns,
    )


def _read_column(
    file: Path,
    result: Mapping[str, Any],
    names: Sequence[str],
    field: str,
    values: Sequence[float | None],
) -> np.ndarray:
    suite = result["suite"]
    if len(values) != len(names):
        raise RunConflict(
            f"{file}: {suite} has {len(names)} levels, but {len(values)} under {field}. {_tell_remedy(file, result)}"
        )
    for name, value in zip(names, values, strict=True):
        if value is None or not math.isfinite(value):
            raise RunConflict(
                f"{file}: {field} of {suite}, level {name}, is {value}, not finite. {_tell_remedy(file, result)}"
            )
    return np.asarray(values, float)


def _tell_remedy(file: Path, result: Mapping[str, Any]) -> str:
    is_run = file.name == "evaluation.json"
    ending = ["--keep"] if is_run else ["--out", str(name_anew(file, result["suite"]))]
    command = tell_evaluation(
        str(file.parent) if is_run else "POLICY",
        result["suite"],
        episodes=result["episodes"],
        sitting=Sitting.of(result),
        ending=ending,
    )
    return f"Evaluate it anew: {command}."

"""What is compared: runs with their settings, budgets and scores. Directories in, plain records out."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.records import MetricRow
from alpha_factory.runs.files.directory import read_config
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.files.scores import read_scores

_OURS = "trained"
_TAILS = ("cvar_10_held", "cvar_1_held")


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

    budget: Budget
    levels: tuple[str, ...]
    solve_rate: np.ndarray  # a number a level, as are the next
    return_mean: np.ndarray
    steps_mean: np.ndarray
    tails: dict[str, float | None]  # by field of `evaluate`


class Contestant(NamedTuple):
    """A run."""

    path: Path
    config: dict[str, Any]
    rows: list[MetricRow]
    budget: Budget  # at its last log point
    scores: dict[Exam, Scores]

    @property
    def seed(self) -> Any:
        """Which every random choice of the run followed from."""
        return self.config.get("seed")


def read_contestants(paths: Sequence[Path]) -> list[Contestant]:
    """Read runs.

    Raises:
        UsageError: one is given twice, is no run, or has logged nothing yet.
        RunConflict: one of its files is damaged, or a score in it is not finite; the message names it.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if (same := found.setdefault(path.resolve(), path)) is not path:
            raise UsageError(
                f"{path} is given twice" + (f", once as {same}" if same != path else "") + ". "
                "A run counted twice would look like another seed: name it once."
            )
    return [_read(path) for path in paths]


def _read(path: Path) -> Contestant:
    config, rows = read_config(path), read_metrics(path)
    if not rows:
        raise UsageError(f"{path} has logged nothing yet. Let it run for a minute longer.")
    last = Budget(rows[-1].frames, rows[-1].updates, rows[-1].wall_s, rows[-1].compile_s)
    scores = {}
    for result in read_scores(path):
        policy = result["policies"].get(_OURS, {})
        if "by_level" in policy and "level_names" in result:  # older files lack them
            exam = Exam(
                result["suite"], result["suite_hash"], result["step_limit"], result["episodes"]
            )
            scores[exam] = _read_scores(path, result, policy, last)
    return Contestant(path, config, rows, last, scores)


def _read_scores(
    path: Path, result: Mapping[str, Any], policy: Mapping[str, Any], last: Budget
) -> Scores:
    names = tuple(result["level_names"])
    columns = {
        field: _read_column(path, result["suite"], names, field, policy["by_level"][field])
        for field in ("solve_rate", "return_mean", "steps_mean")
    }
    budget = result.get("budget")
    return Scores(
        budget=last if budget is None else Budget(**budget),
        levels=names,
        tails={name: policy.get(name) for name in _TAILS},
        **columns,
    )


def _read_column(
    path: Path, suite: str, names: Sequence[str], field: str, values: Sequence[float | None]
) -> np.ndarray:
    if len(values) != len(names):
        raise RunConflict(
            f"{path / 'evaluation.json'}: {suite} has {len(names)} levels, but {len(values)} under {field}. "
            f"Evaluate it anew: `alpha-factory evaluate {path} --suite {suite} --keep`."
        )
    for name, value in zip(names, values, strict=True):
        if value is None or not math.isfinite(value):
            raise RunConflict(
                f"{path / 'evaluation.json'}: {field} of {suite}, level {name}, is {value}, not finite. "
                f"Evaluate it anew: `alpha-factory evaluate {path} --suite {suite} --keep`."
            )
    return np.asarray(values, float)

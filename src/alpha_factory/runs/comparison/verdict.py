"""Groups of runs in numbers: each with its interval over seeds. Scores in, what `compare --json` prints out.

Intervals are of whole runs drawn anew: an agent plays every level of a suite, so its levels stay together.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from alpha_factory.evaluate import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)
from alpha_factory.evaluate.generated import DRAWN
from alpha_factory.runs.comparison.contestants import Exam
from alpha_factory.runs.comparison.groups import Group

THRESHOLDS = np.linspace(0.0, 1.0, 101)
"""Solve rates at which profiles are told."""

Estimate = dict[str, float | None]
"""`value`, and the ends `low` and `high` of its 95 % interval over seeds; None for a single run."""


def judge(exam: Exam, groups: Sequence[Group]) -> dict[str, Any]:
    """What groups of runs got in one exam.

    Returns:
        The exam; `groups`: by name, estimates of `solve_rate`, `iqm`, `cvar_10_held`, `cvar_1_held`, `return_mean` and
        `steps_mean`, and of each run how many levels tie at the edge of these tails, `cvar_10_ties` and `cvar_1_ties`;
        `profiles`: shares of runs and levels above each of `thresholds`, with intervals;
        `improvement`: for each pair of groups the probability that the one does better than the other on a level.
    """
    rates = {group.name: _stack(group, exam, "solve_rate") for group in groups}
    return {
        "suite": exam.suite,
        "suite_hash": exam.digest,
        "step_limit": exam.step_limit,
        "episodes": exam.episodes,
        "is_drawn": exam.digest.startswith(DRAWN),
        "levels": len(groups[0].runs[0].scores[exam].levels),
        "groups": {group.name: _judge_group(group, exam) for group in groups},
        "profiles": {
            "thresholds": THRESHOLDS.tolist(),
            "groups": {name: _profile(matrix) for name, matrix in rates.items()},
        },
        "improvement": [
            {"of": ours, "over": theirs}
            | _estimate(probability_of_improvement, rates[ours], rates[theirs])
            for ours, theirs in combinations(rates, 2)
        ],
    }


def _judge_group(group: Group, exam: Exam) -> dict[str, Any]:
    rates = _stack(group, exam, "solve_rate")
    told: dict[str, Any] = {
        "runs": len(group.runs),
        "solve_rate": _estimate(np.mean, rates),
        "iqm": _estimate(interquartile_mean, rates),
    }
    for tail in group.runs[0].scores[exam].tails:
        values = [run.scores[exam].tails[tail] for run in group.runs]
        known = [value for value in values if value is not None]
        told[tail] = (
            _estimate(np.mean, np.asarray(known)[:, None])
            if len(known) == len(values)
            else {"value": None, "low": None, "high": None}
        )
    for field in group.runs[0].scores[exam].ties:
        ties = [run.scores[exam].ties[field] for run in group.runs]
        told[field] = None if None in ties else ties
    for field in ("return_mean", "steps_mean"):
        told[field] = _estimate(np.mean, _stack(group, exam, field))
    return told


def _profile(matrix: np.ndarray) -> dict[str, Any]:
    # All runs have as many levels, so the profile of them all is the mean of those of each.
    of_runs = np.stack([performance_profile(run[None], THRESHOLDS) for run in matrix])
    ends = stratified_interval(lambda profiles: profiles.mean(axis=0), of_runs)
    low, high = (None, None) if ends is None else (end.tolist() for end in ends)
    return {"share": of_runs.mean(axis=0).tolist(), "low": low, "high": high}


def _stack(group: Group, exam: Exam, field: str) -> np.ndarray:
    """One row a run, one column a level."""
    return np.stack([getattr(run.scores[exam], field) for run in group.runs])


def _estimate(statistic: Callable[..., Any], *scores: np.ndarray) -> Estimate:
    ends = stratified_interval(statistic, *scores)
    low, high = (None, None) if ends is None else (float(end) for end in ends)
    return {"value": float(statistic(*scores)), "low": low, "high": high}

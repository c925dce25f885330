"""Runs of the same settings and different seeds, put together, and what the settings differ in."""

import json
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.comparison.contestants import Contestant, Scores
from alpha_factory.runs.files.directory import compare_configs

_NO_SETTINGS = ("preset", "seed", "budget", "checkpoint_cycles")
"""What changes nothing in how a run learns: where its settings came from, its seed, its end, how often it saves."""
_LONGEST_NAME = 32
_METHOD = ("curriculum.name", "learner")
"""What people call a run by, where its settings are too many for a name."""


class Group(NamedTuple):
    """Runs that differ in their seeds alone, or files of scores of one policy."""

    name: str
    runs: list[Contestant]
    settings: dict[str, Any]  # those in which groups differ, by dotted name


def group_runs(runs: Sequence[Contestant]) -> list[Group]:
    """Groups in the order of their first runs.

    A group is named by the settings in which it differs from the others; where those are too many, by its curriculum
    and learner, and a letter if it shares them. A single one is named by its preset, a policy without a run by its own
    name.

    Raises:
        UsageError: two runs have the same settings and the same seed, or two files the same scores: they are one.
    """
    _check_copies(runs)
    alike: dict[str, list[Contestant]] = {}
    for run in runs:
        alike.setdefault(json.dumps(_settings(run), sort_keys=True), []).append(run)
    for members in alike.values():
        if members[0].policy is None:
            _check_seeds(members)
    known = [_settings(members[0]) for members in alike.values() if members[0].policy is None]
    changes = [compare_configs(known[0], other) for other in known[1:]]
    varied = sorted({name for found in changes for name, _, _ in found})
    names = iter(_name(known, varied, next((run for run in runs if run.policy is None), None)))
    groups = []
    for members in alike.values():
        if (policy := members[0].policy) is not None:
            groups.append(Group(policy, members, {}))
            continue
        whole = _settings(members[0])
        settings = {name: _look_up(whole, name) for name in varied}
        groups.append(Group(next(names), members, settings))
    return _name_files(groups)


def _name_files(groups: Sequence[Group]) -> list[Group]:
    """Files that are called as a run or another file is are told from it."""
    files = [group.name for group in groups if group.runs[0].policy is not None]
    taken = [group.name for group in groups]

    def rename(group: Group) -> Group:
        if group.runs[0].policy is None or taken.count(group.name) == 1:
            return group
        is_one = files.count(group.name) == 1
        return group._replace(name=f"{group.name} (file)" if is_one else str(group.runs[0].path))

    return [rename(group) for group in groups]


def _settings(run: Contestant) -> dict[str, Any]:
    if run.policy is not None:  # two agents of runs are never known to be of one method
        return {"policy": run.guest} if run.guest else {"file": str(run.path)}
    return {name: value for name, value in run.config.items() if name not in _NO_SETTINGS}


def _check_copies(runs: Sequence[Contestant]) -> None:
    for one, other in combinations(runs, 2):
        if (one.policy is None and other.policy is None) or one.guest != other.guest:
            continue
        shared = [exam for exam in one.scores if exam in other.scores]
        if shared and all(_is_same(one.scores[exam], other.scores[exam]) for exam in shared):
            suites = ", ".join(dict.fromkeys(exam.suite for exam in shared))
            raise UsageError(
                f"{one.path} and {other.path} hold the same scores: each level of {suites} solved as often, with the "
                "same return in as many steps. So they are one thing twice, and would look like two. Leave one of them "
                "out; if two agents play alike, evaluate each with a --seed of its own."
            )


def _is_same(one: Scores, other: Scores) -> bool:
    seeds = (one.sitting.seed, other.sitting.seed)
    if None not in seeds and seeds[0] != seeds[1]:
        return False
    return (one.budget, one.levels) == (other.budget, other.levels) and all(
        np.array_equal(getattr(one, field), getattr(other, field))
        for field in ("solve_rate", "return_mean", "steps_mean")
    )


def _check_seeds(members: Sequence[Contestant]) -> None:
    seen: dict[Any, Contestant] = {}
    for run in members:
        if (same := seen.setdefault(run.seed, run)) is not run:
            raise UsageError(
                f"{same.path} and {run.path} have the same settings and the same seed, {run.seed}: they are one run "
                "twice, and would look like two seeds. Leave one of them out."
            )


def _look_up(settings: dict[str, Any], name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = value.get(part, "(not set)") if isinstance(value, dict) else "(not set)"
    return value


def _tell_method(settings: dict[str, Any], varied: Sequence[str]) -> str:
    return " ".join(str(_look_up(settings, name)) for name in _METHOD if name in varied)


def _name(
    known: Sequence[dict[str, Any]], varied: Sequence[str], first: Contestant | None
) -> list[str]:
    """A name for each group of runs, all of them made alike."""
    if not varied:
        return [] if first is None else [str(first.config.get("preset", "all runs"))]
    leaves = [name.rpartition(".")[2] for name in varied]
    shown = leaves if len(set(leaves)) == len(leaves) else varied
    told = [
        ", ".join(f"{leaf}={_look_up(one, name)}" for leaf, name in zip(shown, varied, strict=True))
        for one in known
    ]
    if all(len(one) <= _LONGEST_NAME for one in told):
        return told
    methods = [_tell_method(one, varied) for one in known]
    return [
        method
        if methods.count(method) == 1
        else f"{method} {_letter(methods[:at].count(method))}".strip()
        for at, method in enumerate(methods)
    ]


def _letter(at: int) -> str:
    """A to Z, then AA, AB …"""
    return (_letter(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)

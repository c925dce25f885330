"""Runs of the same settings and different seeds, put together, and what the settings differ in."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.comparison.contestants import Contestant
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
    and learner, or a letter if these don't tell all groups apart. A single one is named by its preset, a policy without
    a run by its own name.

    Raises:
        UsageError: two runs have the same settings and the same seed, so they are not two.
    """
    alike: dict[str, list[Contestant]] = {}
    for run in runs:
        alike.setdefault(json.dumps(_settings(run), sort_keys=True), []).append(run)
    for members in alike.values():
        _check_seeds(members)
    known = [_settings(members[0]) for members in alike.values() if members[0].policy is None]
    changes = [compare_configs(known[0], other) for other in known[1:]]
    varied = sorted({name for found in changes for name, _, _ in found})
    methods = {_tell_method(one, varied) for one in known}
    groups = []
    for at, members in enumerate(alike.values()):
        if (policy := members[0].policy) is not None:
            groups.append(Group(policy, members, {}))
            continue
        whole = _settings(members[0])
        settings = {name: _look_up(whole, name) for name in varied}
        short = _tell_method(whole, varied) if len(methods) == len(known) else _letter(at)
        groups.append(Group(_name(settings, varied, members[0], short=short), members, settings))
    taken = [group.name for group in groups]
    return [
        group._replace(name=f"{group.name} (file)")
        if group.runs[0].policy is not None and taken.count(group.name) > 1
        else group
        for group in groups
    ]


def _settings(run: Contestant) -> dict[str, Any]:
    if run.policy is not None:
        return {"policy": run.policy}
    return {name: value for name, value in run.config.items() if name not in _NO_SETTINGS}


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


def _name(settings: dict[str, Any], varied: Sequence[str], run: Contestant, *, short: str) -> str:
    if not varied:
        return str(run.config.get("preset", "all runs"))
    leaves = [name.rpartition(".")[2] for name in varied]
    shown = leaves if len(set(leaves)) == len(leaves) else varied
    told = ", ".join(
        f"{leaf}={value}" for leaf, value in zip(shown, settings.values(), strict=True)
    )
    return told if len(told) <= _LONGEST_NAME else short


def _letter(at: int) -> str:
    """A to Z, then AA, AB …"""
    return (_letter(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)

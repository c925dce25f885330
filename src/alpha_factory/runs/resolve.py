"""Names to functions: the one place where an extension's name becomes what it stands for."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.runs.settings.config import MUZERO, POET, PPO

GROUP = "alpha_factory.methods"
SLOTS = (
    "Decoder",
    "Guard",
    "Learner",
    "Matchmaker",
    "Metric",
    "Mutator",
    "Policy",
    "Scorer",
    "Selector",
    "World",
)


def resolve(slot: str, name: str) -> Any:
    """What an installed method calls `name` in a slot.

    Raises:
        UsageError: no method has it; the message lists the choices and any method that failed.
    """
    return _find(slot, name, slot.lower(), {})


def list_names(slot: str) -> list[str]:
    """What installed methods offer in a slot, those left out that failed to load."""
    return sorted(_collect(slot)[0])


def resolve_curriculum(name: str, learner: str) -> Any:
    """What makes the selector of that name; None for POET, which has none.

    Raises:
        UsageError: there is no such curriculum or learner; the message lists the choices.
    """
    if learner not in (MUZERO, PPO):
        raise unknown("learner", learner, (MUZERO, PPO))
    return _find("Selector", name, "curriculum", {POET: None})


def _find(slot: str, name: str, kind: str, built_in: dict[str, Any]) -> Any:
    installed, failed = _collect(slot)
    choices = built_in | installed
    if name in choices:
        return choices[name]
    error = unknown(kind, name, choices)
    if failed:
        raise UsageError(f"{error} Left out, since they failed to load: {'; '.join(failed)}.")
    raise error


def _collect(slot: str) -> tuple[dict[str, Any], list[str]]:
    """Everything that installed methods offer in a slot, and the methods that could not load."""
    choices: dict[str, Any] = {}
    failed = []
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda one: one.name):
        try:
            method = entry.load()
        except Exception as error:  # anyone's code may fail in any way; the rest must still work
            failed.append(f"{entry.name} ({error})")
            continue
        if not isinstance(method, Mapping):
            failed.append(f"{entry.name} (its METHOD is no mapping from slots)")
            continue
        if strange := sorted(set(method) - set(SLOTS)):
            failed.append(f"{entry.name} (no slot is called {', '.join(strange)})")
            continue
        choices |= method.get(slot, {})
    return choices, failed

"""Names to functions: the one place where an extension's name becomes what it stands for."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.curriculum import Design
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


CORE = "alpha_factory"
"""Who offers what is no extension."""


def resolve(slot: str, name: str) -> Any:
    """What an installed method calls `name` in a slot.

    Raises:
        UsageError: no method has it, and the message lists the choices and any method that failed; or several have
            it, and the message names them.
    """
    return _find(slot, name, slot.lower(), {})


def list_names(slot: str) -> list[str]:
    """What installed methods offer in a slot, those left out that failed to load."""
    return sorted(_collect(slot)[0])


def list_failed() -> list[str]:
    """Installed methods that are left out since they failed to load, each with why."""
    return _collect(SLOTS[0])[1]


def resolve_curriculum(name: str, learner: str) -> Design | None:
    """What makes the selector of that name; None for POET, which has none.

    Raises:
        UsageError: there is no such curriculum or learner, and the message lists the choices; or several methods call
            theirs so; or what has that name is no `Design`.
    """
    if learner not in (MUZERO, PPO):
        raise unknown("learner", learner, (MUZERO, PPO))
    design = _find("Selector", name, "curriculum", {POET: None})
    if design is None or isinstance(design, Design):
        return design
    raise UsageError(
        f"The curriculum {name!r} is a {type(design).__name__} and no Design: its package must list "
        "Design(make, published), published being the Wishes that it reads."
    )


def list_designs() -> dict[str, Design]:
    """All curricula that are installed but POET, by name; what is no `Design` is left out."""
    offers = {
        name: next(iter(found.values())) for name, found in sorted(_collect("Selector")[0].items())
    }
    return {name: one for name, one in offers.items() if isinstance(one, Design)}


def _find(slot: str, name: str, kind: str, built_in: dict[str, Any]) -> Any:
    offers, failed = _collect(slot)
    for own, value in built_in.items():
        offers.setdefault(own, {})[CORE] = value
    if found := offers.get(name, {}):
        if len(found) > 1:
            # Whichever was meant, to take the other one in its place would go unnoticed.
            raise UsageError(
                f"Several installed methods call their {kind} {name!r}: {', '.join(found)}. "
                "Uninstall all but one of them, or have its author choose another name."
            )
        return next(iter(found.values()))
    error = unknown(kind, name, offers)
    if failed:
        raise UsageError(f"{error} Left out, since they failed to load: {'; '.join(failed)}.")
    raise error


def _collect(slot: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What installed methods offer in a slot: of each name by whom and what; and the methods that could not load."""
    offers: dict[str, dict[str, Any]] = {}
    failed = []
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda one: one.name):
        try:
            method = entry.load()
        except (
            Exception,
            SystemExit,
        ) as error:  # anyone's code may fail in any way; the rest must still work
            failed.append(f"{entry.name} ({error})")
            continue
        if fault := _find_fault(method):
            failed.append(f"{entry.name} ({fault})")
            continue
        for name, value in method.get(slot, {}).items():
            offers.setdefault(name, {})[entry.value] = value
    return offers, failed


def _find_fault(method: Any) -> str | None:
    if not isinstance(method, Mapping):
        return "its METHOD is no mapping from slots"
    if strange := sorted(map(str, method.keys() - set(SLOTS))):
        return f"no slot is called {', '.join(strange)}"
    if odd := [slot for slot, offered in method.items() if not isinstance(offered, Mapping)]:
        return f"what it puts into {', '.join(odd)} is no mapping from names"
    return None

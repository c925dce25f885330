"""What the best play brings on each level, by the exact oracle: asked once, kept in a cache.

An answer belongs to the level, its step limit, the states looked at, what is paid and the code of the worlds that
plays: the name of its file says all of them, so that nothing outdated is ever read.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import jax

from alpha_factory.evaluate.generated import digest_drawn
from alpha_factory.runs.files.durable import write_whole
from alpha_factory.worlds import GridLevel, find_optima

STATES = 20_000
"""States of a level that the oracle looks at before it gives up, unless told otherwise."""

_TOGETHER = 256  # levels in a file
_FIELDS = ("optimal_return", "solve_rate", "fewest_steps", "is_solvable", "is_exact")


def find_best(
    levels: GridLevel,
    *,
    states: int,
    cache: Path | None,
    warned: Callable[[str], None] = lambda message: None,
    discount: float = 1.0,
    pays_hidden: bool = True,
) -> dict[str, list[Any]]:
    """The optimum of each level, as evaluation plays it unless told otherwise.

    Args:
        levels: stacked, at their step limits.
        states: that are looked at in a level before the oracle gives up on it.
        cache: folder of answers; None to ask anew and keep nothing.
        warned: told when there is something to wait for.
        discount: of reward, per step.
        pays_hidden: pay what honeypots hide.

    Returns:
        A list with an entry a level under each of `optimal_return`, `solve_rate` (the best chance), `fewest_steps`,
        `is_solvable` and `is_exact`; None is what the oracle does not know.
    """
    held = jax.device_get(levels)
    number = len(held.step_limit)
    columns: dict[str, list[Any]] = {name: [] for name in _FIELDS}
    paid = {"discount": discount, "pays_hidden": pays_hidden}
    is_told = False
    for first in range(0, number, _TOGETHER):
        part = jax.tree.map(lambda leaf, at=first: leaf[at : at + _TOGETHER], held)
        place = None if cache is None else cache / f"{_name(part, states, paid)}.json"
        if place is not None and place.is_file():
            answers = json.loads(place.read_bytes())
        else:
            if not is_told:
                warned(f"Asking the oracle about {number - first:,} levels, which takes a while.")
                is_told = True
            answers = _ask(part, states, paid)
            if place is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                write_whole(place, [json.dumps(answers).encode()])
        for name in _FIELDS:
            columns[name] += answers[name]
    return columns


def compare_with_best(
    by_level: dict[str, list[float | None]], best: dict[str, list[Any]]
) -> dict[str, Any]:
    """How far a policy is from the best play, on the levels where that is known.

    Returns:
        `regret_mean`, the mean of optimal less received return, with `regret_levels`, how many levels that is; and
        `steps_ratio`, the mean of steps to the goal over the fewest, of those levels that were solved at all, where
        both are known. None where there is no such level. `regret`, a list with an entry a level.
    """
    regret = [
        None if most is None or got is None else most - got
        for most, got in zip(best["optimal_return"], by_level["return_mean"], strict=True)
    ]
    ratios = [
        walked / fewest
        for walked, fewest in zip(by_level["steps_to_goal"], best["fewest_steps"], strict=True)
        if walked is not None and fewest
    ]
    known = [one for one in regret if one is not None]
    return {
        "regret": regret,
        "regret_mean": _mean(known),
        "regret_levels": len(known),
        "steps_ratio": _mean(ratios),
    }


def list_unknown(names: Sequence[str], best: dict[str, list[Any]]) -> list[str]:
    """The levels whose best return the oracle does not know: it gave up on them."""
    return [name for name, is_exact in zip(names, best["is_exact"], strict=True) if not is_exact]


def _ask(levels: GridLevel, states: int, paid: Mapping[str, Any]) -> dict[str, list[Any]]:
    verdicts = find_optima(levels, budget=states, **paid)
    return {name: [_plain(getattr(one, name)) for one in verdicts] for name in _FIELDS}


def _plain(value: Any) -> Any:
    """A number or a bool that JSON takes."""
    return value.item() if hasattr(value, "item") else value


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _name(levels: GridLevel, states: int, paid: Mapping[str, Any]) -> str:
    said = f"{digest_drawn(levels)} {states} {json.dumps(paid, sort_keys=True)} {_digest_code()}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _digest_code() -> str:
    """Of every module that the answer depends on."""
    told = hashlib.sha256()
    for package in ("alpha_factory.genome", "alpha_factory.worlds"):
        for name, module in sorted(_walk(resources.files(package), package)):
            told.update(name.encode() + module.read_bytes())
    return told.hexdigest()


def _walk(folder: Traversable, name: str) -> list[tuple[str, Traversable]]:
    found = []
    for entry in folder.iterdir():
        inner = f"{name}/{entry.name}"
        if entry.is_dir():
            found += _walk(entry, inner)
        elif entry.name.endswith(".py"):
            found.append((inner, entry))
    return found

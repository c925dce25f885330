"""Commands that evaluate once more, so that they can be run word for word: what is to be played in, text out."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from alpha_factory.runs.suites import SUITES, load_suite

_SYMBOLIC, _VIEW = "symbolic", 5  # what `evaluate` shows a policy unless told otherwise


class Sitting(NamedTuple):
    """How levels were drawn and played, as results tell it; None where they don't."""

    drawn: tuple[int, int] | None = None  # of levels not frozen, their seed and number
    seed: int | None = None
    observation: str | None = None  # what a policy from elsewhere saw, as are the next
    view: int | None = None
    host: bool | None = None

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> "Sitting":
        """What one result says; older ones say less."""
        drawn = result.get("drawn")
        return cls(
            drawn and (drawn["seed"], drawn["levels"]),
            *(result.get(field) for field in cls._fields[1:]),
        )


def tell_evaluation(
    target: str, suite: str, *, episodes: int | None, sitting: Sitting, ending: Sequence[str]
) -> str:
    """The command in backticks.

    Args:
        target: what is evaluated.
        episodes: None for the suite's own number.
        sitting: `drawn` is played again, and the policy sees the same. Its seed is not repeated.
        ending: where the scores go.
    """
    words = ["alpha-factory", "evaluate", target, "--suite", suite]
    if sitting.drawn is not None:
        draw_seed, levels = sitting.drawn
        words += ["--count", str(levels), "--draw-seed", str(draw_seed)]
    if episodes is not None and episodes != _usual_episodes(suite):
        words += ["--episodes", str(episodes)]
    if sitting.observation not in (None, _SYMBOLIC):
        words += ["--observation", str(sitting.observation)]
        if sitting.view not in (None, _VIEW):
            words += ["--view", str(sitting.view)]
    if sitting.host:
        words.append("--host")
    return f"`{shlex.join([*words, *ending])}`"


def name_anew(file: Path, suite: str) -> Path:
    """A file beside this one that is not there yet, since `evaluate --out` replaces all that a file holds."""
    stem = file.stem if file.suffix == ".json" else file.name
    names = [f"{stem}-{suite}", *(f"{stem}-{suite}-{at}" for at in range(2, 100))]
    found = (path for name in names if not (path := file.with_name(f"{name}.json")).exists())
    return next(found, file.with_name("NEW.json"))


def _usual_episodes(suite: str) -> int | None:
    """None for a suite that is drawn, which would have to be to know, or one that isn't ours."""
    return load_suite(suite).episodes if suite in SUITES else None

"""Equal budgets: what all who learn or play for a run had had, and a refusal to compare what is not equal.

What counts is in docs/evaluate.md: the play of everyone whom the run depends on, the updates of everyone who learns by
playing, and the seconds at work, compiling left out.
"""

import math
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.comparison.contestants import Budget, Contestant, Exam
from alpha_factory.runs.comparison.exams import tell_again

UNITS = {"frames": "env steps", "updates": "gradient updates", "wall_s": "wall seconds"}
"""What a budget can be counted in, in words; compiling is no part of wall seconds."""
TOLERANCES = {"frames": 0.01, "updates": 0.01, "wall_s": 0.05}
"""By how much the largest of equal budgets may exceed the smallest. No clock runs twice alike."""
_LEAST_TOLD = 0.0001
"""How far apart is told. A checkpoint that is scored lies a moment after the last row."""
_MOST_BEYOND = 0.05
"""By how much it may where all were given the same env steps and ended with the stretch in which they had them."""
_LONGER = 1.25
"""What a remedy allows the next last stretch to be beside the one there was: no two are alike."""


class Spread(NamedTuple):
    """What runs had had, in one unit."""

    lowest: float
    highest: float
    excess: float | None
    """The highest over the lowest, less 1; None where the lowest is 0 and another is not."""
    is_equal: bool  # within the tolerance, or as given


class Budgets(NamedTuple):
    """The budgets of all that is compared."""

    unit: str  # by which they have to be equal
    spreads: dict[str, Spread]  # by unit; none where no budget is known
    unknown: list[str]  # paths of those whose budget nobody knows
    given: int | None
    """Env steps that all were given, where these are equal but for their last stretches."""
    is_equal: bool
    is_alone: bool  # one run, which is apart from nobody

    def tell(self) -> str:
        """For people: first the unit by which they are compared, then the others, each with how far apart they are."""
        first, *others = sorted(self.spreads, key=lambda name: name != self.unit)
        said = f"{self._tell_spread(first)} a run"
        if self.given is not None and self.unit == "frames":
            said += f", who were given {self.given:,} each and end with the stretch in which they have them"
        return f"{said}; {', '.join(map(self._tell_spread, others))}"

    def _tell_spread(self, unit: str) -> str:
        spread = self.spreads[unit]
        if self.is_alone and spread.is_equal:  # a checkpoint is scored a moment after the last row
            return f"{spread.highest:,.0f} {UNITS[unit]}"
        ends = " to ".join(dict.fromkeys(f"{end:,.0f}" for end in (spread.lowest, spread.highest)))
        said = f"{ends} {UNITS[unit]}"
        if spread.excess is None:
            return f"{said} (from none)"
        if spread.excess < _LEAST_TOLD:
            return said
        percent = 100 * spread.excess
        return f"{said} ({percent:{',.0f' if percent >= 10 else '.2g'}} % apart)"

    def to_json(self) -> dict[str, Any]:
        """What `compare --json` prints."""
        own = self.spreads.get(self.unit)
        return {
            "unit": self.unit,
            "lowest": own and own.lowest,
            "highest": own and own.highest,
            "is_equal": self.is_equal,
            "tolerance": TOLERANCES[self.unit],
            "given": self.given,
            "unknown": self.unknown,
            "units": {
                name: {**spread._asdict(), "tolerance": TOLERANCES[name]}
                for name, spread in self.spreads.items()
            },
        }


def check_budgets(
    runs: Sequence[Contestant], exams: Sequence[Exam], *, unit: str, may_differ: bool
) -> Budgets:
    """The budgets of all that are compared: at the runs' ends, and of the checkpoints that were scored.

    They are equal in a unit if the highest exceeds the lowest by no more than its tolerance; in env steps also if all
    runs were given the same number and none could have ended closer to it, since a run ends with a whole stretch, and
    that stretch was short.

    Raises:
        UsageError: they are not equal in the unit, or one is not known, and they may not; the message lists each run's.
    """
    known = [budget for run in runs for budget in _list_budgets(run, exams) if budget is not None]
    unknown = [str(run.path) for run in runs if None in _list_budgets(run, exams)]
    spreads = {name: _measure(name, known) for name in UNITS} if known else {}
    given = None
    if known and not spreads["frames"].is_equal:  # else the tolerance is reason enough
        given = _find_given(runs, spreads["frames"])
        spreads["frames"] = spreads["frames"]._replace(is_equal=given is not None)
    is_equal = not unknown and spreads[unit].is_equal
    found = Budgets(unit, spreads, unknown, given, is_equal, is_alone=len(runs) == 1)
    if may_differ or is_equal:
        return found
    if unknown:
        raise UsageError(
            f"Nobody knows what budget these scores were trained with: {', '.join(unknown)}. They can't "
            "pass for equal. Leave them out, or compare them all the same by --unequal, which every table and figure "
            "then says."
        )
    listed = "; ".join(f"{run.path}: {_tell_run(run, exams)}" for run in runs)
    raise UsageError(
        f"These runs had unequal budgets, {found.tell()}: {listed}. {_tell_remedy(runs, exams, found)}Count another "
        "unit by --budget, or compare them as they are by --unequal, which every table and figure then says."
    )


def _tell_remedy(runs: Sequence[Contestant], exams: Sequence[Exam], found: Budgets) -> str:
    """Commands for the runs that had less than the longest, and for scores of checkpoints before a run's end."""
    if found.unit != "frames":
        return (
            f"No run can be told to end after so many {UNITS[found.unit]}; --frames can be given. "
        )
    most = max(run.budget.frames for run in runs if run.budget is not None)
    # So many that a stretch beyond them is little, and all are given the same: then they are equal however they end.
    given = max(most, *(math.ceil(_LONGER * _last_stretch(run) / _MOST_BEYOND) for run in runs))
    is_ending = any(run.policy is None and _is_short(run.budget, most) for run in runs)
    longer = (
        f"`alpha-factory run --resume --out {shlex.quote(str(run.path))} --frames {given}`"
        for run in runs
        if is_ending and run.policy is None and not _has_had(run, given)
    )
    files = (
        f"{run.path} is of {run.budget.frames:,}"
        for run in runs
        if run.policy is not None and run.budget is not None and _is_short(run.budget, most)
    )
    later = (
        tell_again(run, exam)
        for run in runs
        for exam in exams
        if run.policy is None
        and run.budget is not None
        and _is_short(run.scores[exam].budget, run.budget.frames)
    )
    told = [
        f"{how}: {'; '.join(dict.fromkeys(commands))}. "
        for how, found_commands in (
            (f"Give each the same {given:,} and evaluate it again", longer),
            ("Score what became of those that were scored before their end", later),
            ("Score a later checkpoint for what is a file", files),
        )
        if (commands := list(found_commands))
    ]
    return "".join(told)


def _is_short(budget: Budget | None, most: int) -> bool:
    return budget is not None and most > (1 + TOLERANCES["frames"]) * budget.frames


def _list_budgets(run: Contestant, exams: Sequence[Exam]) -> list[Budget | None]:
    scored = [run.scores[exam].budget for exam in exams]
    return [run.budget, *scored]


def _measure(unit: str, budgets: Sequence[Budget]) -> Spread:
    counted = [getattr(budget, unit) for budget in budgets]
    lowest, highest = min(counted), max(counted)
    excess = highest / lowest - 1 if lowest else (None if highest else 0.0)
    return Spread(lowest, highest, excess, highest <= (1 + TOLERANCES[unit]) * lowest)


def _find_given(runs: Sequence[Contestant], spread: Spread) -> int | None:
    """The env steps that all runs were given and had, if each is beyond them by less than its last stretch."""
    asked = {(run.config.get("budget") or {}).get("frames") for run in runs}
    if len(asked) != 1 or (given := asked.pop()) is None or spread.lowest < given:
        return None
    is_last = all(_frames_before_last(run) < given for run in runs)
    return given if is_last and spread.highest <= (1 + _MOST_BEYOND) * given else None


def _has_had(run: Contestant, given: int) -> bool:
    """Whether it was given so many env steps and ended with them."""
    assert run.budget is not None
    return (run.config.get("budget") or {}).get("frames") == given <= run.budget.frames


def _last_stretch(run: Contestant) -> int:
    return run.rows[-1].frames - _frames_before_last(run) if run.rows else 0


def _frames_before_last(run: Contestant) -> int:
    return run.rows[-2].frames if len(run.rows) > 1 else 0


def _tell_run(run: Contestant, exams: Sequence[Exam]) -> str:
    scored = {exam.suite: run.scores[exam].budget for exam in exams}
    earlier = [
        f"{_tell(budget)} when scored on {suite}"
        for suite, budget in scored.items()
        if budget is None or run.budget is None or budget.frames != run.budget.frames
    ]
    return "; ".join([_tell(run.budget), *earlier])


def _tell(budget: Budget | None) -> str:
    if budget is None:
        return "not known"
    return (
        f"{budget.frames:,} env steps, {budget.updates:,} updates, {budget.wall_s:,.0f} s and "
        f"{budget.compile_s:,.0f} s compiling"
    )

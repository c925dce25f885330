"""Equal budgets: what every run had had, and a refusal to compare what is not equal."""

from collections.abc import Sequence
from typing import NamedTuple

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.comparison.contestants import Budget, Contestant, Exam

UNITS = {"frames": "env steps", "updates": "gradient updates", "wall_s": "wall seconds"}
"""What a budget can be counted in, in words; compiling is no part of wall seconds."""
TOLERANCE = 0.01
"""The largest of equal budgets is by so much larger than the smallest."""


class Range(NamedTuple):
    """The budgets of runs."""

    unit: str
    lowest: float
    highest: float
    is_equal: bool

    def tell(self) -> str:
        """For people, such as `7,202,994 to 7,231,004 env steps`."""
        ends = [f"{end:,.0f}" for end in (self.lowest, self.highest)]
        return f"{' to '.join(dict.fromkeys(ends))} {UNITS[self.unit]}"


def check_budgets(
    runs: Sequence[Contestant], exams: Sequence[Exam], *, unit: str, may_differ: bool
) -> Range:
    """The range of all budgets that are compared: at the runs' ends, and of the checkpoints that were scored.

    Raises:
        UsageError: they differ by more than a hundredth, and may not; the message lists each run's.
    """
    counted = [getattr(run.budget, unit) for run in runs]
    counted += [getattr(run.scores[exam].budget, unit) for run in runs for exam in exams]
    lowest, highest = min(counted), max(counted)
    found = Range(unit, lowest, highest, highest <= (1.0 + TOLERANCE) * lowest)
    if not found.is_equal and not may_differ:
        listed = "; ".join(f"{run.path}: {_tell_run(run, exams)}" for run in runs)
        raise UsageError(
            f"These runs had unequal budgets, {found.tell()}: {listed}. Go on with the shorter ones by `alpha-factory "
            "run --resume --frames N`, count another unit by --budget, or compare them as they are by --unequal, "
            "which every figure then says."
        )
    return found


def _tell_run(run: Contestant, exams: Sequence[Exam]) -> str:
    scored = {exam.suite: run.scores[exam].budget for exam in exams}
    earlier = [
        f"{_tell(budget)} when scored on {suite}"
        for suite, budget in scored.items()
        if budget.frames != run.budget.frames
    ]
    return "; ".join([_tell(run.budget), *earlier])


def _tell(budget: Budget) -> str:
    return (
        f"{budget.frames:,} env steps, {budget.updates:,} updates, {budget.wall_s:,.0f} s and "
        f"{budget.compile_s:,.0f} s compiling"
    )

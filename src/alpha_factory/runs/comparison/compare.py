"""From runs to a verdict: read, group, check budgets, judge, draw."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.runs.comparison.budgets import UNITS, Budgets, check_budgets
from alpha_factory.runs.comparison.contestants import Budget, Contestant, read_contestants
from alpha_factory.runs.comparison.curves import trace
from alpha_factory.runs.comparison.exams import find_exams
from alpha_factory.runs.comparison.figures import (
    draw_curves,
    draw_improvement,
    draw_intervals,
    draw_profiles,
)
from alpha_factory.runs.comparison.groups import Group, group_runs
from alpha_factory.runs.comparison.style import MOST, add_note, paper, save
from alpha_factory.runs.comparison.verdict import judge
from alpha_factory.runs.files.durable import write_whole


def compare_runs(
    paths: Sequence[Path],
    *,
    suite: str | None = None,
    unit: str = "frames",
    may_differ: bool = False,
    out: Path | None = None,
    warned: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Put runs side by side, and draw them.

    Args:
        paths: directories of runs, and files that `evaluate --out` wrote.
        suite: the only one to compare on; None for all that every run was evaluated on.
        unit: that has to be equal, and over which curves are drawn: `frames`, `updates` or `wall_s`.
        may_differ: compare unequal budgets too, and say so.
        out: folder for the figures; None draws none.
        warned: called with what a person should know at once.

    Returns:
        What `compare --json` prints: `runs`, `groups`, `budget`, `suites`, `curves` and `figures`.

    Raises:
        UsageError: budgets are unequal or not known, there is no suite that all runs were evaluated on, a run is
            given twice, there is nothing to compare, or no figure can be drawn; the message says what to do.
        RunConflict: a file of a run is damaged.
    """
    if unit not in UNITS:
        raise unknown("budget", unit, UNITS)
    if not paths:
        raise UsageError("There is nothing to compare. Give the directories of runs.")
    runs = read_contestants(paths)
    groups = group_runs(runs)
    if out is not None:
        _check_number(groups)
    exams = find_exams(runs, suite, warned)
    budget = check_budgets(runs, exams, unit=unit, may_differ=may_differ)
    if out is not None:
        _make_folder(out)
    suites = [judge(exam, groups) for exam in exams]
    traced = trace(groups, unit=unit)
    note = _tell_conditions(groups, budget)
    figures = [] if out is None else _draw(out, suites, traced, groups, budget, note)
    return {
        "runs": [_tell_run(run, group) for group in groups for run in group.runs],
        "groups": [{"name": group.name, "settings": group.settings} for group in groups],
        "budget": budget.to_json(),
        "note": note,
        "suites": suites,
        "curves": traced,
        "figures": figures,
    }


def _tell_conditions(groups: Sequence[Group], budget: Budgets) -> str:
    """The note below every figure."""
    sizes = sorted({len(group.runs) for group in groups})
    seeds = f"{' to '.join(map(str, dict.fromkeys([sizes[0], sizes[-1]])))} seeds a group"
    ends = (
        "one run a group, so no intervals over seeds"
        if sizes == [1]
        else f"{seeds}, bars and bands: 95 % bootstrap of whole runs"
    )
    said = []
    if budget.spreads:
        is_equal = budget.spreads[budget.unit].is_equal  # of those that are known
        said.append(f"{'Equal budgets' if is_equal else 'UNEQUAL BUDGETS'}: {budget.tell()}")
    if budget.unknown:
        said.append(f"BUDGET NOT KNOWN of {', '.join(budget.unknown)}")
    return f"{'. '.join(reversed(said))}; {ends}."


def _tell_run(run: Contestant, group: Group) -> dict[str, Any]:
    budget = dict.fromkeys(Budget._fields) if run.budget is None else run.budget._asdict()
    return {"run": str(run.path), "group": group.name, "seed": run.seed, **budget}


def _check_number(groups: Sequence[Group]) -> None:
    if len(groups) > MOST:
        raise UsageError(
            f"{len(groups)} groups are more than the {MOST} that a figure can tell apart. Compare fewer at a time, "
            "or leave --out away for the numbers alone."
        )


def _make_folder(out: Path) -> None:
    """Make it before the work, so that nobody waits to hear that it can't be."""
    remedy = "Name another folder, or leave --out away for the numbers alone."
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is no folder, as the figures need one. {remedy}")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out} can't be made: {error.strerror}. {remedy}") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out} can't be written to. {remedy}")


def _draw(
    out: Path,
    suites: Sequence[dict[str, Any]],
    traced: dict[str, Any],
    groups: Sequence[Group],
    budget: Budgets,
    note: str,
) -> list[str]:
    """Write all figures; their paths."""
    written: list[str] = []
    with paper():
        drawn: dict[str, Figure] = {}
        if traced:
            drawn["curves"] = draw_curves(traced, UNITS[budget.unit])
        for number, told in enumerate(suites):
            name = f"{told['suite']}-{told['step_limit']}"
            if f"{name}-intervals" in drawn:  # other levels or episodes of the same name
                name += f"-{number}"
            drawn[f"{name}-intervals"] = draw_intervals(told)
            drawn[f"{name}-profiles"] = draw_profiles(told)
            if told["improvement"]:
                drawn[f"{name}-improvement"] = draw_improvement(told)
        for name, figure in drawn.items():
            add_note(figure, note, is_loud=not budget.is_equal)
            paths = save(figure, out / name, lambda path, held: write_whole(path, [held]))
            written += map(str, paths)
    return written

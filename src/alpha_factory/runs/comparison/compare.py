"""From runs to a verdict: read, group, check budgets, judge, draw."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.runs.comparison.budgets import UNITS, Budgets, check_budgets
from alpha_factory.runs.comparison.contestants import (
    Budget,
    Contestant,
    Exam,
    read_contestants,
)
from alpha_factory.runs.comparison.curves import trace
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

_USUAL = "generated-v1"


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
            given twice, or there is nothing to compare; the message says what to do.
        RunConflict: a file of a run is damaged.
    """
    if unit not in UNITS:
        raise unknown("budget", unit, UNITS)
    if not paths:
        raise UsageError("There is nothing to compare. Give the directories of runs.")
    runs = read_contestants(paths)
    groups = group_runs(runs)
    exams = _find_exams(runs, suite, warned)
    budget = check_budgets(runs, exams, unit=unit, may_differ=may_differ)
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


def _find_exams(
    runs: Sequence[Contestant], suite: str | None, warned: Callable[[str], None]
) -> list[Exam]:
    """What every run has scores of; what only some have is told with how the others get it."""
    known = list(dict.fromkeys(exam for run in runs for exam in run.scores))
    if suite is not None:
        known = [exam for exam in known if exam.suite == suite]
    common = [exam for exam in known if all(exam in run.scores for run in runs)]
    if not common:
        wanted = suite or _most_frequent(runs) or _USUAL
        raise UsageError(
            f"There is no suite{'' if suite is None else f' {suite}'} on which all of these runs were evaluated with "
            f"scores of each level, the same levels and as many episodes. {_tell_missing(runs, wanted)}"
        )
    for name in dict.fromkeys(exam.suite for exam in known):
        if all(exam.suite != name for exam in common):
            warned(
                f"{name} is left out: not every run was evaluated on it. {_tell_missing(runs, name)}"
            )
    _check_levels(runs, common)
    return common


def _most_frequent(runs: Sequence[Contestant]) -> str | None:
    names = [exam.suite for run in runs for exam in run.scores]
    return max(names, key=names.count) if names else None


def _tell_missing(runs: Sequence[Contestant], suite: str) -> str:
    """What each run has of a suite, and how those without it get it."""
    told = []
    for run in runs:
        has = [
            f"{exam.episodes} episodes, {exam.digest[:14]}"
            for exam in run.scores
            if exam.suite == suite
        ]
        told.append(
            f"{run.path} has {' and '.join(dict.fromkeys(has))}"
            if has
            else f"`alpha-factory evaluate {run.path} --suite {suite} --keep`"
            if run.policy is None
            else f"`alpha-factory evaluate {run.policy} --suite {suite} --out {run.path}`"
        )
    return "; ".join(told) + "."


def _check_levels(runs: Sequence[Contestant], exams: Sequence[Exam]) -> None:
    for exam in exams:
        for run in runs:
            if run.scores[exam].levels != runs[0].scores[exam].levels:
                raise UsageError(
                    f"{run.path} and {runs[0].path} name the levels of {exam.suite} otherwise: one of their files "
                    f"was edited. `alpha-factory evaluate {run.path} --suite {exam.suite} --keep` writes it anew."
                )


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
        is_equal = budget.is_equal or budget.spreads[budget.unit].is_equal
        said.append(f"{'Equal budgets' if is_equal else 'UNEQUAL BUDGETS'}: {budget.tell()}")
    if budget.unknown:
        said.append(f"BUDGET NOT KNOWN of {', '.join(budget.unknown)}")
    return f"{'. '.join(reversed(said))}; {ends}."


def _tell_run(run: Contestant, group: Group) -> dict[str, Any]:
    budget = dict.fromkeys(Budget._fields) if run.budget is None else run.budget._asdict()
    return {"run": str(run.path), "group": group.name, "seed": run.seed, **budget}


def _draw(
    out: Path,
    suites: Sequence[dict[str, Any]],
    traced: dict[str, Any],
    groups: Sequence[Group],
    budget: Budgets,
    note: str,
) -> list[str]:
    """Write all figures; their paths."""
    if len(groups) > MOST:
        raise UsageError(
            f"{len(groups)} groups are more than the {MOST} that a figure can tell apart. Compare fewer at a time, "
            "or leave --out away for the numbers alone."
        )
    out.mkdir(parents=True, exist_ok=True)
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

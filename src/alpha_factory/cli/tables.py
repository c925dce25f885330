"""Scores as tables for people: a suite, its worst levels, each of its levels; runs side by side."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from alpha_factory.cli.output import decimal, percent

_MOST_ROWS = 40
_WIDE = 100  # letters, in which all numbers of a comparison have room
_UNITS = ("frames", "updates", "wall_s")


def suite_table(result: Mapping[str, Any]) -> Table:
    """A row for each policy on one suite at one step limit; intervals are 95 % bootstrap over levels."""
    table = Table(title=_title(result))
    table.add_column("policy", overflow="fold")
    for heading in ("solved", "95 % interval", "IQM", "mean return"):
        table.add_column(heading, justify="right", no_wrap=True)
    for policy, scores in result["policies"].items():
        table.add_row(
            policy,
            percent(scores["solve_rate"]),
            _range(scores),
            percent(scores.get("iqm")),
            decimal(scores["return_mean"]),
        )
    return table


def tail_table(result: Mapping[str, Any]) -> Table:
    """What `suite_table` has no room for: the worst levels, and steps to the goal."""
    tails = _choose_tails(result.get("levels"))
    told = ["Worst levels are chosen by one half of the episodes and scored by the other."]
    ties = _tell_ties(result["policies"], result.get("levels"))
    table = Table(caption=" ".join([*told, *_tell_one(tails), *ties]))
    table.add_column("policy", overflow="fold")
    for heading in (*(tail.heading for tail in tails), "steps", "to the goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    for policy, scores in result["policies"].items():
        rates = [percent(scores.get(tail.field)) for tail in tails]
        steps = [decimal(scores.get(name)) for name in ("steps_mean", "steps_to_goal")]
        table.add_row(policy, *rates, *steps)
    return table


class _Tail(NamedTuple):
    """The worst levels."""

    heading: str
    share: float
    field: str  # of their solve rate
    ties: str  # field of how many levels tie at the edge


_TAILS = (
    _Tail("worst 10 %", 0.1, "cvar_10_held", "cvar_10_ties"),
    _Tail("worst 1 %", 0.01, "cvar_1_held", "cvar_1_ties"),
)


def _choose_tails(levels: int | None) -> tuple[_Tail, ...]:
    """Both, but for suites so small that a tenth is one level and a hundredth the same."""
    return _TAILS[:1] if levels is not None and round(0.1 * levels) <= 1 else _TAILS


def _tell_one(tails: Sequence[_Tail]) -> list[str]:
    return (
        ["The worst 10 % is one level, and so would be the worst 1 %."] if len(tails) == 1 else []
    )


def _tell_ties(scores: Mapping[str, Mapping[str, Any]], levels: int | None) -> list[str]:
    """Of how many levels the worst are the mean, where more tie at the edge than the tail has."""
    if levels is None:
        return []
    told = []
    for tail in _choose_tails(levels):
        worst = max(1, round(tail.share * levels))
        many = []
        for name, fields in scores.items():
            found = fields.get(tail.ties) or 0  # of a group a number for each run
            counts = sorted(found) if isinstance(found, list) else [found]
            if counts[-1] > worst:
                ends = " to ".join(dict.fromkeys(f"{count:,}" for count in (counts[0], counts[-1])))
                many.append(f"{name} {ends}")
        if many:
            told.append(
                f"Levels that tie at the edge of the {tail.heading}, of {worst:,}: {', '.join(many)}."
            )
    return told


def levels_table(result: Mapping[str, Any]) -> Table:
    """A row for each level, of the first policy against the oracle; of many levels those with most regret."""
    name, scores = next(iter(result["policies"].items()))
    got, best = scores["by_level"], result["optimum"]["by_level"]
    rows = list(zip(result["level_names"], _columns(got), _columns(best), strict=True))
    shown = rows
    caption = f"{len(result['optimum']['gave_up'])} of {len(rows)} levels have more states than the oracle looks at."
    if len(rows) > _MOST_ROWS:
        known = [row for row in rows if row[1]["regret"] is not None]
        shown = sorted(known, key=lambda row: -row[1]["regret"])[:_MOST_ROWS]
        caption += f" Shown are the {len(shown)} with most regret; --json tells all."
    table = Table(
        title=f"{name}: regret {decimal(scores['regret_mean'])} over the {scores['regret_levels']} levels whose "
        "best return is known",
        caption=caption,
    )
    table.add_column("level", overflow="fold")
    for heading in ("solved", "best", "return", "best", "steps", "fewest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for level, mine, optimum in shown:
        table.add_row(
            level,
            percent(mine["solve_rate"]),
            percent(optimum["solve_rate"]),
            decimal(mine["return_mean"]),
            decimal(optimum["optimal_return"]),
            _whole(mine["steps_to_goal"]),
            _whole(optimum["fewest_steps"]),
        )
    return table


def _title(result: Mapping[str, Any]) -> str:
    told = f"{result['suite']}, {result['step_limit']} steps at most, {result['episodes']} episodes"
    if drawn := result.get("drawn"):
        told += f", {drawn['levels']} levels drawn from seed {drawn['seed']}"
    return told


def _range(scores: Mapping[str, Any]) -> str:
    return f"{percent(scores['low'])} to {percent(scores['high'])}"


def _columns(lists: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """An object a level of an object of lists."""
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def budget_table(told: Mapping[str, Any]) -> Table:
    """A row for each run that is compared, with what it had had, and how far apart they are in each unit."""
    budget = told["budget"]
    unlike = "BUDGETS THAT ARE NOT KNOWN" if budget["unknown"] else "UNEQUAL BUDGETS"
    table = Table(title="Runs" if budget["is_equal"] else f"Runs, of {unlike}")
    for heading in ("run", "group"):
        table.add_column(heading, overflow="fold")
    for heading in ("seed", "env steps", "updates", "wall s", "compile s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in told["runs"]:
        numbers = (run[name] for name in (*_UNITS, "compile_s"))
        table.add_row(
            escape(run["run"]),
            escape(run["group"]),
            str(run["seed"]),
            *("not known" if number is None else f"{number:,.0f}" for number in numbers),
        )
    units = budget["units"]
    if len(told["runs"]) == 1 and all(spread["is_equal"] for spread in units.values()):
        return table  # it is apart from nobody
    as_given = {"frames": budget.get("given")}
    excesses = (_excess(units.get(name), as_given.get(name)) for name in _UNITS)
    table.add_section()
    table.add_row("most over least", "", "", *excesses, "")
    return table


def _excess(spread: Mapping[str, Any] | None, given: int | None) -> str:
    if spread is None:
        return "-"
    said = "-" if spread["excess"] is None else f"+{percent(spread['excess'])}"
    if given is not None:
        return f"{said}\nas given"
    return said if spread["is_equal"] else f"{said}\nUNEQUAL"


def comparison_table(suite: Mapping[str, Any], *, width: int) -> Table:
    """A row for each group of runs on one suite at one step limit; intervals are over seeds.

    Args:
        width: of the terminal, in letters. Steps take what `_WIDE` has beyond 80.
    """
    tails = _choose_tails(suite["levels"])
    told = ["Below: 95 % bootstrap over seeds, whole runs drawn anew; none for a single run."]
    table = Table(
        title=f"{_title(suite)}, {suite['levels']:,} {'drawn ' if suite['is_drawn'] else ''}levels",
        caption=" ".join([*told, *_tell_one(tails), *_tell_ties(suite["groups"], suite["levels"])]),
    )
    has_steps = width >= _WIDE or len(tails) == 1
    table.add_column("group", overflow="fold")
    headings = [*("runs", "solved", "IQM"), *(tail.heading for tail in tails), "return"]
    for heading in [*headings, "steps"] if has_steps else headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, scores in suite["groups"].items():
        rates = ("solve_rate", "iqm", *(tail.field for tail in tails))
        cells = [_interval(scores[rate], percent) for rate in rates]
        cells.append(_interval(scores["return_mean"], _hundredths))
        if has_steps:
            cells.append(_interval(scores["steps_mean"], _whole))
        table.add_row(escape(name), str(scores["runs"]), *cells)
    return table


def improvement_table(suite: Mapping[str, Any]) -> Table:
    """A row for each pair of groups."""
    table = Table(title=f"{suite['suite']}: how likely the first does better on a level")
    for heading in ("first", "second"):
        table.add_column(heading, overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    for pair in suite["improvement"]:
        table.add_row(escape(pair["of"]), escape(pair["over"]), _interval(pair, _hundredths))
    return table


def _interval(estimate: Mapping[str, Any], tell: Callable[[float | None], str]) -> str:
    """A number, and its interval in the next line, where there is one."""
    value = tell(estimate["value"])
    if estimate["low"] is None:
        return value
    low, high = (tell(estimate[end]).removesuffix(" %") for end in ("low", "high"))
    return f"{value}\n{low}–{high}"


def _hundredths(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"

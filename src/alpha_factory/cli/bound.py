"""`alpha-factory bound`: the generalisation bound of a run, term by term, and the gap that it is to hold for."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tyro
from rich.table import Table

from alpha_factory.cli import cache, output
from alpha_factory.core.errors import UsageError


@dataclass(frozen=True)
class Bound:
    """Estimate every term of the paper's generalisation bound (section 5) on a run, and the gap that it bounds.

    The run must have learned dynamics (learner muzero) and a replay of two or more living worlds. The gap to the best
    play is found on worlds that the run never trained in; nothing in its directory is changed. docs/bound.md says
    what each number is and where the paper's proof fails.

    Example: alpha-factory bound runs/first
    """

    run: tyro.conf.Positional[str]
    """Directory of a run, or a file in its folder checkpoints/."""
    suite: str = "random-genomes"
    """Held-out worlds: random-genomes or random-mazes, which are drawn, or a frozen suite such as generated-v1."""
    count: output.OptionalInt = None
    """How many of them. Without it, 300 of those that are drawn, and all of a frozen suite."""
    draw_seed: output.OptionalInt = None
    """Seed that they are drawn from. Without it, 0."""
    episodes: output.OptionalInt = None
    """Episodes on each, instead of the suite's own number."""
    seed: output.OptionalInt = None
    """Every other random choice follows from it. Without it, the run's own."""
    delta: float = 0.05
    """Chance that the bound is allowed to fail with."""
    states: output.OptionalInt = None
    """States of a world that the oracle looks at before it gives up. Without it, 20000."""
    json: output.Switch = False
    """Print the numbers as JSON, each world's included, and nothing else on stdout."""

    def __call__(self) -> int:
        """Print the bound."""
        from alpha_factory.runs.judging.target import RunTarget, find_target

        target = find_target(self.run)  # before JAX, so that a mistake is told at once
        if not isinstance(target, RunTarget):
            raise UsageError(
                f"{self.run} is a policy without a run: there is no replay and no learned model to look at. "
                "Give the directory of a run."
            )
        from alpha_factory.runs.generalisation.bound import bound_run

        with output.quiet_stdout():
            told = bound_run(
                target,
                suite=self.suite,
                levels=self.count,
                draw_seed=self.draw_seed,
                episodes=self.episodes,
                seed=self.seed,
                delta=self.delta,
                states=self.states,
                cache=cache.oracle_folder(os.environ),
                warned=output.warn,
            )
        if self.json:
            output.print_json(told)
            return 0
        console = output.stdout_console()
        for table in (_quantities_table(told), _terms_table(told), _gaps_table(told)):
            console.print(table)
        for line in _verdict(told):
            console.print(line, markup=False, soft_wrap=True)
        return 0


def _quantities_table(told: Mapping[str, Any]) -> Table:
    quantities, assumed = told["quantities"], told["assumptions"]
    table = _start("What the run's data say", "", "value", "between")
    names = {
        "lipschitz": "L of the learned dynamics",
        "states": "states of a world, the most",
        "kappa": "total variation between worlds",
    }
    for key, name in names.items():
        _add(table, name, quantities[key])
    _add(table, "share of a world's states seen", assumed["covered"])
    _add(table, "discounted return in training", told["return"])
    return table


def _terms_table(told: Mapping[str, Any]) -> Table:
    setting = told["setting"]
    table = _start(
        f"The bound: {setting['worlds']} worlds, {setting['rows']:,} steps, discount {setting['discount']}, "
        f"depth {setting['depth']}, delta {setting['delta']}",
        *("term", "eq. (5)", "between", "as derived"),
    )
    for term, printed in told["terms"].items():
        _add(table, term, printed, _number(told["derived"]["terms"][term]["value"]))
    _add(table, "bound", told["bound"], _number(told["derived"]["bound"]["value"]))
    return table


def _gaps_table(told: Mapping[str, Any]) -> Table:
    held_out = told["held_out"]
    table = _start(
        f"The gap to the best play, discounted; held out: {held_out['suite']}",
        *("worlds", "known", "gap", "95 % interval", "ratio", "worst ratio"),
    )
    for name in ("training", "held_out"):
        gaps = told[name]
        table.add_row(
            name.replace("_", " "),
            f"{gaps['known']} of {gaps['worlds']}",
            _number(gaps["gap"]),
            _between(gaps),
            _number(gaps["ratio"]),
            _number(gaps["ratio_worst"]),
        )
    return table


def _verdict(told: Mapping[str, Any]) -> Iterable[str]:
    value, best = told["bound"]["value"], told["best_depth"]
    times = f"{_number(value)} is {_number(told['ranges'])} times {_number(told['range'])}, the range of a return"
    if told["is_vacuous"]:
        yield f"Vacuous: the bound {times}. No gap can be that large."
    else:
        yield f"Not vacuous: the bound {times}."
    least = f"At the best depth, {best['depth']:,}, it would be {_number(best['bound'])}"
    yield f"{least}. L is a lower estimate, so the bound may be larger, up to {_number(told['bound']['high'])}."


def _start(title: str, *headings: str) -> Table:
    table = Table(title=title)
    table.add_column(headings[0], overflow="fold")
    for heading in headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _add(table: Table, name: str, bracket: Mapping[str, Any], *more: str) -> None:
    table.add_row(name, _number(bracket["value"]), _between(bracket), *more)


def _between(bracket: Mapping[str, Any]) -> str:
    low, high = _number(bracket["low"]), _number(bracket["high"])
    return "exact" if low == high != "-" else f"{low} to {high}"


def _number(value: float | None) -> str:
    """To three digits; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

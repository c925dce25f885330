"""`alpha-factory bench`: measure how fast a stage is here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tyro
from rich.table import Table

from alpha_factory.cli import output
from alpha_factory.core.errors import UsageError


@dataclass(frozen=True)
class Bench:
    """Measure a stage on this machine: synchronised, compilation apart, with the spread over repeats.

    Example: alpha-factory bench worlds --json
    """

    stage: tyro.conf.Positional[str]
    """worlds, search, learn or loop."""
    repeats: int = 5
    """Measurements of each result; the median and the extremes are printed."""
    json: output.Switch = False
    """Print the measurement as one JSON object."""

    def __call__(self) -> int:
        """Print the measurement."""
        if self.repeats < 1:
            raise UsageError(f"--repeats {self.repeats} measures nothing. Give 1 or more.")
        from alpha_factory.runs.bench import bench_stage

        with output.quiet_stdout():
            measured = bench_stage(self.stage, self.repeats)
        if self.json:
            output.print_json(measured)
            return 0
        console = output.stdout_console()
        console.print(bench_table(measured))
        if "share" in measured:
            shares = ", ".join(
                f"{name} {output.percent(share)}" for name, share in measured["share"].items()
            )
            console.print(f"Share of the time: {shares}", soft_wrap=True)
            ratio = measured["replay_ratio"]
            console.print(f"Replay ratio: {ratio:.2f} sequences learned from for each frame")
        return 0


def bench_table(measured: Mapping[str, Any]) -> Table:
    """A row for each result of one stage."""
    table = Table(
        title=f"{measured['stage']} on {measured['device']}, jax {measured['jax']}",
        caption=f"compiled in {measured['compile_s']:.1f} s, which the rates leave out",
    )
    table.add_column("name")
    for heading in ("rate", "median", "min", "max", "repeats", "shape"):
        table.add_column(heading, justify="right")
    for result in measured["results"]:
        table.add_row(
            result["name"],
            f"{result['rate']:,.0f} {result['unit']}",
            f"{result['median_s']:.4f} s",
            f"{result['min_s']:.4f} s",
            f"{result['max_s']:.4f} s",
            str(result["repeats"]),
            " ".join(f"{axis}={size}" for axis, size in result["shape"].items()),
        )
    return table

"""`alpha-factory bench`: measure how fast a stage is here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tyro
from rich.table import Table

from alpha_factory.cli import output
from alpha_factory.cli.peer import start_peer
from alpha_factory.core.errors import UsageError


@dataclass(frozen=True)
class Bench:
    """Measure a stage on this machine: synchronised, compilation apart, with the spread over repeats.

    Example: alpha-factory bench worlds --json
    """

    stage: tyro.conf.Positional[str]
    """worlds, search, learn, loop, cartpole or rounds."""
    preset: str = "demo"
    """Whose network and learning are measured (learn, loop, rounds): demo, laptop, gpu or paper."""
    set: output.Settings = ()
    """Another setting than the preset's (learn, loop, rounds), such as curriculum.iterations=1; repeatable."""
    repeats: int = 5
    """Measurements of each result; the median and the extremes are printed."""
    peer: output.OptionalName = None
    """Measure another project in turns with ours: jaxued (worlds, rounds) and muax (cartpole), which `make peer-NAME`
    installs; mctx (search)."""
    json: output.Switch = False
    """Print the measurement as one JSON object."""

    def __call__(self) -> int:
        """Print the measurement."""
        if self.repeats < 1:
            raise UsageError(f"--repeats {self.repeats} measures nothing. Give 1 or more.")
        from alpha_factory.runs.bench import STAGES_WITH_SETTINGS, Sizes, bench_stage
        from alpha_factory.runs.settings.presets import choose_preset
        from alpha_factory.runs.settings.text import change

        if (self.preset != "demo" or self.set) and self.stage not in STAGES_WITH_SETTINGS:
            *others, last = STAGES_WITH_SETTINGS
            raise UsageError(
                f"The stage {self.stage} is measured at shapes of its own; {', '.join(others)} and {last} "
                "have settings. Leave --preset and --set away."
            )
        sizes = Sizes(config=change(choose_preset(self.preset), self.set))
        with output.quiet_stdout():
            if self.peer is None:
                measured = bench_stage(self.stage, self.repeats, sizes)
            else:
                with start_peer(self.peer, self.stage) as peer:
                    measured = bench_stage(self.stage, self.repeats, sizes, peer)
        if self.json:
            output.print_json(measured)
            return 0
        console = output.stdout_console()
        console.print(bench_table(measured))
        if "peer" in measured:
            for line in compare(measured["results"], measured["peer"]):
                console.print(line, soft_wrap=True)
        for part in measured.get("parts", ()):
            shares = ", ".join(
                f"{name} {output.percent(part[name])}" for name in ("network", "tree", "rest")
            )
            rate = output.percent(part["network_of_matmul"])
            console.print(
                f"{part['name']}, batch {part['batch']}: {shares} of the time; the network runs at "
                f"{rate} of the rate of plain matrix products here",
                soft_wrap=True,
            )
        if "share" in measured:
            shares = ", ".join(
                f"{name} {output.percent(share)}" for name, share in measured["share"].items()
            )
            console.print(f"Share of the time: {shares}", soft_wrap=True)
            peak = measured.get("device_peak_gb")
            held = (
                ""
                if peak is None
                else f"; the device held {peak:.1f} GiB, the bench's copies included"
            )
            console.print(
                f"The stretch needs {measured['memory_gb']:.2f} GiB of memory{held}",
                soft_wrap=True,
            )
        if "replay_ratio" in measured:
            ratio = measured["replay_ratio"]
            console.print(f"Replay ratio: {ratio:.2f} sequences learned from for each frame")
        return 0


def compare(ours: Sequence[Mapping[str, Any]], peer: Mapping[str, Any]) -> list[str]:
    """A line for each result of the peer: its rates, and how many times as fast we are."""
    lines = []
    for theirs in peer["results"]:
        batch = theirs["shape"].get("batch")
        same = [result for result in ours if result["name"] == theirs["name"]]
        if len(same) > 1:  # a result at several batches; where there is one, the peer's may differ
            same = [result for result in same if result["shape"]["batch"] == batch]
        (mine,) = same
        title = theirs["name"] if batch is None else f"{theirs['name']}, batch {batch},"
        line = f"{title} of {peer['name']} {peer['version']} (jax {peer['jax']}):"
        for key, what in (("rate", theirs["unit"]), ("rate_per_cpu_s", "each CPU second")):
            if theirs[key] and mine[key]:
                times = mine[key] / theirs[key]
                line += f" {theirs[key]:,.0f} {what}, ours {times:.1f} times as many;"
        lines.append(line.rstrip(";"))
    return lines


def bench_table(measured: Mapping[str, Any]) -> Table:
    """A row for each result of one stage."""
    repeats = measured["results"][0]["repeats"]
    table = Table(
        title=f"{measured['stage']} on {measured['device']}, jax {measured['jax']}",
        caption=f"{repeats} repeats; compiled in {measured['compile_s']:.1f} s, which the rates leave out",
        show_lines=True,
    )
    table.add_column("what")
    table.add_column("rate", justify="right")
    table.add_column("seconds: median, min to max", justify="right")
    for result in measured["results"]:
        shape = " ".join(f"{axis}={size}" for axis, size in result["shape"].items())
        table.add_row(
            f"[bold]{result['name']}[/bold]\n{shape}",
            f"{result['rate']:,.0f}\n{result['unit']}",
            f"{result['median_s']:.4f}\n{result['min_s']:.4f} to {result['max_s']:.4f}",
        )
    return table

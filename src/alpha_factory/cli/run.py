"""`alpha-factory run`: start a run, or go on with one."""

import contextlib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from alpha_factory.cli import output
from alpha_factory.cli.attached import serve_beside
from alpha_factory.cli.boards import make_boards
from alpha_factory.cli.serve import check_installed
from alpha_factory.cli.tables import suite_table


@dataclass(frozen=True)
class Run:
    """Invent worlds, train on them, and report what was learned.

    Ctrl-C saves, prints the command that goes on, and exits 130.

    Example: alpha-factory run --preset demo --minutes 10 --out runs/first
    """

    preset: output.OptionalName = None
    """How large a run: demo (two cores, minutes; the default), laptop, gpu or paper. A resumed run keeps its own."""
    out: output.OptionalDirectory = None
    """Directory of the run. Without it, a new one under runs/; with --resume, the last one there."""
    seed: output.OptionalInt = None
    """Every random choice follows from it: same seed, same settings, same run."""
    minutes: output.OptionalFloat = None
    """End after this much time at work, instead of the preset's."""
    frames: output.OptionalInt = None
    """End after this many env steps, instead of the preset's."""
    resume: output.Switch = False
    """Go on from the last complete checkpoint of --out."""
    set: output.Settings = ()
    """Another setting than the preset's, by its name in the configuration, such as learning.batch=512; repeatable."""
    curriculum: output.OptionalName = None
    """Which worlds come next: poet, or a method that chooses or builds levels (dr, plr, robust-plr, accel, sfl, mna,
    samplr, paired, degen)."""
    learner: output.OptionalName = None
    """What learns: muzero, which plans, or ppo, which remembers."""
    mutator: output.OptionalName = None
    """How new worlds come from old ones: a mutator's name from any installed method."""
    devices: output.OptionalInt = None
    """Spread worlds and batches over so many devices; without it, over all that JAX sees."""
    executor: output.OptionalName = None
    """Who plays new worlds and trains specialists (with poet): in-process (the default), or ray, on workers."""
    workers: output.OptionalInt = None
    """How many workers of Ray; without it, one on every CPU that Ray finds here or at RAY_ADDRESS."""
    coordinator: output.OptionalName = None
    """HOST:PORT of process 0, where several processes run one run together; auto on SLURM, GKE and the like."""
    processes: output.OptionalInt = None
    """How many processes there are, the same for each; with --coordinator."""
    process: output.OptionalInt = None
    """Which of them this is, from 0; with --coordinator. Only 0 writes."""
    serve: output.Switch = False
    """Show the run on a live page for as long as it works; `alpha-factory serve` shows it afterwards."""
    port: output.OptionalInt = None
    """Where that page listens; 0 for any port that is free. Unset: 7860, or any if that is taken."""
    wandb: output.OptionalNames = None
    """Show the run's numbers on Weights & Biases, too, in the project NAME or alpha-factory (extra wandb)."""
    json: output.Switch = False
    """Print the final summary as one JSON object; progress goes to stderr."""

    def __call__(self) -> int:
        """Run to the end or to Ctrl-C; 130 for the latter."""
        from alpha_factory.runs.settings.presets import choose_preset

        if self.preset is not None:
            choose_preset(
                self.preset
            )  # again in start_run; here a typing error doesn't wait for JAX
        if self.serve:
            check_installed()
        from alpha_factory.runs.machine.processes import connect, is_first

        with contextlib.ExitStack() as opened, output.quiet_stdout():
            open_boards = make_boards(self.wandb, opened)
            connect(self.coordinator, self.processes, self.process)
            from alpha_factory.runs.start import start_run  # after JAX knows of the others

            if self.serve and is_first():
                from alpha_factory.runs.start import RUNS

                link = opened.enter_context(serve_beside(self.out or RUNS, self.port))
                output.stderr_console().print(f"The page is at {link}", soft_wrap=True)

            summary = start_run(
                preset=self.preset or (None if self.resume else "demo"),
                out=self.out,
                seed=self.seed,
                minutes=self.minutes,
                frames=self.frames,
                resume=self.resume,
                mutator=self.mutator,
                curriculum=self.curriculum,
                learner=self.learner,
                changes=self.set,
                open_ledger=lambda directory: _open_ledger(directory, opened),
                read_answers=_read_answers,
                open_boards=open_boards,
                console=output.stderr_console(),
                devices=self.devices,
                executor=self.executor,
                workers=self.workers,
            )
        if not is_first():
            return 130 if summary["interrupted"] else 0
        if self.json:
            output.print_json(summary)
        else:
            print_summary(summary, output.stdout_console())
        if summary["interrupted"]:
            place = shlex.quote(str(summary["run"]))
            asked = "" if self.wandb is None else " --wandb"
            command = f"{output.program()} run --resume --out {place}{asked}"
            output.stderr_console().print(
                f"Interrupted; everything is saved. Go on with:\n  {command}",
                markup=False,
                soft_wrap=True,
            )
            return 130
        return 0


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print the tables that end a run and where its report lies."""
    for result in summary.get("suites") or ():
        console.print(suite_table(result))
    table = Table(title="The run", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("frames", f"{summary['frames']:,}")
    table.add_row("updates", f"{summary['updates']:,}")
    table.add_row("time at work", f"{summary['wall_s']:.0f} s")
    table.add_row("time compiling", f"{summary['compile_s']:.0f} s")
    if (selection := summary.get("selection")) is None:
        table.add_row("worlds accepted", f"{summary['worlds_accepted']:,}")
        table.add_row("worlds rejected", f"{summary['worlds_rejected']:,}")
    elif selection.get("buffer") is not None:
        table.add_row("levels kept at the end", f"{selection['buffer']:,.0f}")
    table.add_row("solved in training", output.percent(summary["solve_rate"]))
    first, last = summary.get("median_path_first"), summary.get("median_path_last")
    if first is not None and last is not None:
        table.add_row("median shortest path, first worlds", f"{first:g} steps")
        table.add_row("median shortest path, last worlds", f"{last:g} steps")
    console.print(table)
    if told := summary.get("plateau"):
        console.print(told, markup=False, soft_wrap=True)
    if summary.get("report"):
        console.print(f"Report: {summary['report']}", markup=False, soft_wrap=True)


def _open_ledger(
    directory: Path, ledgers: contextlib.ExitStack
) -> Callable[[str, dict[str, Any]], None]:
    """Open a run's ledger until `ledgers` closes; what appends an event to it comes back."""
    from alpha_factory.service.ledger import Ledger

    ledger = ledgers.enter_context(Ledger(directory / "ledger.sqlite"))

    def append(kind: str, payload: dict[str, Any]) -> None:
        ledger.append(kind, payload)

    return append


def _read_answers(directory: Path) -> list[tuple[str, dict[str, Any]]]:
    """What became of acts, as the ledger of a run says; nothing where it has none."""
    from alpha_factory.runs.steering.answers import KINDS
    from alpha_factory.service.ledger import Ledger

    if not (directory / "ledger.sqlite").is_file():
        return []
    with Ledger(directory / "ledger.sqlite") as ledger:
        return [(event.kind, event.payload) for event in ledger.events(kinds=KINDS)]

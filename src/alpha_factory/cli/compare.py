"""`alpha-factory compare`: runs side by side at equal budgets."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from alpha_factory.cli import output
from alpha_factory.cli.tables import budget_table, comparison_table, improvement_table


@dataclass(frozen=True)
class Compare:
    """Put runs side by side: runs of the same settings and different seeds are a group, with intervals over seeds.

    Budgets count all who play or learn for a run. They must be equal within 1 % (wall seconds within 5 %), or the runs
    were given the same --frames. How far apart they are in the other units is told beside. Scores are those that a
    run's end and `evaluate --keep` left in evaluation.json, or a file that `evaluate --out` wrote.

    Example: alpha-factory compare runs/first runs/second --out figures
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Directories of the runs, and files of scores."""
    suite: output.OptionalName = None
    """The only suite to compare on. Without it, all on which every run was evaluated."""
    budget: str = "frames"
    """What has to be equal, and is under the curves: frames, updates or wall_s (compiling left out)."""
    unequal: output.Switch = False
    """Compare runs of unequal budgets, or of some that nobody knows, too; every table and figure then says so."""
    out: output.OptionalDirectory = None
    """Folder for the figures, each as PNG of 300 dpi and as PDF. Without it, none are drawn."""
    json: output.Switch = False
    """Print the numbers as JSON, and nothing else on stdout."""

    def __call__(self) -> int:
        """Print the comparison."""
        for run in self.runs:
            if not run.is_file():
                output.check_is_run(run)
        from alpha_factory.runs.comparison import compare_runs

        with output.quiet_stdout():
            told = compare_runs(
                self.runs,
                suite=self.suite,
                unit=self.budget,
                may_differ=self.unequal,
                out=self.out,
                warned=output.warn,
            )
        if self.json:
            output.print_json(told)
            return 0
        console = output.stdout_console()
        console.print(budget_table(told))
        for suite in told["suites"]:
            console.print(comparison_table(suite, width=console.width))
            if suite["improvement"]:
                console.print(improvement_table(suite))
        for group in told["groups"]:
            settings = ", ".join(f"{name}={value}" for name, value in group["settings"].items())
            if settings and settings != group["name"]:
                console.print(f"{group['name']}: {settings}", markup=False, soft_wrap=True)
        console.print(told["note"], markup=False, soft_wrap=True)
        for figure in told["figures"]:
            console.print(f"Figure: {figure}", markup=False, soft_wrap=True)
        return 0

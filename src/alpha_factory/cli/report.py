"""`alpha-factory report`: write a run's page anew."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from alpha_factory.cli import output


@dataclass(frozen=True)
class Report:
    """Write a run's report.html from the files in its directory.

    Example: alpha-factory report runs/first
    """

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    json: output.Switch = False
    """Print the page's path as a JSON object."""

    def __call__(self) -> int:
        """Print where the page lies."""
        output.check_is_run(self.run)
        from alpha_factory.runs.report import write_report

        with output.quiet_stdout():
            page = write_report(self.run)
        if self.json:
            output.print_json({"run": self.run, "report": page})
        else:
            output.stdout_console().print(f"Report: {page}", markup=False, soft_wrap=True)
        return 0

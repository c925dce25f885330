"""`alpha-factory evaluate`: score a run's agent on a suite."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from alpha_factory.cli import output


@dataclass(frozen=True)
class Evaluate:
    """Score a run's agent on a frozen suite, against a random policy and the same network untrained.

    A suite that is reported at two step limits gives a list of two objects under --json.

    Example: alpha-factory evaluate runs/first --suite public-mazes-v1
    """

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    suite: str
    """Name of the suite, such as generated-v1 or public-mazes-v1."""
    episodes: output.OptionalInt = None
    """Episodes of each policy on each level, instead of the suite's own count."""
    seed: output.OptionalInt = None
    """Every random choice of the evaluation follows from it. Without it, the run's own: its closing numbers again."""
    json: output.Switch = False
    """Print the scores as JSON, and nothing else on stdout."""

    def __call__(self) -> int:
        """Print the scores."""
        output.check_is_run(self.run)
        from alpha_factory.runs.evaluation import evaluate_run

        with output.quiet_stdout():
            results = evaluate_run(self.run, self.suite, self.episodes, self.seed, output.warn)
        if self.json:
            output.print_json(results[0] if len(results) == 1 else results)
        else:
            for result in results:
                output.stdout_console().print(output.suite_table(result))
        return 0

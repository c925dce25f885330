"""`alpha-factory learn`: one task from scratch, without a curriculum."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import tyro
from rich.table import Table

from alpha_factory.cli import output
from alpha_factory.core.errors import UsageError


@dataclass(frozen=True)
class Learn:
    """Learn one task from scratch and judge the planner on 100 episodes; 0 if every seed reached the goal.

    Example: alpha-factory learn cartpole --seeds 3
    """

    task: tyro.conf.Positional[str]
    """rooms, cartpole or mazes."""
    seed: int = 0
    """Every random choice follows from it."""
    seeds: int = 1
    """Learn so many times, with this seed and those after it."""
    frames: output.OptionalInt = None
    """End after this many env steps, instead of the task's."""
    set: output.Settings = ()
    """Another setting than the task's, such as search.simulations=16; repeatable."""
    json: output.Switch = False
    """Print the outcome as one JSON object; progress goes to stderr."""

    def __call__(self) -> int:
        """Learn, print the scores, say whether the goal was reached."""
        if self.seeds < 1:
            raise UsageError(f"--seeds {self.seeds} learns nothing. Give 1 or more.")
        if self.frames is not None and self.frames < 1:
            raise UsageError(f"--frames {self.frames} is no budget. Give a number above 0.")
        from alpha_factory.runs.settings import change
        from alpha_factory.runs.study import Row, study
        from alpha_factory.runs.tasks import EPISODES, find_task

        task = find_task(self.task)
        config = change(task.config, self.set)
        if self.frames is not None:
            config = dataclasses.replace(
                config, budget=dataclasses.replace(config.budget, frames=self.frames)
            )
        console, outcomes = output.stderr_console(), []
        for seed in range(self.seed, self.seed + self.seeds):
            with console.status(f"{self.task}, seed {seed}: compiling") as line:

                def tell(row: Row, seed: int = seed) -> None:
                    score = "-" if row.score is None else f"{row.score:.2f}"
                    line.update(
                        f"{self.task}, seed {seed}: {row.frames:,} frames · {row.updates:,} updates · "
                        f"{task.measure} {score} in training · {row.wall_s:.0f} s"
                    )

                outcomes.append(study(task, dataclasses.replace(config, seed=seed), tell))
        summary: dict[str, Any] = {
            "task": self.task,
            "measure": task.measure,
            "goal": task.goal,
            "episodes": EPISODES,
            "runs": outcomes,
            "reached": all(outcome["score"] >= task.goal for outcome in outcomes),
        }
        if self.json:
            output.print_json(summary)
        else:
            output.stdout_console().print(_table(summary))
        return 0 if summary["reached"] else 1


def _table(summary: dict[str, Any]) -> Table:
    table = Table(
        title=f"{summary['task']}: {summary['measure']} over {summary['episodes']} episodes, "
        f"goal {summary['goal']:g}"
    )
    for heading in (
        "seed",
        "score",
        "95 % interval",
        "untrained",
        "frames",
        "minutes",
        "frames/CPU-s",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in summary["runs"]:
        table.add_row(
            str(run["seed"]),
            f"{run['score']:.2f}",
            f"{run['low']:.2f} to {run['high']:.2f}",
            f"{run['untrained']:.2f}",
            f"{run['frames']:,}",
            f"{run['wall_s'] / 60:.1f}",
            f"{run['frames_per_cpu_s']:,.0f}",
        )
    return table

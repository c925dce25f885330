"""`alpha-factory learn`: one task from scratch, without a curriculum."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import tyro
from rich.table import Table

from alpha_factory.cli import output
from alpha_factory.core.errors import UsageError

_STOPPING = "Stopping; judging what was learned first. Ctrl-C once more stops at once."


@dataclass(frozen=True)
class Learn:
    """Learn one task from scratch and judge the planner on 100 episodes; 0 if every seed reached the goal.

    Ctrl-C judges what was learned so far, and exits 130.

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
        from alpha_factory.runs.interrupts import noting_interrupts
        from alpha_factory.runs.progress import StatusLine
        from alpha_factory.runs.settings.text import change
        from alpha_factory.runs.tasks.catalogue import EPISODES, find_task
        from alpha_factory.runs.tasks.study import Row, study

        task = find_task(self.task)
        config = change(task.config, self.set)
        if self.frames is not None:
            config = dataclasses.replace(
                config, budget=dataclasses.replace(config.budget, frames=self.frames)
            )
        outcomes: list[dict[str, Any]] = []
        console = output.stderr_console()
        with noting_interrupts(console, _STOPPING) as is_stopping, StatusLine(console) as line:
            for seed in range(self.seed, self.seed + self.seeds):
                if is_stopping():
                    break
                title = f"{self.task}, seed {seed}"
                line.say(f"{title}: compiling …", is_news=True)

                def tell(row: Row, title: str = title) -> None:
                    score = "-" if row.score is None else f"{row.score:.2f}"
                    told = (
                        f"{title}: {row.frames:,} frames · {row.updates:,} updates · "
                        f"{task.measure} {score} in training · {row.wall_s:.0f} s"
                    )
                    line.say(told, is_news=False)

                seeded = dataclasses.replace(config, seed=seed)
                outcomes.append(study(task, seeded, tell, is_stopping))
                line.note(f"{title}: {_tell(task.measure, EPISODES, outcomes[-1])}")
        summary: dict[str, Any] = {
            "task": self.task,
            "measure": task.measure,
            "goal": task.goal,
            "episodes": EPISODES,
            "runs": outcomes,
            "reached": all(outcome["score"] >= task.goal for outcome in outcomes),
            "interrupted": is_stopping(),
        }
        if self.json:
            output.print_json(summary)
        else:
            output.stdout_console().print(_table(summary))
        if summary["interrupted"]:
            return 130
        return 0 if summary["reached"] else 1


def _tell(measure: str, episodes: int, outcome: dict[str, Any]) -> str:
    return (
        f"{measure} {outcome['score']:.2f} ({outcome['low']:.2f} to {outcome['high']:.2f}) over "
        f"{episodes} episodes, after {outcome['frames']:,} frames and {outcome['wall_s'] / 60:.1f} minutes"
    )


def _table(summary: dict[str, Any]) -> Table:
    table = Table(
        title=f"{summary['task']}: {summary['measure']} over {summary['episodes']} episodes, "
        f"goal {summary['goal']:g}",
        show_edge=False,
        pad_edge=False,
    )
    form = ".1f" if summary["goal"] >= 10 else ".2f"
    headings = ("seed", "score", "95 % interval", "un-\ntrained", "frames", "min")
    for heading in (*headings, "frames\nper\nCPU-s", "replay\nratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in summary["runs"]:
        table.add_row(
            str(run["seed"]),
            format(run["score"], form),
            f"{run['low']:{form}} to {run['high']:{form}}",
            format(run["untrained"], form),
            f"{run['frames']:,}",
            f"{run['wall_s'] / 60:.1f}",
            _number(run["frames_per_cpu_s"], ",.0f"),
            _number(run["replay_ratio"], ".2f"),
        )
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

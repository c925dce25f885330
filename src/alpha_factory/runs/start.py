"""From what a person asked for to a finished run: settings, directory, loop, evaluation, report."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.console import Console

from alpha_factory.core.errors import UsageError
from alpha_factory.records import MetricRow, RunSummary
from alpha_factory.runs.evaluation import Examiner, tell_budget
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.directory import RunDirectory, create_run, read_config, resume_run
from alpha_factory.runs.files.durable import explain_disk_full
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.files.scores import save_scores
from alpha_factory.runs.films import shoot_films
from alpha_factory.runs.interrupts import noting_interrupts
from alpha_factory.runs.judging.result import without_levels
from alpha_factory.runs.loop import Hooks, Run
from alpha_factory.runs.machine.devices import make_mesh
from alpha_factory.runs.machine.processes import agree, follow_run, is_first, together
from alpha_factory.runs.programs import Programs
from alpha_factory.runs.progress import ProgressLine
from alpha_factory.runs.report import write_report
from alpha_factory.runs.resolve import resolve
from alpha_factory.runs.settings.config import MAY_CHANGE, RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.runs.settings.presets import choose_preset
from alpha_factory.runs.settings.text import change, from_json, to_json
from alpha_factory.runs.suites import CLOSING, held_out_levels, load_suite

RUNS = Path("runs")
"""Where runs go that are given no directory."""
_FIRST = 10
"""Accepted worlds that the last ones are compared with."""
_STOPPING = "Stopping; saving first. Ctrl-C once more stops without saving."

_NOTHING_YET = MetricRow(
    frames=0,
    updates=0,
    wall_s=0.0,
    compile_s=0.0,
    worlds_accepted=0,
    worlds_rejected=0,
    solve_rate=None,
)
"""What a run says that was stopped before its first stretch."""


def start_run(
    *,
    preset: str | None,
    out: Path | None,
    seed: int | None,
    minutes: float | None,
    frames: int | None,
    resume: bool,
    mutator: str | None,
    changes: Sequence[str] = (),
    open_ledger: Callable[[Path], Callable[[str, dict[str, Any]], None]],
    console: Console,
    devices: int | None = None,
) -> dict[str, Any]:
    """Begin a run, or go on with one, to the end of its budget or to Ctrl-C.

    Args:
        preset: and every other setting: None for the preset's, or for that of the resumed run.
        changes: any other settings, as `settings.change` takes them.
        out: the run's directory; None for a new one under `runs/`, or the newest to be resumed.
        open_ledger: given the run's directory, returns what records an event there.
        devices: how many the run's lanes are spread over; None for all that JAX sees.

    Returns:
        What `run --json` prints, with `interrupted`, `suites`, `median_path_first` and
        `median_path_last` (actions of the shortest plan: the first ten accepted worlds, and those
        alive at the end).
    """
    _check_budget(minutes, frames)
    mesh = make_mesh(devices)
    if jax.process_count() > 1 and out is None:
        raise UsageError("The processes of a run must share a directory. Name it with --out.")
    if not is_first():
        console = Console(quiet=True)
    if resume:
        path = out or _newest_run()
        config = from_json(read_config(path))
    else:
        config = choose_preset(preset or "demo")
    config = change(_choose(config, preset, seed, minutes, frames, mutator), changes)
    check_limits(config)
    if not resume:
        path = out or _new_name(config)
    chosen = resolve("Mutator", config.curriculum.mutator)
    held_out = held_out_levels()
    with ExitStack() as stack:
        directory = together(lambda: stack.enter_context(_open_directory(path, config, resume)))
        event = _record_events(directory, open_ledger)
        is_asked = stack.enter_context(noting_interrupts(console, _STOPPING))

        def is_interrupted() -> bool:
            return agree(is_asked())

        budget = config.budget
        line = stack.enter_context(
            ProgressLine(console, minutes=budget.minutes, frames=budget.frames)
        )
        programs = Programs(config, chosen, held_out, line.compiling, mesh)
        hooks = Hooks(
            logged=line.logged,
            is_stopping=is_interrupted,
            warned=lambda message: console.print(message, markup=False, soft_wrap=True),
            event=event,
        )
        run = Run(directory, programs, chosen.operators, held_out, hooks)
        try:
            run.restore_or_start(is_resuming=resume)
            is_spent = run.train(seconds=_training_seconds(config), frames=budget.frames)
        finally:
            run.close()
        suites = _close(run, config, directory, line, is_interrupted) if is_spent else []
        line.doing("writing the report")
        report = write_report(directory.path)
        event("ended" if suites else "interrupted", {"frames": run.counters.frames})
        return _summarise(run, directory, report, suites)


def _open_directory(
    path: Path, config: RunConfig, resume: bool
) -> AbstractContextManager[RunDirectory]:
    settings = to_json(config)
    if not is_first():
        return follow_run(path, settings, is_resuming=resume)
    return resume_run(path, settings, MAY_CHANGE) if resume else create_run(path, settings)


def _record_events(
    directory: RunDirectory, open_ledger: Callable[[Path], Callable[[str, dict[str, Any]], None]]
) -> Callable[[str, dict[str, Any]], None]:
    """The ledger's append, with a full disk told as it is elsewhere."""
    with explain_disk_full(directory.ledger, directory.checkpoints):
        append = open_ledger(directory.path)

    def record(kind: str, payload: dict[str, Any]) -> None:
        with explain_disk_full(directory.ledger, directory.checkpoints):
            append(kind, payload)

    return record


def _close(
    run: Run,
    config: RunConfig,
    directory: RunDirectory,
    line: ProgressLine,
    is_interrupted: Callable[[], bool],
) -> list[dict[str, Any]]:
    """Evaluate and film; nothing if interrupted, since a resume will do it all."""
    examiner = Examiner(config)
    suites = {name: load_suite(name) for name in CLOSING}
    results = []
    for name, suite in suites.items():
        if is_interrupted():
            return []
        line.doing(f"evaluating on {name}")
        model = run.state.student.learner.model
        results += examiner.examine(model, suite, episodes=None, seed=config.seed)
    save_scores(directory, [result | tell_budget(run.counters) for result in results])
    if is_interrupted():
        return []
    line.doing("filming the agent")
    with explain_disk_full(directory.media, directory.checkpoints):
        shoot_films(
            directory.media, config, run.state, suites["generated-v1"], suites["public-mazes-v1"]
        )
    return [] if is_interrupted() else results


def _summarise(
    run: Run, directory: RunDirectory, report: Path, suites: list[dict[str, Any]]
) -> dict[str, Any]:
    rows = read_metrics(directory.path)
    with Archive(directory.worlds, read_only=True) as archive:
        plans = [
            card.shortest_path
            for card in archive.worlds()
            if card.verdict == "accepted" and card.parents and card.shortest_path is not None
        ]
    pool = run.state.pool
    alive = np.asarray(pool.plan)[: int(pool.size)]
    summary = RunSummary(
        **(rows[-1] if rows else _NOTHING_YET).model_dump(),
        run=str(directory.path),
        report=str(report),
    )
    return {
        **summary.model_dump(),
        "interrupted": not suites,
        "suites": [without_levels(suite) for suite in suites],
        "median_path_first": float(np.median(plans[:_FIRST])) if plans else None,
        "median_path_last": float(np.median(alive)),
    }


def _check_budget(minutes: float | None, frames: int | None) -> None:
    for name, value in (("minutes", minutes), ("frames", frames)):
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"--{name} {value} is no budget. Give a number above 0.")


def _choose(
    config: RunConfig,
    preset: str | None,
    seed: int | None,
    minutes: float | None,
    frames: int | None,
    mutator: str | None,
) -> RunConfig:
    """The config with what was asked for explicitly; frames alone lift the preset's minutes."""
    if preset is not None and preset != config.preset:
        config = dataclasses.replace(choose_preset(preset), seed=config.seed)
    budget = config.budget
    if frames is not None:
        budget = dataclasses.replace(budget, frames=frames, minutes=None)
    if minutes is not None:
        budget = dataclasses.replace(budget, minutes=minutes)
    curriculum = config.curriculum
    if mutator is not None:
        curriculum = dataclasses.replace(curriculum, mutator=mutator)
    return dataclasses.replace(
        config,
        seed=config.seed if seed is None else seed,
        budget=budget,
        curriculum=curriculum,
    )


def _training_seconds(config: RunConfig) -> float | None:
    """The minutes less what closing takes, but never less than half of them."""
    if config.budget.minutes is None:
        return None
    whole = 60.0 * config.budget.minutes
    return max(whole - config.budget.closing_s, whole / 2)


def _new_name(config: RunConfig) -> Path:
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return RUNS / f"{config.preset}-seed{config.seed}-{moment}"


def _newest_run() -> Path:
    """The run under `runs/` whose settings were written last.

    Raises:
        UsageError: there is none.
    """
    found = sorted(RUNS.glob("*/config.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise UsageError(f"There is no run under {RUNS}/ to resume. Name its directory with --out.")
    return found[-1].parent

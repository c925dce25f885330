"""From what a person asked for to a finished run: settings, directory, loop, evaluation, report."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh
from rich.console import Console

from alpha_factory.core.errors import UsageError
from alpha_factory.records import MetricRow, RunState, RunSummary
from alpha_factory.runs.camera import Camera
from alpha_factory.runs.course import Course, Hooks
from alpha_factory.runs.evaluation import Examiner, find_model, tell_budget
from alpha_factory.runs.evolution.course import Evolution
from alpha_factory.runs.evolution.executor.choose import IN_PROCESS, check_executor, open_executor
from alpha_factory.runs.evolution.executor.jobs import Executor
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.files.directory import RunDirectory, create_run, read_config, resume_run
from alpha_factory.runs.files.durable import explain_disk_full
from alpha_factory.runs.files.metrics import Board, read_metrics
from alpha_factory.runs.files.scores import save_scores
from alpha_factory.runs.films import shoot_films
from alpha_factory.runs.interrupts import noting_interrupts
from alpha_factory.runs.judging.result import without_levels
from alpha_factory.runs.lessons import check_score, make_lesson
from alpha_factory.runs.loop import Run
from alpha_factory.runs.machine.compiler import Compiling
from alpha_factory.runs.machine.devices import make_mesh
from alpha_factory.runs.machine.processes import agree, follow_run, is_first, together
from alpha_factory.runs.playback import Recorder
from alpha_factory.runs.progress import ProgressLine
from alpha_factory.runs.report import write_report
from alpha_factory.runs.resolve import list_failed, resolve, resolve_curriculum
from alpha_factory.runs.schooling.course import LessonPrograms, Schooling, check_alone
from alpha_factory.runs.schooling.plateau import explain_plateau
from alpha_factory.runs.settings.asked import (
    check_budget,
    choose,
    choose_names,
    training_seconds,
)
from alpha_factory.runs.settings.config import MAY_CHANGE, POET, PPO, RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.runs.settings.presets import choose_preset
from alpha_factory.runs.settings.text import change, from_json, to_json
from alpha_factory.runs.steering.answers import Entry
from alpha_factory.runs.steering.status import Status
from alpha_factory.runs.steering.steering import Steering
from alpha_factory.runs.suites import (
    CLOSING,
    CLOSING_MAZES,
    held_out_levels,
    load_suite,
    watched_levels,
)
from alpha_factory.runs.uses import check_used

RUNS = Path("runs")
"""Where runs go that are given no directory."""
OpenBoards = Callable[[Path, dict[str, Any], Callable[[str], None]], Sequence[Board]]
"""`open_boards(run, settings, say)`: what shows a run's rows beside its own files, and `say`s what went wrong."""
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
    curriculum: str | None = None,
    learner: str | None = None,
    changes: Sequence[str] = (),
    open_ledger: Callable[[Path], Callable[[str, dict[str, Any]], None]],
    read_answers: Callable[[Path], Iterable[Entry]] = lambda run: (),
    open_boards: OpenBoards = lambda run, settings, say: (),
    console: Console,
    devices: int | None = None,
    executor: str | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Begin a run, or go on with one, to the end of its budget or to Ctrl-C.

    Args:
        preset: and every other setting: None for the preset's, or for that of the resumed run.
        changes: any other settings, as `settings.change` takes them.
        out: the run's directory; None for a new one under `runs/`, or the newest to be resumed.
        open_ledger: given the run's directory, returns what records an event there.
        read_answers: given the run's directory, what its ledger tells of acts; nothing where there is no ledger.
        open_boards: where the rows are shown as well; asked by the process that writes.
        devices: how many the run's lanes are spread over; None for all that JAX sees.
        executor: who plays candidates and trains specialists: `in-process` or `ray`; None for the first.
        workers: of Ray; None for as many as it has room for.

    Returns:
        What `run --json` prints, with `interrupted`, `suites`, and what its course adds: of POET
        `median_path_first` and `median_path_last` (actions of the shortest plan: the first ten
        accepted worlds, and those alive at the end), of a method that chooses levels `selection`.
    """
    check_budget(minutes, frames)
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
    config = choose(config, preset, seed, minutes, frames)
    config = change(choose_names(config, mutator, curriculum, learner), changes)
    check_limits(config)
    asked = [text.partition("=")[0] for text in changes]
    check_used(config, [*asked, *(["curriculum.mutator"] if mutator else [])])
    executor = executor or IN_PROCESS
    check_executor(executor, workers, config, mesh)
    make_course = _plan_course(config, mesh, is_new=not resume)
    if not resume:
        path = out or _new_name(config)

    def say(message: str) -> None:
        console.print(message, markup=False, soft_wrap=True)

    for fault in list_failed():
        say(f"Left out a method that failed to load: {fault}.")

    with ExitStack() as stack:
        crew = stack.enter_context(open_executor(executor, workers, config, say))
        directory = together(lambda: stack.enter_context(_open_directory(path, config, resume)))
        event = _record_events(directory, open_ledger)
        steering = Steering(directory.path, event, read_answers(directory.path))
        status = stack.enter_context(Status(directory.path))
        is_asked = stack.enter_context(noting_interrupts(console, _STOPPING))

        def is_interrupted() -> bool:
            return agree(is_asked())

        budget = config.budget
        line = stack.enter_context(
            ProgressLine(console, minutes=budget.minutes, frames=budget.frames)
        )

        def logged(row: MetricRow) -> None:
            line.logged(row)
            status.logged(row, line.seconds_left(row))

        hooks = Hooks(
            logged=logged,
            is_stopping=is_interrupted,
            warned=say,
            event=event,
            doing=status.doing,
        )

        def compiling(program: str) -> Callable[[], None]:
            line.compiling(program)
            return status.compiling(program)

        camera, recorder = Camera(config, compiling), None
        course = make_course(directory, hooks, compiling, crew)
        if config.playback.cycles is not None and is_first():
            recorder = Recorder(
                config,
                directory.episodes,
                camera=camera,
                compiling=compiling,
                warned=say,
                event=event,
            )
        boards = open_boards(directory.path, to_json(config), say) if is_first() else ()
        run = Run(directory, course, hooks, steering=steering, recorder=recorder, boards=boards)
        try:
            run.restore_or_start(is_resuming=resume)
            is_spent = run.train(seconds=training_seconds(config), frames=budget.frames)
        finally:
            run.close()

        def doing(state: RunState, words: str) -> None:
            line.doing(words)
            status.doing(state, words)

        def is_over() -> bool:
            return is_interrupted() or run.is_stopped()

        suites = _close(run, config, directory, camera, doing, is_over) if is_spent else []
        doing("reporting", "writing the report")
        report = write_report(directory.path)
        event("ended" if suites else "interrupted", {"frames": run.counters.frames})
        status.doing("finished" if suites else "stopped", "finished" if suites else "stopped")
        return _summarise(run, directory, report, suites)


def _plan_course(
    config: RunConfig, mesh: Mesh | None, *, is_new: bool
) -> Callable[[RunDirectory, Hooks, Compiling, Executor | None], Course]:
    """What makes the course of a run, once it has a directory.

    Raises:
        UsageError: the config asks for what there is not; nothing has been begun then.
    """
    resolve_curriculum(config.curriculum.name, config.learner)
    if config.curriculum.name != POET or config.learner == PPO:
        check_alone(mesh)
    if config.curriculum.name != POET:
        lesson = make_lesson(config)
        if is_new:
            check_score(config, lesson)
        return lambda directory, hooks, compiling, crew: Schooling(
            LessonPrograms(config, compiling), hooks
        )
    chosen = resolve("Mutator", config.curriculum.mutator)
    held_out = held_out_levels()

    def make_evolution(
        directory: RunDirectory, hooks: Hooks, compiling: Compiling, crew: Executor | None
    ) -> Evolution:
        programs = Programs(config, chosen, held_out, compiling, mesh)
        return Evolution(directory, programs, chosen.operators, watched_levels(), hooks, crew)

    return make_evolution


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
    camera: Camera,
    doing: Callable[[RunState, str], None],
    is_interrupted: Callable[[], bool],
) -> list[dict[str, Any]]:
    """Evaluate and film; nothing if interrupted, since a resume will do it all."""
    examiner = Examiner(config)
    closing = CLOSING if config.curriculum.name == POET else CLOSING_MAZES
    suites = {name: load_suite(name) for name in closing}
    results = []
    for name, suite in suites.items():
        if is_interrupted():
            return []
        doing("evaluating", f"evaluating on {name}")
        model = find_model(config, run.state)
        results += examiner.examine(model, suite, episodes=None, seed=config.seed)
    save_scores(directory, [result | tell_budget(run.counters) for result in results])
    if is_interrupted():
        return []
    doing("filming", "filming the agent")
    with explain_disk_full(directory.media, directory.checkpoints):
        shoot_films(directory.media, config, run.state, suites, camera)
    return [] if is_interrupted() else results


def _summarise(
    run: Run, directory: RunDirectory, report: Path, suites: list[dict[str, Any]]
) -> dict[str, Any]:
    rows = read_metrics(directory.path)
    summary = RunSummary(
        **(rows[-1] if rows else _NOTHING_YET).model_dump(),
        run=str(directory.path),
        report=str(report),
    )
    return {
        **summary.model_dump(),
        "interrupted": not suites,
        "suites": [without_levels(suite) for suite in suites],
        **run.course.sum_up(),
        **_explain(rows, run.config),
    }


def _explain(rows: list[MetricRow], config: RunConfig) -> dict[str, str]:
    """Whether learning has stalled, and why, as far as the rows tell."""
    told = explain_plateau(rows, lanes=config.levels.lanes, minibatches=config.ppo.minibatches)
    return {} if told is None else {"plateau": told}


def _new_name(config: RunConfig) -> Path:
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    name = config.preset if config.curriculum.name == POET else config.curriculum.name
    return RUNS / f"{name}-seed{config.seed}-{moment}"


def _newest_run() -> Path:
    """The run under `runs/` whose settings were written last.

    Raises:
        UsageError: there is none.
    """
    found = sorted(RUNS.glob("*/config.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise UsageError(f"There is no run under {RUNS}/ to resume. Name its directory with --out.")
    return found[-1].parent

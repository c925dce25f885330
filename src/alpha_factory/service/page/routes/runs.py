"""Runs as a whole: lists, settings, metrics, evaluation, safety, ledger, films, and several side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from starlette.responses import Response

from alpha_factory.service.page.context import Context
from alpha_factory.service.page.files import evaluation, metrics, records
from alpha_factory.service.page.files.comparison import compare_runs
from alpha_factory.service.page.files.database import open_database
from alpha_factory.service.page.files.folder import inside
from alpha_factory.service.page.files.lineage import lineage_cursor
from alpha_factory.service.page.files.lines import end_cursor, read_last
from alpha_factory.service.page.files.summary import summarise
from alpha_factory.service.page.files.worlds import FILE as WORLDS
from alpha_factory.service.page.files.worlds import read_honeypots
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.reply import reply, reply_rows, reply_table
from alpha_factory.service.page.routes.common import ERRORS, TABLE, After, Format, RunName
from alpha_factory.service.page.shapes import runs as shapes

_POINTS = 400
_SCORES = ("solve_rate", "low", "high", "cvar_10_held", "return_mean")
Names = Annotated[
    str | None,
    Query(
        description="Names of columns, with commas between.",
        pattern=r"^[A-Za-z0-9_.]{1,64}(,[A-Za-z0-9_.]{1,64}){0,63}$",
        examples=["solve_rate,frames_per_s"],
    ),
]
Points = Annotated[int, Query(description="At most so many points.", ge=2, le=5_000)]


def make_runs(context: Context) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["runs"], responses=ERRORS)
    find = context.folder.find

    @router.get("/runs", response_model=shapes.Runs)
    def list_runs() -> Response:
        """All runs, newest first."""
        return reply({"runs": context.summaries.read()})

    @router.get("/runs/{run}", response_model=shapes.SummaryWithCursors)
    def read_run(run: RunName) -> Response:
        """What a run is doing, how far it is, and where the WebSocket goes on from this moment."""
        path = find(run)
        # Before the summary: what comes in between is then told twice and not left out.
        cursors = {
            "rows": end_cursor(path / metrics.FILE),
            "worlds": _end(lineage_cursor, path),
            "episodes": _end(records.episodes_end, path),
            "events": _end(records.ledger_end, path),
        }
        return reply(summarise(run, path) | {"cursors": cursors})

    @router.get("/runs/{run}/config", response_model=shapes.Config)
    def read_config(run: RunName) -> Response:
        """A run's settings."""
        config = records.read_json(find(run), "config.json")
        if not isinstance(config, dict):
            raise Problem("conflict", "config.json of this run is damaged.")
        return reply({"config": config})

    @router.get("/runs/{run}/metrics", response_model=shapes.Metrics, responses=TABLE)
    def read_metrics(
        run: RunName,
        names: Names = None,
        points: Points | None = None,
        low: Annotated[float | None, Query(alias="from", ge=0, le=1e15)] = None,
        high: Annotated[float | None, Query(alias="to", ge=0, le=1e15)] = None,
        after: After = None,
        format: Format = "json",
    ) -> Response:
        """Metrics as columns, thinned evenly to 400 points or as many as asked; zoom in by `from` and `to`, in frames.

        CSV has every row of the range unless a number of points is asked for.
        """
        path = find(run)
        chosen = None if names is None else names.split(",")
        if format == "csv" and points is None and after is None:
            head, rows = metrics.list_rows(path, names=chosen, low=low, high=high)
            return reply_rows(head, rows, f"{run}-metrics")
        if after is not None:
            told = metrics.read_new_metrics(path, after, chosen)
        else:
            most = _POINTS if points is None else points
            told = metrics.read_metrics(path, names=chosen, points=most, low=low, high=high)
        return reply_table(told["columns"], f"{run}-metrics") if format == "csv" else reply(told)

    @router.get("/runs/{run}/evaluation", response_model=shapes.Evaluation, responses=TABLE)
    def read_evaluation(run: RunName, format: Format = "json") -> Response:
        """What the run's agent and the baselines got on suites. A result that doesn't fit is left out, and said."""
        told = evaluation.read_evaluation(find(run))
        if format == "json":
            return reply(told)
        rows = [
            [suite["suite"], suite["step_limit"], policy, *map(scores.get, _SCORES)]
            for suite in told["suites"]
            for policy, scores in suite["policies"].items()
        ]
        # Elsewhere an interval is of whatever is compared.
        scores = [f"{name} [share]" if name in ("low", "high") else name for name in _SCORES]
        return reply_rows(["suite", "step_limit", "policy", *scores], rows, f"{run}-evaluation")

    @router.get("/runs/{run}/safety", response_model=shapes.Safety)
    def read_safety(run: RunName) -> Response:
        """Honeypots, incidents, skipped updates, and what else the ledger says of safety."""
        path = find(run)
        with open_database(path / WORLDS) as base:
            honeypots = read_honeypots(base)
        last = read_last(path / metrics.FILE, 1)
        skipped = metrics.read_number(last[0], "updates_skipped") if last else None
        return reply(
            {
                "rule": records.read_rule(path),
                "honeypots": honeypots,
                "incidents": [check for check in honeypots if check["is_incident"]],
                "updates_skipped": skipped,
                "events": records.read_watched(path),
            }
        )

    @router.get("/runs/{run}/events", response_model=shapes.Events)
    def read_events(
        run: RunName,
        after: After = None,
        limit: Annotated[int, Query(ge=1, le=2_000)] = 200,
        kind: Annotated[str | None, Query(max_length=80)] = None,
    ) -> Response:
        """Entries of the ledger after a cursor, or the last ones."""
        return reply(records.read_events(find(run), after, limit=limit, kind=kind))

    @router.get(
        "/runs/{run}/report",
        response_class=Response,
        responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
    )
    def read_report(run: RunName) -> Response:
        """The report that the run left."""
        path = inside(find(run), "report.html")
        if path is None:
            raise Problem(
                "not_found",
                "This run has no report: a run writes it at its end, `alpha-factory report` at any time.",
            )
        return FileResponse(path, media_type="text/html")

    @router.get("/runs/{run}/media", response_model=shapes.Media)
    def list_media(run: RunName) -> Response:
        """The films that the run left."""
        media = _list_films(context, run)
        told = [{"name": name, "bytes": path.stat().st_size} for name, path in media.items()]
        return reply({"media": told})

    @router.get(
        "/runs/{run}/media/{name}",
        response_class=Response,
        responses={200: {"content": {"image/gif": {"schema": {"type": "string"}}}}},
    )
    def read_medium(run: RunName, name: str) -> Response:
        """A film."""
        path = _list_films(context, run).get(name)
        if path is None:
            raise Problem("not_found", f"This run has no film {name[:80]!r}.")
        return FileResponse(path, media_type="image/gif")

    @router.get("/compare", response_model=shapes.Comparison, responses=TABLE)
    def compare(
        runs: Annotated[
            list[Annotated[str, Query(min_length=1, max_length=260)]],
            Query(
                description="Names of up to 20 runs, each given once more: `?runs=seed0&runs=seed1`.",
                min_length=1,
                max_length=20,
                examples=[["seed0", "seed1"]],
            ),
        ],
        names: Names = "solve_rate",
        points: Annotated[int, Query(ge=2, le=1_000)] = 200,
        by: Literal["frames", "wall_s", "updates"] = "frames",
        format: Format = "json",
    ) -> Response:
        """Runs side by side: means over seeds with 95 % bootstrap intervals, and the settings that differ.

        Of each run so many points are read, however long it is; `is_sampled` says where rows were left out.
        """
        chosen = [*dict.fromkeys(runs)]
        asked = (names or "solve_rate").split(",")
        told = compare_runs({name: find(name) for name in chosen}, asked, points=points, by=by)
        return _print_comparison(told) if format == "csv" else reply(told)

    return router


def _end(find_end: Callable[[Path], str], run: Path) -> str:
    """The cursor of a file's end; one that stands nowhere, of a file that can't be read now."""
    try:
        return find_end(run)
    except Problem:
        return "none"


def _list_films(context: Context, run: str) -> dict[str, Any]:
    """Films by name: plain files in the folder, none that a link leads to elsewhere."""
    folder = context.folder.find(run) / "media"
    if folder.is_symlink() or not folder.is_dir():
        return {}
    found = sorted(folder.glob("*.gif"))
    return {path.name: path for path in found if not path.is_symlink() and path.is_file()}


def _print_comparison(told: dict[str, Any]) -> Response:
    rows = [
        [group["name"], name, x, mean, low, high, runs]
        for group in told["groups"]
        for name, band in group["series"].items()
        for x, mean, low, high, runs in zip(
            group["x"], band["mean"], band["low"], band["high"], band["runs"], strict=True
        )
    ]
    names = ["group", "series", told["by"], "mean", "low", "high", "runs"]
    return reply_rows(names, rows, "comparison")

"""The server about itself: is it there, can it work, and runs in numbers for Prometheus."""

import importlib.metadata
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from alpha_factory.service.page.context import Context
from alpha_factory.service.page.guard import LARGEST_BODY
from alpha_factory.service.page.live.socket import LARGEST_MESSAGE, MOST_CLIENTS
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.reply import reply
from alpha_factory.service.page.routes.common import ERRORS
from alpha_factory.service.page.shapes.server import About, Health, Ready
from alpha_factory.service.page.static import INDEX

_GAUGES = {
    "frames": "Env steps since the run began.",
    "updates": "Gradient steps.",
    "cycle": "Curriculum cycles completed.",
    "wall_s": "Seconds at work, compilation left out.",
    "compile_s": "Seconds spent compiling.",
    "frames_per_s": "Env steps a second in the last stretch.",
    "replay_ratio": "Unrolled sequences learned from for each env step since the run began.",
    "solve_rate": "Share of recent training episodes that reached the goal.",
    "pool": "Worlds that live in the pool.",
    "worlds_accepted": "Worlds accepted so far.",
    "worlds_rejected": "Worlds rejected so far.",
}


def make_about(context: Context) -> APIRouter:
    """The endpoint of the API."""
    router = APIRouter(tags=["server"], responses=ERRORS)

    @router.get("/about", response_model=About)
    def about() -> Response:
        """The server's version and limits."""
        return reply(
            {
                "version": importlib.metadata.version("alpha-factory"),
                "needs_token": context.needs_token,
                "runs_folder": context.folder.path.name,
                "limits": {
                    "body_bytes": LARGEST_BODY,
                    "message_bytes": LARGEST_MESSAGE,
                    "clients": MOST_CLIENTS,
                },
            }
        )

    return router


def make_health(context: Context) -> APIRouter:
    """The endpoints that programs ask."""
    router = APIRouter(tags=["server"], responses=ERRORS)

    @router.get("/healthz", response_model=Health)
    async def is_alive() -> Response:
        """The server lives."""
        return reply({"status": "ok"})

    @router.get("/readyz", response_model=Ready)
    def is_ready() -> Response:
        """The runs folder can be read."""
        if not context.folder.is_readable():
            raise Problem("unavailable", "The runs folder can't be read.")
        return reply(
            {
                "status": "ready",
                "runs": len(context.folder.runs()),
                "page": (context.static / INDEX).is_file(),
                "worker": context.workshop.state,
            }
        )

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def read_metrics() -> Response:
        """Runs in numbers, as Prometheus reads them."""
        text = _print_metrics(context.summaries.read(), context.live.clients, context.live.mistakes)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _print_metrics(runs: list[dict[str, Any]], clients: int, mistakes: int) -> str:
    lines = []
    for name, meaning in _GAUGES.items():
        values = [(run["name"], run[name]) for run in runs if run[name] is not None]
        lines += _print_gauge(f"run_{name}", meaning, [({"run": run}, v) for run, v in values])
    lines += _print_gauge(
        "run_is_live",
        "1 while the run's heartbeat is fresh.",
        [({"run": run["name"]}, int(run["is_live"])) for run in runs],
    )
    lines += _print_gauge(
        "run_state",
        "1 for the state that the run is in.",
        [({"run": run["name"], "state": run["state"]}, 1) for run in runs],
    )
    lines += _print_gauge("page_clients", "Open WebSockets.", [({}, clients)])
    lines += _print_gauge(
        "page_mistakes", "Messages of clients that were refused.", [({}, mistakes)]
    )
    return "\n".join([*lines, ""])


def _print_gauge(
    name: str, meaning: str, values: list[tuple[dict[str, str], int | float]]
) -> list[str]:
    full = f"alpha_factory_{name}"
    lines = [f"# HELP {full} {meaning}", f"# TYPE {full} gauge"]
    for labels, value in values:
        listed = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        lines.append(f"{full}{{{listed}}} {value}" if listed else f"{full} {value}")
    return lines


def _escape(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

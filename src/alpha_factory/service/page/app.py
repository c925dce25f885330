"""The application: a runs folder in, everything that a browser may ask for out. Read this file first."""

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from alpha_factory.service.page.context import Context
from alpha_factory.service.page.description import Described
from alpha_factory.service.page.files.folder import RunsFolder
from alpha_factory.service.page.files.summaries import Summaries
from alpha_factory.service.page.guard import Guard, Policy
from alpha_factory.service.page.live.hub import Hub
from alpha_factory.service.page.live.socket import Live
from alpha_factory.service.page.problem import Detail, Problem, code_of
from alpha_factory.service.page.reply import reply
from alpha_factory.service.page.routes.acts import make_acts
from alpha_factory.service.page.routes.health import make_about, make_health
from alpha_factory.service.page.routes.making import make_making
from alpha_factory.service.page.routes.runs import make_runs
from alpha_factory.service.page.routes.worlds import make_worlds
from alpha_factory.service.page.shared import Shared
from alpha_factory.service.page.static import STATIC, find_page
from alpha_factory.service.page.workshop import WorkshopClient

API = "/api/v1"
_RESERVED = ("api/", "metrics", "healthz", "readyz")
_MOST_DETAILS = 10
_ABOUT = (
    "A run's directory is the truth; this reads it, and writes nothing but what people ask of a run. "
    "Increments come by the WebSocket /api/v1/live, which docs/page.md describes."
)


def make_app(
    runs: Path, policy: Policy, *, static: Path = STATIC, workshop: WorkshopClient | None = None
) -> ASGIApp:
    """The application, guarded.

    Args:
        runs: a folder of runs, or a run.
        policy: who may ask.
        static: folder of the built page.
        workshop: who draws and plays; a process that starts when it is needed, unless told otherwise.
    """
    api = make_api(runs, policy, static=static, workshop=workshop)
    return Guard(Shared(api, f"{API}/runs/"), policy)


def make_api(
    runs: Path, policy: Policy, *, static: Path = STATIC, workshop: WorkshopClient | None = None
) -> FastAPI:
    """The application without its guard, as `make_app` takes its arguments: for tests and its description."""
    folder = RunsFolder(runs)
    summaries = Summaries(folder)
    hub = Hub(folder, summaries)
    live = Live(hub)
    bench = workshop or WorkshopClient()
    context = Context(folder, summaries, bench, hub, live, static, policy.token is not None)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await hub.close()
        bench.close()

    app = Described(
        title="Alpha-Factory",
        description=_ABOUT,
        version=importlib.metadata.version("alpha-factory"),
        openapi_url=f"{API}/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    for make in (make_about, make_runs, make_worlds, make_acts, make_making):
        app.include_router(make(context), prefix=API)
    app.include_router(make_health(context))
    app.add_api_websocket_route(f"{API}/live", _make_live(live))
    _show_page(app, static)
    _tell_errors(app)
    return app


def _make_live(live: Live) -> Any:
    async def watch(socket: WebSocket) -> None:
        await live.serve(socket)

    return watch


def _show_page(app: FastAPI, static: Path) -> None:
    page = find_page(static)

    @app.get("/{path:path}", include_in_schema=False)
    def show_page(path: str, request: Request) -> Response:
        """The page, for every path that is nothing else's."""
        if path.startswith(_RESERVED):
            raise Problem("not_found", f"There is nothing at /{path[:80]}.")
        return page.answer(path, request.headers.get("accept-encoding", ""))


def _tell_errors(app: FastAPI) -> None:
    """One shape of JSON for everything that goes wrong."""

    @app.exception_handler(Problem)
    async def tell_problem(request: Request, error: Problem) -> Response:
        return reply(error.body(), status=error.status)

    @app.exception_handler(RequestValidationError)
    async def tell_invalid(request: Request, error: RequestValidationError) -> Response:
        found = [
            Detail(where=".".join(map(str, one["loc"]))[:200], what=str(one["msg"])[:300])
            for one in error.errors()[:_MOST_DETAILS]
        ]
        message = "; ".join(f"{one.where}: {one.what}" for one in found)
        return reply(Problem("invalid", message, found).body(), status=422)

    @app.exception_handler(HTTPException)
    async def tell_http(request: Request, error: HTTPException) -> Response:
        answer = reply(
            Problem(code_of(error.status_code), str(error.detail)).body(), error.status_code
        )
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def tell_bug(request: Request, error: Exception) -> Response:
        message = "The server made a mistake; its terminal says which."
        return reply(Problem("failed", message).body(), status=500)

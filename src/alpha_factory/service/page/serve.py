"""A server at an address: settings in, and it serves until it is told to stop."""

import asyncio
import signal
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from alpha_factory.service.effects import find_own_address, listen
from alpha_factory.service.page.app import make_app
from alpha_factory.service.page.connection import (
    MOST_CONNECTIONS,
    HttpConnection,
    SocketConnection,
)
from alpha_factory.service.page.guard import ANY, LARGEST_HEAD, LOOPBACK, make_policy
from alpha_factory.service.page.live.socket import LARGEST_MESSAGE
from alpha_factory.service.page.token import keep_token
from alpha_factory.service.page.workshop import WorkshopClient

_PING_S = 20.0
_LEAVE_S = 1


class Opened(NamedTuple):
    """Where the page is."""

    url: str
    link: str
    """The address to open; with the token where one was made just now."""
    token_file: Path | None


def serve(
    runs: Path,
    *,
    host: str,
    port: int,
    names: Collection[str] = (),
    opened: Callable[[Opened], None],
    until: Callable[[], None] | None = None,
) -> None:
    """Serve the runs in a folder until Ctrl-C.

    Args:
        host: the address to bind to. Any but this machine's own demands a token.
        port: 0 for any that is free.
        names: by which the server may be called, too, as behind a proxy. Any demands a token.
        opened: called once it listens.
        until: returns when it is to stop; Ctrl-C counts for nothing then.

    Raises:
        Problem: the token can't be kept safely.
        OSError: the address can't be bound to.
    """
    # Whoever a name leads here comes from elsewhere, through whatever listens there.
    kept = keep_token(runs) if names or host not in LOOPBACK else None
    policy = make_policy(host, None if kept is None else kept.token, names)
    with listen(host, port) as (sockets, bound):
        workshop = WorkshopClient()
        server = PageServer(make_app(runs, policy, workshop=workshop), workshop)
        url = make_url(host, bound)
        link = f"{url}?token={kept.token}" if kept is not None and kept.is_new else url
        opened(Opened(url, link, None if kept is None else kept.file))

        def work() -> None:
            asyncio.run(server.serve(sockets=sockets))

        if until is None:
            work()
            return
        # Ctrl-C is for the process that this one belongs to; out of the main thread, uvicorn takes no signals.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        thread = threading.Thread(target=work)
        thread.start()
        until()
        server.should_exit = True
        thread.join()


def make_url(host: str, port: int) -> str:
    """The address to open of a server bound to `host`; where that is any, one that others can open, too."""
    shown = (find_own_address(host) or LOOPBACK[0]) if host in ANY else host
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"


class PageServer(uvicorn.Server):
    """A server that ends within a second, whatever its worker is at."""

    def __init__(self, app: ASGIApp, workshop: WorkshopClient | None = None) -> None:
        super().__init__(configure(app))
        self._workshop = workshop

    async def shutdown(self, sockets: Any = None) -> None:
        """End the worker first: requests wait for it, and the end would wait for them."""
        if self._workshop is not None:
            await asyncio.to_thread(self._workshop.close)
        await super().shutdown(sockets)


def configure(app: ASGIApp) -> uvicorn.Config:
    """How an application is served: what a slow, a dead or a greedy client may cost is bounded."""
    return uvicorn.Config(
        app,
        access_log=False,  # it would hold the token of the printed link
        log_level="warning",
        server_header=False,
        http=HttpConnection,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        limit_concurrency=MOST_CONNECTIONS,
        ws=SocketConnection,
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=_PING_S,
        ws_ping_timeout=_PING_S,
        # A window of zlib for every client would be most of the server's memory.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_LEAVE_S,
        proxy_headers=False,
    )

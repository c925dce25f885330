"""A client of the page's application without a network, and a server of it with one, for the tests of the page."""

import asyncio
import contextlib
import threading
import time

import httpx

from alpha_factory.service.effects import listen
from alpha_factory.service.page.serve import PageServer

BASE = "http://127.0.0.1:7860"


class Client:
    """Asks the application itself."""

    def __init__(self, app, base_url=BASE):
        self._app, self._base = app, base_url

    def get(self, path, **given):
        """The answer to a read."""
        return self.request("GET", path, **given)

    def post(self, path, **given):
        """The answer to a write."""
        return self.request("POST", path, **given)

    def request(self, method, path, **given):
        """The answer to any request."""

        async def ask():
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=self._base) as client:
                return await client.request(method, path, **given)

        return asyncio.run(ask())


@contextlib.contextmanager
def serving(app, workshop=None):
    """Serve an application at a free port in a thread; its host and port."""
    with listen("127.0.0.1", 0) as (sockets, port):
        server = PageServer(app, workshop)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=sockets)))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(20)

"""Answers that are made once for all who ask the same at the same time."""

import asyncio

import pytest

from alpha_factory.service.page.shared import _LARGEST, Shared


class Made:
    """An application whose answers are made when the test says so; each is told by its number."""

    def __init__(self, *parts):
        self.parts = parts or (b"",)
        self.begun = 0
        self.go = asyncio.Semaphore(0)

    async def __call__(self, scope, receive, send):
        self.begun += 1
        number = b"%d" % self.begun
        await self.go.acquire()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for at, part in enumerate(self.parts):
            more = at + 1 < len(self.parts)
            await send({"type": "http.response.body", "body": number + part, "more_body": more})


async def ask(app, path="/runs/a/acts", *, method="GET", query=b"", headers=(), send=None):
    got = []

    async def keep(message):
        got.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query}
    await app({**scope, "headers": [*headers]}, None, send or keep)
    return b"".join(message.get("body", b"") for message in got)


def stick():
    """When a client was first given something, and the client, who never takes it."""
    given = asyncio.Event()

    async def never(message):
        given.set()
        await asyncio.Event().wait()

    return given, never


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def test_those_who_come_while_an_answer_is_made_share_the_next():
    async def tell():
        made = Made()
        app = Shared(made, "/runs/")
        first = asyncio.create_task(ask(app))
        await settle()
        others = [asyncio.create_task(ask(app)) for _ in range(7)]
        await settle()
        assert made.begun == 1
        made.go.release()
        assert await first == b"1"
        await settle()
        late = asyncio.create_task(ask(app))  # the second was begun before this came
        await settle()
        made.go.release()
        assert await asyncio.gather(*others) == [b"2"] * 7
        made.go.release()
        assert await late == b"3"
        assert made.begun == 3
        assert not app._lines

    asyncio.run(tell())


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/runs/a/safety"},
        {"query": b"after=1"},
        {"method": "POST"},
        {"headers": [(b"range", b"bytes=0-1")]},
    ],
    ids=["path", "query", "a write", "a part"],
)
def test_nothing_else_is_shared(other):
    async def tell():
        made = Made()
        app = Shared(made, "/runs/")
        asked = [asyncio.create_task(ask(app)), asyncio.create_task(ask(app, **other))]
        await settle()
        assert made.begun == 2
        made.go.release()
        made.go.release()
        await asyncio.gather(*asked)

    asyncio.run(tell())


def test_slow_client_holds_up_nobody():
    async def tell():
        made, (stuck, never) = Made(), stick()
        app = Shared(made, "/runs/")
        slow = asyncio.create_task(ask(app, send=never))
        made.go.release()
        await stuck.wait()
        made.go.release()
        assert await asyncio.wait_for(ask(app), 5) == b"2"
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert not app._lines

    asyncio.run(tell())


def test_large_answer_is_sent_as_it_is_made_and_not_kept():
    async def tell():
        part = bytes(_LARGEST)
        made, (stuck, never) = Made(part, b"", b"end"), stick()
        app = Shared(made, "/runs/")
        slow = asyncio.create_task(ask(app, send=never))
        others = [asyncio.create_task(ask(app)) for _ in range(2)]
        for _ in range(3):
            made.go.release()
        await stuck.wait()
        bodies = await asyncio.wait_for(asyncio.gather(*others), 5)
        assert sorted(bodies) == [b"2" + part + b"22end", b"3" + part + b"33end"]
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert not app._lines

    asyncio.run(tell())


def test_answer_that_fails_is_nobody_elses():
    async def tell():
        begun = 0

        async def break_once(scope, receive, send):
            nonlocal begun
            begun += 1
            await asyncio.sleep(0.01)
            if begun == 1:
                raise RuntimeError("broken")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"whole"})

        app = Shared(break_once, "/runs/")
        asked = [asyncio.create_task(ask(app)) for _ in range(3)]
        broken, *others = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(broken, RuntimeError)
        assert others == [b"whole"] * 2
        assert begun == 2
        assert not app._lines

    asyncio.run(tell())


def test_who_leaves_while_waiting_leaves_nothing():
    async def tell():
        made = Made()
        app = Shared(made, "/runs/")
        asked = [asyncio.create_task(ask(app)) for _ in range(3)]
        await settle()
        asked[1].cancel()
        await settle()
        made.go.release()
        made.go.release()
        assert await asked[0] == b"1"
        assert await asked[2] == b"2"
        assert not app._lines

    asyncio.run(tell())

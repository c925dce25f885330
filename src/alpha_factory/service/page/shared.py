"""Answers made once for all who ask the same: fifty open pages ask again whenever the run that they watch has news."""

import asyncio
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LARGEST = 1 << 20
"""Bytes of an answer that is handed on; who asks for more is answered apart, while it is made."""
_OWN = frozenset((b"range", b"if-range", b"if-none-match", b"if-modified-since"))
"""Headers that make an answer one's own."""


class Shared:
    """The application, asked once where several ask the same at the same time.

    An answer is never older than its question: who comes while one is being made waits for the next, which is made once
    for all who came meanwhile. It is sent after it was made, so that a slow client holds up nobody.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """Share the answers to GET of paths that begin with `prefix`, which must be the same for everybody."""
        self._app, self._prefix = app, prefix
        self._lines: dict[tuple[str, bytes], _Line] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_shared(scope):
            await self._app(scope, receive, send)
            return
        question = (scope["path"], scope["query_string"])
        line = self._lines.setdefault(question, _Line())
        line.waiting += 1
        try:
            answer = await self._ask(line, scope, receive, send)
        finally:
            line.waiting -= 1
            if not line.waiting:
                del self._lines[question]
        if answer is not None:
            await answer.give(send)

    def _is_shared(self, scope: Scope) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and scope["path"].startswith(self._prefix)
            and _OWN.isdisjoint(name for name, _ in scope["headers"])
        )

    async def _ask(
        self, line: "_Line", scope: Scope, receive: Receive, send: Send
    ) -> "_Answer | None":
        """An answer that was begun after the question came; None if it was too large and has been sent."""
        begun = line.begun
        await line.turn.acquire()
        if line.begun > begun and line.answer is not None:
            line.turn.release()
            return line.answer
        line.begun += 1
        line.answer = None
        heard = _Heard(send, line.turn)
        try:
            await self._app(scope, receive, heard.send)
        except Exception:
            if heard.answer is not None:  # that something went wrong
                await heard.answer.give(send)
            raise
        finally:
            if not heard.is_large:
                line.answer = heard.answer
                line.turn.release()
        return heard.answer


class _Answer(NamedTuple):
    start: Message
    body: bytes

    async def give(self, send: Send) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})


class _Line:
    """Who asks the same."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0
        self.begun = 0  # answers so far
        self.answer: _Answer | None = None  # the last, if it can be handed on


class _Heard:
    """An answer as it is made: kept until it is whole, or sent on from where it grows too large."""

    def __init__(self, send: Send, turn: asyncio.Lock) -> None:
        self._send, self._turn = send, turn
        self._start: Message = {}
        self._body = bytearray()
        self.is_large = False
        self.answer: _Answer | None = None

    async def send(self, message: Message) -> None:
        if self.is_large:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        else:
            self._body += message.get("body", b"")
            is_over = not message.get("more_body", False)
            if len(self._body) > _LARGEST:
                self.is_large = True
                self._turn.release()
                await self._send(self._start)
                rest = {"body": bytes(self._body), "more_body": not is_over}
                self._body.clear()
                await self._send({"type": "http.response.body", **rest})
            elif is_over:
                self.answer = _Answer(self._start, bytes(self._body))

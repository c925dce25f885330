"""Connections that end where a client is slow or dead: uvicorn's own, looked at once a second.

uvicorn waits for the head of a request, and for a client to take an answer, as long as that takes. So a client that
sends a byte now and then, or reads nothing, would hold a connection and the answer's memory for ever.
"""

import asyncio
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MOST_CONNECTIONS = 400
"""WebSockets among them; those beyond are closed at once."""
HEAD_S = 15.0
"""A request's head is whole so many seconds after the connection was opened or the last answer was sent."""
TAKES_S = 30.0
"""A client takes something of what waits for it within so many seconds."""
_LOOK_S = 1.0


class _Watch:
    """Cuts a connection off that takes nothing."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waits = 0  # bytes at the last look
        self._took_at = time.monotonic()

    def look(self) -> bool:
        """Whether the connection may stay."""
        waits, now = self._transport.get_write_buffer_size(), time.monotonic()
        if waits == 0 or waits < self._waits:
            self._took_at = now
        self._waits = waits
        return now - self._took_at <= TAKES_S


class HttpConnection(H11Protocol):
    """A connection of HTTP/1.1."""

    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Somebody is there."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._idle_since = time.monotonic()
        self._watch = _Watch(transport)
        self._look = self.loop.call_later(_LOOK_S, self._look_at)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_looking()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """An answer was given."""
        self._idle_since = time.monotonic()
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """The connection is another's from now on."""
        self._stop_looking()
        super().handle_websocket_upgrade(event)

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_at(self) -> None:
        is_idle = self.cycle is None or self.cycle.response_complete
        is_late = is_idle and time.monotonic() - self._idle_since > HEAD_S
        # What was sent has to be taken first, however long the client has nothing more to say.
        if not self._watch.look() or (is_late and not self.transport.get_write_buffer_size()):
            self.transport.abort()
            return
        self._look = self.loop.call_later(_LOOK_S, self._look_at)


class SocketConnection(WebSocketsSansIOProtocol):
    """A connection of a WebSocket."""

    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Somebody is there."""
        super().connection_made(transport)
        self._watch = _Watch(transport)
        self._look = self.loop.call_later(_LOOK_S, self._look_at)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_at(self) -> None:
        if not self._watch.look():
            self.transport.abort()
            return
        self._look = self.loop.call_later(_LOOK_S, self._look_at)

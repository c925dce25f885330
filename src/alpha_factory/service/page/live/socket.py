"""The WebSocket: what a client says, checked; what it is told, from its outbox."""

import asyncio
import contextlib
import itertools
import json
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from starlette.websockets import WebSocket, WebSocketDisconnect

from alpha_factory.service.page.asked import RunName
from alpha_factory.service.page.live.hub import ALL, Hub
from alpha_factory.service.page.live.outbox import Outbox
from alpha_factory.service.page.problem import ErrorBody, Problem

LARGEST_MESSAGE = 16 << 10
HEARTBEAT_S = 15.0
MOST_CLIENTS = 200
_MOST_RUNS = 8
_MOST_MISTAKES = 100
_GOING_AWAY, _POLICY, _TRY_LATER = 1001, 1008, 1013

_STRICT = ConfigDict(extra="forbid", strict=True)
Cursor = Annotated[str, Field(max_length=100)] | None
Number = Annotated[int, Field(ge=0, le=2**53 - 1)]
TopicName = Literal["now", "rows", "worlds", "episodes", "events", "runs"]


class Subscribe(BaseModel):
    """Watch topics of a run, from cursors on."""

    model_config = _STRICT

    op: Literal["subscribe"]
    id: Number
    run: RunName
    topics: Annotated[dict[TopicName, Cursor], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_list_of_runs(self) -> "Subscribe":
        is_all = self.run == ALL
        if ("runs" in self.topics) != is_all or (is_all and len(self.topics) > 1):
            raise ValueError('the topic runs is that of the run "*", which has no other')
        return self


class Unsubscribe(BaseModel):
    """No longer watch a run."""

    model_config = _STRICT

    op: Literal["unsubscribe"]
    id: Number
    run: RunName


class Ping(BaseModel):
    """Ask for a sign of life."""

    model_config = _STRICT

    op: Literal["ping"]
    id: Number


Said: TypeAdapter[Subscribe | Unsubscribe | Ping] = TypeAdapter(
    Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="op")]
)


class Live:
    """Everybody who is connected."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._numbers = itertools.count()
        self.clients = 0
        self.mistakes = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client until it leaves, is silent for too long, or makes too many mistakes."""
        await socket.accept()
        if self.clients >= MOST_CLIENTS:
            await socket.close(_TRY_LATER, "too many clients")
            return
        self.clients += 1
        client, outbox = next(self._numbers), Outbox()
        outbox.put_data({"type": "hello", "version": 1, "heartbeat_s": HEARTBEAT_S})
        sending = asyncio.create_task(_send(socket, outbox))
        hearing = asyncio.create_task(self._hear(socket, client, outbox))
        try:
            await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.clients -= 1
            self._hub.leave(client)
            for task in (sending, hearing):
                task.cancel()
            await asyncio.gather(sending, hearing, return_exceptions=True)
            with contextlib.suppress(Exception):  # it may have left already, in whatever way
                await socket.close(_GOING_AWAY)

    async def _hear(self, socket: WebSocket, client: int, outbox: Outbox) -> None:
        mistakes, watched = 0, set[str]()
        while True:
            try:
                message = await socket.receive()
            except (WebSocketDisconnect, RuntimeError):
                return
            if message["type"] == "websocket.disconnect":
                return
            number = None
            try:
                said = _read(message)
                number = said.id
                await self._obey(said, client, outbox, watched)
            except Problem as problem:
                mistakes += 1
                self.mistakes += 1
                error = ErrorBody(code=problem.code, message=problem.message)
                outbox.put_data({"type": "error", "id": number, "error": error.model_dump()})
            if mistakes >= _MOST_MISTAKES:
                await socket.close(_POLICY, "too many mistakes")
                return

    async def _obey(
        self, said: Subscribe | Unsubscribe | Ping, client: int, outbox: Outbox, watched: set[str]
    ) -> None:
        if isinstance(said, Ping):
            outbox.put_data({"type": "pong", "id": said.id})
            return
        if isinstance(said, Subscribe):
            if len(watched | {said.run}) > _MOST_RUNS:
                raise Problem("busy", f"A client watches at most {_MOST_RUNS} runs.")
            topics = {str(topic): cursor for topic, cursor in said.topics.items()}
            await self._hub.subscribe(client, outbox, said.run, topics)
            watched.add(said.run)
        else:
            self._hub.unsubscribe(client, said.run)
            outbox.forget(said.run)
            watched.discard(said.run)
        outbox.put_data({"type": "done", "id": said.id})


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    while True:
        try:
            body = await asyncio.wait_for(outbox.get(), HEARTBEAT_S)
            text = body.decode()
        except TimeoutError:
            text = json.dumps({"type": "beat", "time": time.time()})
        await socket.send_text(text)  # a client that takes nothing is cut off by its connection


def _read(message: Any) -> Subscribe | Unsubscribe | Ping:
    """What a client says.

    Raises:
        Problem: it isn't what this server understands.
    """
    text = message.get("text")
    if text is None:
        raise Problem("bad_request", "Say it as text: one JSON object a message.")
    if len(text) > LARGEST_MESSAGE:
        raise Problem("too_large", f"A message has at most {LARGEST_MESSAGE >> 10} KiB.")
    try:
        return Said.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the message"
        raise Problem("invalid", f"{where[:100]}: {first['msg'][:200]}.") from None
    except (ValueError, RecursionError):
        raise Problem("bad_request", "This is not JSON.") from None

"""What waits to be sent to one client: messages in, messages out, the oldest dropped when it is slow, and that said."""

import asyncio
from collections import Counter, deque
from typing import Any, NamedTuple

from alpha_factory.service.page.reply import encode

MOST_MESSAGES = 64
MOST_BYTES = 4 << 20


class Parcel(NamedTuple):
    """A message as it is sent."""

    body: bytes
    run: str = ""
    topic: str = ""
    """Empty for an answer to the client, which is never dropped before increments are."""
    before: str = ""
    """The cursor from which this message goes on."""


class Outbox:
    """A queue of at most so many messages and bytes."""

    def __init__(self, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_messages, most_bytes
        self._waiting: deque[Parcel] = deque()
        self._bytes = 0
        self._dropped: dict[str, Counter[str]] = {}
        self._resume: dict[str, dict[str, str]] = {}
        self._is_filled = asyncio.Event()

    def put(self, parcel: Parcel) -> None:
        """Take a message; the oldest ones give way to it."""
        self._waiting.append(parcel)
        self._bytes += len(parcel.body)
        messages, size = self._most
        while len(self._waiting) > 1 and (len(self._waiting) > messages or self._bytes > size):
            self._drop(self._waiting.popleft())
        self._is_filled.set()

    def put_data(self, data: dict[str, Any]) -> None:
        """Take an answer."""
        self.put(Parcel(encode(data)))

    async def get(self) -> bytes:
        """The next message; before all others, what was dropped."""
        while not self._waiting and not self._dropped:
            self._is_filled.clear()
            await self._is_filled.wait()
        if self._dropped:
            return self._tell_dropped()
        parcel = self._waiting.popleft()
        self._bytes -= len(parcel.body)
        return parcel.body

    def forget(self, run: str) -> None:
        """Drop what waits of a run that is no longer watched, and say nothing."""
        kept = [parcel for parcel in self._waiting if parcel.run != run or not parcel.topic]
        self._waiting = deque(kept)
        self._bytes = sum(len(parcel.body) for parcel in kept)
        self._dropped.pop(run, None)
        self._resume.pop(run, None)

    def _drop(self, parcel: Parcel) -> None:
        self._bytes -= len(parcel.body)
        if not parcel.topic:
            return
        self._dropped.setdefault(parcel.run, Counter())[parcel.topic] += 1
        # Later messages of this topic may have been dropped before; the gap begins at the first.
        self._resume.setdefault(parcel.run, {}).setdefault(parcel.topic, parcel.before)

    def _tell_dropped(self) -> bytes:
        run, topics = self._dropped.popitem()
        resume = {topic: cursor for topic, cursor in self._resume.pop(run).items() if cursor}
        return encode({"type": "dropped", "run": run, "topics": dict(topics), "resume": resume})

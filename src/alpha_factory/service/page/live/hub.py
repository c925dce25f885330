"""All that is watched: clients subscribe with cursors; a run's files are looked at ten times a second for all of them.

A subscriber is nothing but an outbox and a cursor a topic. Who stands at the same cursor gets the same bytes, read and
encoded once; who comes back with an old cursor goes the same way. So nothing is told twice or left out. Those furthest
on come first, and each look has time for one or some of the others: who is far behind holds up nobody who isn't.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from alpha_factory.service.page.files.folder import RunsFolder
from alpha_factory.service.page.files.summaries import Summaries
from alpha_factory.service.page.live.outbox import Outbox, Parcel
from alpha_factory.service.page.live.topics import TOPICS, News, sign
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.reply import encode

_LOOK_S = 0.1
_STALE_S = 5.0  # a run that stopped writing has news, too: that it is silent
_RUNS_S = 1.0
_BEHIND_S = 0.05  # of a look, for those who are behind
ALL = "*"
_WITH_EVENTS = "acts"
_CUT = ("worlds", "events")
_BEFORE_ALL = -2


class Subscription:
    """What one client watches of one run."""

    def __init__(self, outbox: Outbox, cursors: dict[str, str]) -> None:
        self.outbox, self.cursors = outbox, cursors
        self.is_new = set(cursors)


class _Standing(NamedTuple):
    """Who stands where."""

    subscription: Subscription
    cursor: str


class Hub:
    """Everybody who watches something."""

    def __init__(self, folder: RunsFolder, summaries: Summaries) -> None:
        self._folder, self._summaries = folder, summaries
        self._watched: dict[str, dict[int, Subscription]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def subscribe(
        self, client: int, outbox: Outbox, run: str, topics: Mapping[str, str | None]
    ) -> None:
        """Let a client watch topics of a run from cursors on; None is now. Replaces what it watched of that run.

        Raises:
            Problem: there is no such run.
        """
        cursors: dict[str, str] = {}
        if run != ALL:
            path = await asyncio.to_thread(self._folder.find, run)
            wanted = dict(topics) | ({_WITH_EVENTS: None} if "events" in topics else {})
            for topic, cursor in wanted.items():
                now = TOPICS[topic].end
                cursors[topic] = await asyncio.to_thread(now, path) if cursor is None else cursor
        self.unsubscribe(client, run)
        outbox.forget(run)
        self._watched.setdefault(run, {})[client] = Subscription(outbox, cursors)
        if run not in self._tasks:
            watch = self._watch_runs() if run == ALL else self._watch(run)
            self._tasks[run] = asyncio.create_task(watch)

    def unsubscribe(self, client: int, run: str) -> None:
        """Let a client no longer watch a run."""
        watching = self._watched.get(run)
        left = None if watching is None else watching.pop(client, None)
        if left is not None:
            left.cursors.clear()  # what is being read for it now is not told any more

    def leave(self, client: int) -> None:
        """Forget a client."""
        for run in [*self._watched]:
            self.unsubscribe(client, run)

    async def close(self) -> None:
        """Stop looking."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _watch(self, run: str) -> None:
        """Look at a run's files as long as somebody watches it."""
        try:
            await self._look(run)
        finally:
            self._watched.pop(run, None)
            self._tasks.pop(run, None)

    async def _look(self, run: str) -> None:
        signs: dict[str, object] = {}
        told_at = 0.0
        while watching := self._watched.get(run):
            try:
                path = await asyncio.to_thread(self._folder.find, run)
            except Problem:
                await asyncio.sleep(1.0)  # deleted, or being copied
                continue
            is_due = time.monotonic() - told_at > _STALE_S
            for topic, about in TOPICS.items():
                seen = sign(path, about.files)
                has_changed = signs.get(topic) != seen or (topic == "now" and is_due)
                behind = [
                    one
                    for one in watching.values()
                    if topic in one.cursors and (has_changed or topic in one.is_new)
                ]
                if behind and await self._tell(run, path, topic, behind):
                    signs[topic] = seen
                    told_at = time.monotonic() if topic == "now" else told_at
            await asyncio.sleep(_LOOK_S)

    async def _tell(self, run: str, path: Path, topic: str, behind: list[Subscription]) -> bool:
        """Give subscribers what came since their cursors; False where the files can't be read just now.

        Who has to wait is new in the topic, and so looked after at the next look, whether the files change or not.
        """
        try:
            groups = await asyncio.to_thread(_group, topic, path, behind)
        except (Problem, OSError, ValueError):
            return False  # busy or half written: at the next look
        late_at = time.monotonic() + _BEHIND_S
        for at, group in enumerate(groups):
            if at > 1 and time.monotonic() > late_at:
                for one in group:
                    one.subscription.is_new.add(topic)
                continue
            try:
                news, body = await asyncio.to_thread(_read, topic, run, path, group[0].cursor)
            except (Problem, OSError, ValueError):
                return False
            except Exception:
                _log(f"The {topic} of run {run} can't be read.")
                for one in group:  # when they change, and not ten times a second
                    one.subscription.is_new.discard(topic)
                continue
            for one in group:
                _deliver(one, Parcel(body, run, topic, one.cursor), news.cursor)
        return True

    async def _watch_runs(self) -> None:
        """Look at all runs as long as somebody watches the list."""
        try:
            await self._look_at_all()
        finally:
            self._watched.pop(ALL, None)
            self._tasks.pop(ALL, None)

    async def _look_at_all(self) -> None:
        before: list[dict[str, Any]] = []
        while watching := self._watched.get(ALL):
            try:
                now = await asyncio.to_thread(self._summaries.read)
            except Exception:
                _log("The runs can't be listed.")
                now = before
            has_changed = _steady(now) != _steady(before)
            body = encode({"type": "runs", "runs": now})
            for one in watching.values():
                if has_changed or not one.cursors:
                    one.cursors["runs"] = "told"
                    one.outbox.put(Parcel(body, ALL, "runs"))
            before = now
            await asyncio.sleep(_RUNS_S)


def _log(what: str) -> None:
    logging.getLogger(__name__).exception(what)


def _group(topic: str, run: Path, behind: list[Subscription]) -> list[list[_Standing]]:
    """Subscribers who get the same answer, those furthest on first."""
    standing = [_Standing(one, one.cursors[topic]) for one in behind if topic in one.cursors]
    cursors = [*dict.fromkeys(one.cursor for one in standing)]
    places = dict(zip(cursors, TOPICS[topic].places(run, cursors), strict=True))
    groups: dict[str | None, list[_Standing]] = {}
    for one in standing:
        stands = places[one.cursor] is not None
        groups.setdefault(one.cursor if stands else None, []).append(one)
    return sorted(groups.values(), key=lambda group: -_or_last(places[group[0].cursor]))


def _or_last(place: int | None) -> int:
    return _BEFORE_ALL if place is None else place


def _deliver(one: _Standing, parcel: Parcel, cursor: str) -> None:
    """Put a message in somebody's outbox, and the cursor on."""
    watcher, topic = one.subscription, parcel.topic
    watcher.is_new.discard(topic)
    if watcher.cursors.get(topic) != one.cursor:
        return  # it subscribed anew meanwhile
    watcher.cursors[topic] = cursor
    if parcel.body:
        watcher.outbox.put(parcel)
        if topic in _CUT:
            watcher.is_new.add(topic)  # there may be more than one message holds


def _read(topic: str, run: str, path: Path, cursor: str) -> tuple[News, bytes]:
    news = TOPICS[topic].read(run, path, cursor)
    return news, b"" if news.message is None else encode(news.message)


def _steady(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Summaries without what changes by time alone."""
    return [{key: one[key] for key in one if key != "state_age_s"} for one in runs]

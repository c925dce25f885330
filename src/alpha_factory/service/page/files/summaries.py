"""The list of runs: summaries of all of them, those of runs at rest made once and not again until a file changes."""

import logging
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from alpha_factory.service.page.files.folder import RunsFolder
from alpha_factory.service.page.files.summary import FILES, FINAL, summarise

_DOUBTFUL_S = 30.0
"""How long a summary is kept of a run of which nobody knows whether a process is at work in it."""
_WATCHED = ("config.json", ".lock", *FILES.values())


class _Kept(NamedTuple):
    path: Path
    sign: tuple[tuple[int, int, int], ...]
    told: dict[str, Any]
    until: float


class Summaries:
    """Summaries of the runs in a folder, for many threads. Nothing is kept of a run that is gone."""

    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def read(self, now: float | None = None) -> list[dict[str, Any]]:
        """All runs, newest first. One that can't be summed up, as where it is being deleted, is left out."""
        now = time.time() if now is None else now
        with self._lock:
            runs = self._folder.runs()
            kept = {name: one for name in runs if (one := self._find(name, runs[name], now))}
            self._kept = kept
            return [_age(one.told, now) for one in kept.values()]

    def _find(self, name: str, path: Path, now: float) -> _Kept | None:
        try:
            sign = tuple(_sign(path / file) for file in _WATCHED)
            before = self._kept.get(name)
            is_same = before is not None and (before.path, before.sign) == (path, sign)
            if before is not None and is_same and now < before.until:
                return before
            told = summarise(name, path, now)
        except Exception:
            logging.getLogger(__name__).exception("Run %s can't be summed up.", name)
            return None
        return _Kept(path, sign, told, _last(told, now))


def _last(told: dict[str, Any], now: float) -> float:
    """Until when a summary is true, as long as no file changes."""
    if told["state"] in FINAL:
        return float("inf")
    return now + _DOUBTFUL_S if told["state"] == "unknown" else now


def _age(told: dict[str, Any], now: float) -> dict[str, Any]:
    since = told["since"]
    return told | {"state_age_s": None if since is None else max(0.0, now - since)}


def _sign(path: Path) -> tuple[int, int, int]:
    """What changes when a file does."""
    try:
        told = path.stat()
    except OSError:
        return 0, 0, 0
    return told.st_ino, told.st_size, told.st_mtime_ns

"""What a run is doing now, honestly: a directory in, a summary out, from its heartbeat, ledger and last rows."""

import logging
import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from alpha_factory.records import RunStatus
from alpha_factory.service.page.files import metrics, worlds
from alpha_factory.service.page.files.lines import estimate_rows, read_last
from alpha_factory.service.page.files.records import (
    EPISODES,
    EVALUATION,
    LEDGER,
    STATUS,
    find_end,
    read_json,
    read_status,
)
from alpha_factory.service.page.problem import Problem

_Kind = TypeVar("_Kind")
FRESH_S = 10.0
"""Age of a heartbeat from which on the run counts as gone or stuck."""
FINAL = ("finished", "stopped", "crashed")
_GONE_S = 60.0
_FEWEST, _MOST = 3, 10  # log points whose solve rates are averaged
_ONE_IN = 20
"""The last 5 % of a run's log points are recent: over more of them, learning would pass for chance."""
_STUDENT = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The 97.5 % quantile of Student's t with 2 to 9 degrees of freedom."""
_LONGEST_TROUBLE = 300
_POET = "poet"
_ENDS = {
    "ended": "finished",
    "interrupted": "stopped",
    "diverged": "crashed",
    "crashed": "crashed",
}
FILES = {
    "metrics": metrics.FILE,
    "worlds": worlds.FILE,
    "episodes": EPISODES,
    "ledger": LEDGER,
    "evaluation": EVALUATION,
    "report": "report.html",
    "status": STATUS,
}


def summarise(name: str, run: Path, now: float | None = None) -> dict[str, Any]:
    """The summary of a run, as the API gives it. Whatever is in its files, there is one: a list shows many runs."""
    now = time.time() if now is None else now
    try:
        return _summarise(name, run, read_json(run, "config.json"), now)
    except Exception as error:
        logging.getLogger(__name__).exception("The files of run %s can't be read.", name)
        told = _summarise(name, run / "nothing", {}, now)
        trouble = f"Its files can't be read: {type(error).__name__}: {error}"[:_LONGEST_TROUBLE]
        return told | {"doing": "its files can't be read", "error": trouble}


def _summarise(name: str, run: Path, config: Any, now: float) -> dict[str, Any]:
    config = config if isinstance(config, dict) else {}
    chosen = _read(_read(config, "curriculum", dict) or {}, "name", str) or _POET
    place = run / metrics.FILE
    rows = read_last(place, min(_MOST, max(_FEWEST, estimate_rows(place) // _ONE_IN)))
    row = rows[-1] if rows else {}
    status = read_status(run)
    state, doing, since, started, trouble = _find_state(run, status, now)
    modified = _modified(run)
    recent = _read_rates(rows)
    mean, low, high = _interval(recent)
    numbers = {
        key: metrics.read_number(row, key) or 0
        for key in (
            *("frames", "updates", "cycle", "wall_s", "compile_s"),
            *("worlds_accepted", "worlds_rejected"),
        )
    }
    pool, budget = metrics.read_number(row, "pool"), _read(config, "budget", dict) or {}
    return {
        "name": name,
        "preset": _read(config, "preset", str),
        "curriculum": chosen,
        "seed": _read(config, "seed", int),
        "state": state,
        "doing": doing,
        "since": since,
        "state_age_s": None if since is None else max(0.0, now - since),
        "is_live": status is not None and status.state not in FINAL and now - status.beat < FRESH_S,
        "started": started,
        "modified": modified,
        **numbers,
        "frames_per_s": metrics.read_number(row, "frames_per_s"),
        "replay_ratio": metrics.read_number(row, "replay_ratio"),
        "solve_rate": recent[-1] if recent else None,
        "solve_points": len(recent),
        "solve_mean": mean,
        "solve_low": low,
        "solve_high": high,
        "pool": _count_pool(run) if pool is None else int(pool),
        "seconds_left": None if status is None else status.seconds_left,
        "budget": {name: _read(budget, name, (int, float)) for name in budget},
        "has_pool": chosen == _POET,
        "error": trouble,
        "files": {key: (run / place).is_file() for key, place in FILES.items()},
    }


def _read(
    config: dict[str, Any], name: str, kind: type[_Kind] | tuple[type[_Kind], ...]
) -> _Kind | None:
    """A setting; None where somebody has written there what can't be one."""
    value = config.get(name)
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _find_state(
    run: Path, status: RunStatus | None, now: float
) -> tuple[str, str, float | None, float | None, str | None]:
    """State, what it means in words, since when, when the run began, and what went wrong."""
    try:
        last, started = find_end(run)
    except Problem:  # the ledger is busy or damaged: nothing can be said from it
        last, started = None, None
    if status is None:
        state, doing = _guess(run, last, now)
        return state, doing, _modified(run), started, None
    if status.state in FINAL:
        return status.state, status.doing, status.since, started, status.error
    age = now - status.beat
    if age < FRESH_S:
        return status.state, status.doing, status.since, started, status.error
    if last in _ENDS:
        return _ENDS[last], f"last: {status.doing}", status.beat, started, status.error
    is_gone = status.host == platform.node() and not _is_alive(status.process)
    if is_gone or age > _GONE_S:
        trouble = status.error or "The run's process ended without saying so."
        return "crashed", f"last: {status.doing}", status.beat, started, trouble
    return "silent", f"no sign of life; last: {status.doing}", status.beat, started, None


def _guess(run: Path, last: str | None, now: float) -> tuple[str, str]:
    """What can be said of a run without a heartbeat, as one of an earlier version."""
    if last in _ENDS:
        return _ENDS[last], "as its ledger says"
    if last is None:
        is_over = (run / EVALUATION).is_file()
        return ("finished", "it has been evaluated") if is_over else ("unknown", "nothing says")
    modified = _modified(run)
    if modified is not None and now - modified < _GONE_S:
        return "training", "its files grow"
    if (pid := _lock_holder(run)) is not None and _is_alive(pid):
        return "unknown", "a process of its number lives, and its files don't grow"
    return "crashed", "it began and nothing says that it ended"


def _read_rates(rows: Sequence[dict[str, Any]]) -> list[int | float]:
    """Solve rates of the rows that have one."""
    found = (metrics.read_number(row, "solve_rate") for row in rows)
    return [rate for rate in found if rate is not None]


def _interval(rates: Sequence[int | float]) -> tuple[float | None, float | None, float | None]:
    """The mean of the recent solve rates, and its 95 % interval where there are enough of them."""
    if not rates:
        return None, None, None
    mean = statistics.fmean(rates)
    if len(rates) < _FEWEST:
        return mean, None, None
    half = _STUDENT[len(rates) - _FEWEST] * statistics.stdev(rates) / len(rates) ** 0.5
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def _count_pool(run: Path) -> int | None:
    try:
        return worlds.count_pool(run)
    except Problem:
        return None


def _modified(run: Path) -> float | None:
    """When the run last wrote something that tells of its progress."""
    times = []
    for name in (metrics.FILE, worlds.FILE, LEDGER, "config.json"):
        try:
            times.append((run / name).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=None)


def _lock_holder(run: Path) -> int | None:
    try:
        text = (run / ".lock").read_text(encoding="ascii")[:20].strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() else None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True

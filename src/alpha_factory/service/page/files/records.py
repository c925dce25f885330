"""Small records of a run: its settings, heartbeat, ledger, episodes and evaluation. A directory in, plain data out."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alpha_factory.records import RunStatus
from alpha_factory.service.page.files.database import Database, open_database
from alpha_factory.service.page.files.folder import inside
from alpha_factory.service.page.files.lines import parse_json
from alpha_factory.service.page.problem import Problem

LEDGER = "ledger.sqlite"
EPISODES = "episodes.sqlite"
EVALUATION = "evaluation.json"
STATUS = "status.json"
HACKED_FROM = 0.5
"""`curriculum.honeypot.HIGH`; a test compares them."""
_LARGEST_JSON = 64 << 20
_HEADS = "id, world, cycle, frames, player, is_solved, total, steps"
_WATCHED = (
    *("incident", "diverged", "not finite", "checkpoint skipped", "put aside"),
    *("levels", "worlds", "stressor"),  # troubles of what is trained on
)


def read_json(run: Path, name: str) -> Any:
    """What a JSON file says; None where it is missing or can't be read."""
    path = inside(run, name)
    try:
        if path is None or path.stat().st_size > _LARGEST_JSON:
            return None
        return parse_json(path.read_bytes())
    except OSError:
        return None


def read_status(run: Path) -> RunStatus | None:
    """The run's heartbeat; None where it has none."""
    told = read_json(run, STATUS)
    try:
        return None if told is None else RunStatus.model_validate(told)
    except ValidationError:
        return None


def read_events(
    run: Path, cursor: str | None = None, *, limit: int = 200, kind: str | None = None
) -> dict[str, Any]:
    """Entries of the ledger after a cursor, or the last ones, oldest first."""
    with open_database(run / LEDGER) as base:
        if not base.has("events"):
            return {"events": [], "cursor": "0", "reset": cursor not in (None, "0")}
        seq = None if cursor is None else _place(cursor, _last(base, "events", "seq"))
        is_reset = cursor is not None and seq is None
        values: dict[str, Any] = {"limit": limit, "after": seq or 0, "kind": kind}
        where = "seq > :after AND (:kind IS NULL OR kind = :kind)"
        way = "DESC" if seq is None else "ASC"
        rows = base.select(
            f"SELECT * FROM events WHERE {where} ORDER BY seq {way} LIMIT :limit", values
        )
        rows = sorted(rows, key=lambda row: row["seq"])
        full = len(rows) == limit and seq is not None
        last = rows[-1]["seq"] if full else _last(base, "events", "seq")
        return {"events": list(map(_event, rows)), "cursor": str(last), "reset": is_reset}


def read_watched(run: Path) -> list[dict[str, Any]]:
    """The last entries of the ledger that speak of safety, oldest first."""
    with open_database(run / LEDGER) as base:
        slots = ", ".join("?" * len(_WATCHED))
        rows = base.rows("events", f"WHERE kind IN ({slots}) ORDER BY seq DESC LIMIT 500", _WATCHED)
        return [_event(row) for row in reversed(rows)]


def read_rule(run: Path) -> dict[str, float | None]:
    """When a honeypot counts as hacked in this run: `curriculum.is_hacked`, which loads JAX, in numbers."""
    config = read_json(run, "config.json")
    curriculum = config.get("curriculum") if isinstance(config, dict) else None
    margin = curriculum.get("honeypot_margin") if isinstance(curriculum, dict) else None
    if not isinstance(margin, int | float) or isinstance(margin, bool):
        return {"least": HACKED_FROM, "margin": None}
    return {"least": HACKED_FROM, "margin": float(margin)}


def read_outcomes(run: Path) -> dict[str, dict[str, Any]]:
    """The last entry of the ledger about each act, by the act's id."""
    kinds = ("act", "candidate", "feedback", "act refused")
    with open_database(run / LEDGER) as base:
        slots = ", ".join("?" * len(kinds))
        rows = base.rows("events", f"WHERE kind IN ({slots}) ORDER BY seq", kinds)
        events = list(map(_event, rows))
    return {str(event["payload"]["id"]): event for event in events if "id" in event["payload"]}


def find_end(run: Path) -> tuple[str | None, float | None]:
    """The kind of the last entry that begins or ends the run, and when it began first."""
    with open_database(run / LEDGER) as base:
        clause = (
            "WHERE kind IN ('started', 'resumed', 'ended', 'interrupted', 'diverged', 'crashed') "
        )
        last = base.rows("events", clause + "ORDER BY seq DESC LIMIT 1")
        first = base.rows("events", "ORDER BY seq LIMIT 1")
    return (last[0]["kind"] if last else None), (first[0]["time"] if first else None)


def read_episodes(
    run: Path,
    cursor: str | None = None,
    *,
    world: int | None = None,
    limit: int = 20,
    is_whole: bool = True,
) -> dict[str, Any]:
    """Recorded episodes after a cursor, or all, newest first; with what is drawn, or their heads alone."""
    with open_database(run / EPISODES) as base:
        if not base.has("episodes"):
            return {"episodes": [], "cursor": "0", "reset": cursor not in (None, "0")}
        newest = _last(base, "episodes", "id")
        after = None if cursor is None else _place(cursor, newest)
        is_reset = cursor is not None and after is None
        values = {"after": after or 0, "world": world, "limit": limit}
        what = "*" if is_whole else _HEADS
        rows = base.select(
            f"SELECT {what} FROM episodes WHERE id > :after AND (:world IS NULL OR world = :world) "
            "ORDER BY id DESC LIMIT :limit",
            values,
        )
        return {
            "episodes": _episodes(rows),
            "cursor": str(newest),
            "reset": is_reset,
        }


def read_latest_episodes(run: Path, worlds: Sequence[int]) -> list[dict[str, Any]]:
    """The newest episode of each of several worlds."""
    with open_database(run / EPISODES) as base:
        slots = ", ".join("?" * len(worlds))
        rows = base.rows(
            "episodes",
            f"WHERE id IN (SELECT max(id) FROM episodes WHERE world IN ({slots}) GROUP BY world) ORDER BY id",
            [*worlds],
        )
        return _episodes(rows)


def read_episode(run: Path, episode: int) -> dict[str, Any]:
    """One episode.

    Raises:
        Problem: there is none of that number, or no longer.
    """
    with open_database(run / EPISODES) as base:
        found = _episodes(base.rows("episodes", "WHERE id = ?", (episode,)))
        if not found:
            raise Problem(
                "not_found",
                f"This run has no episode {episode}; only the last of each world are kept.",
            )
        return found[0]


def ledger_end(run: Path) -> str:
    """The cursor of the ledger's end."""
    with open_database(run / LEDGER) as base:
        return str(_last(base, "events", "seq")) if base.has("events") else "0"


def episodes_end(run: Path) -> str:
    """The cursor of the newest episode."""
    with open_database(run / EPISODES) as base:
        return str(_last(base, "episodes", "id")) if base.has("episodes") else "0"


def find_event_places(run: Path, cursors: Sequence[str]) -> list[int | None]:
    """The number of the last entry of the ledger before each cursor; None where it no longer stands."""
    last = int(ledger_end(run))
    return [_place(cursor, last) for cursor in cursors]


def find_episode_places(run: Path, cursors: Sequence[str]) -> list[int | None]:
    """The number of the last episode before each cursor; None where it no longer stands."""
    last = int(episodes_end(run))
    return [_place(cursor, last) for cursor in cursors]


def _place(cursor: str, last: int) -> int | None:
    """The number of a cursor. It may be beyond the last: the file may have been replaced by a shorter one."""
    place = int(cursor) if _is_number(cursor) else -1
    return place if 0 <= place <= last else None


def _is_number(cursor: str) -> bool:
    return cursor.isascii() and cursor.isdigit() and len(cursor) < 16


def _last(base: Database, table: str, column: str) -> int:
    return int(base.select(f"SELECT coalesce(max({column}), 0) FROM {table}")[0][0])


def _event(row: sqlite3.Row) -> dict[str, Any]:
    payload = parse_json(row["payload"])
    return dict(row) | {"payload": payload if isinstance(payload, dict) else {}}


def _episodes(rows: Sequence[sqlite3.Row]) -> list[dict[str, Any]]:
    """Those that can be drawn."""
    told = map(_episode, rows)
    return [one for one in told if all(one.get(name, True) for name in ("drawing", "trace"))]


def _episode(row: sqlite3.Row) -> dict[str, Any]:
    told = dict(row) | {"is_solved": bool(row["is_solved"])}
    for name in ("drawing", "trace"):
        if name in told:
            told[name] = parse_json(told[name])
    return told

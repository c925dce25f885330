"""Who descends from whom, in columns: a cursor in, what came since out. Fit for tens of thousands of worlds."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alpha_factory.records import TO_GENERALIST, TO_SPECIALIST
from alpha_factory.service.page.files.database import Database, open_database
from alpha_factory.service.page.files.worlds import FILE, read_parents, read_transfers

_NONE = -1
_BEGINNING = "0-0-0-0"


def read_lineage(
    run: Path, cursor: str | None = None, *, limit: int | None = 20_000, is_accepted: bool = False
) -> dict[str, Any]:
    """Worlds, retirements and transfers since a cursor, or all.

    Args:
        limit: worlds at most; where there are more, `is_more` says so and the next cursor goes on from there.
        is_accepted: whether worlds that were rejected are left out; they count for nothing then.
    """
    with open_database(run / FILE) as base:
        place = None if cursor is None else _stand(base, cursor)
        is_reset = cursor is not None and place is None
        after, gone_after, moved_after = place or (_NONE, 0, 0)
        rows, newest = [], _NONE
        if base.has("worlds"):
            newest = _newest(base)
            rows = base.select(
                "WITH gone AS (SELECT world, min(cycle) AS cycle FROM retirements GROUP BY world) "
                "SELECT w.id, w.cycle, w.parents, w.verdict, w.shortest_path, w.qd, w.operator, "
                "gone.cycle AS gone FROM worlds w LEFT JOIN gone ON gone.world = w.id "
                "WHERE w.id > ? AND (NOT ? OR w.verdict = 'accepted') ORDER BY w.id LIMIT ?",
                (after, is_accepted, -1 if limit is None else limit + 1),
            )
        gone = base.rows("retirements", "WHERE rowid > ? ORDER BY rowid", (gone_after,))
        every = read_transfers(base, "WHERE rowid > ? ORDER BY rowid", (moved_after,))
        moved = [one for one in every if one["direction"] == TO_GENERALIST]
        taken = [one for one in every if one["direction"] == TO_SPECIALIST]
        is_more = limit is not None and len(rows) > limit
        rows = rows[:limit]
        # All up to the newest were looked at, also those that were left out.
        last = rows[-1]["id"] if is_more else max(after, newest)
        new = (last, _last_row(base, "retirements"), _last_row(base, "transfers"))
        told = _write(base, new)
    parents = [read_parents(row["parents"]) for row in rows]
    verdicts, verdict_codes = _encode([row["verdict"] for row in rows])
    operators, operator_codes = _encode([row["operator"] for row in rows])
    return {
        "columns": {
            "id": [row["id"] for row in rows],
            "cycle": [row["cycle"] for row in rows],
            "parent": [one[0] if one else _NONE for one in parents],
            "parent2": [one[1] if len(one) > 1 else _NONE for one in parents],
            "verdict": verdict_codes,
            "path": [row["shortest_path"] for row in rows],
            "qd": [row["qd"] for row in rows],
            "operator": operator_codes,
            "left": [_NONE if row["gone"] is None else row["gone"] for row in rows],
        },
        "verdicts": verdicts,
        "operators": operators,
        "retired": {
            "world": [row["world"] for row in gone],
            "cycle": [row["cycle"] for row in gone],
        },
        "transfers": {
            "cycle": [one["cycle"] for one in moved],
            "specialist": [one["specialist"] for one in moved],
            "helped": [_NONE if one["helped"] is None else one["helped"] for one in moved],
            "gain": [one["gain"] for one in moved],
            "merged": [one["merged"] for one in moved],
        },
        "takeovers": {
            "cycle": [one["cycle"] for one in taken],
            "specialist": [one["specialist"] for one in taken],
            "source": [_NONE if one["source"] is None else one["source"] for one in taken],
            "gain": [one["gain"] for one in taken],
            "taken": [one["merged"] for one in taken],
        },
        "cursor": told,
        "is_more": is_more,
        "reset": is_reset,
    }


def lineage_cursor(run: Path) -> str:
    """The cursor of all that there is now."""
    with open_database(run / FILE) as base:
        if not base.has("worlds"):
            return _BEGINNING
        return _write(
            base, (_newest(base), _last_row(base, "retirements"), _last_row(base, "transfers"))
        )


def find_places(run: Path, cursors: Sequence[str]) -> list[int | None]:
    """The last world before each cursor; None where it no longer stands."""
    with open_database(run / FILE) as base:
        places = [_stand(base, cursor) for cursor in cursors]
    return [None if place is None else place[0] for place in places]


def _newest(base: Database) -> int:
    return int(base.select("SELECT coalesce(max(id), -1) FROM worlds")[0][0])


def _encode(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """The different words, and each one's place among them."""
    places = {word: place for place, word in enumerate(dict.fromkeys(words))}
    return [*places], [places[word] for word in words]


def _write(base: Database, place: tuple[int, int, int]) -> str:
    """A cursor of the last world, which says what world that was, and of the last rows of the other tables."""
    last, gone, moved = place
    if last < 0:
        return _BEGINNING
    return f"{last}-{_check(base, last)}-{gone}-{moved}"


def _stand(base: Database, cursor: str) -> tuple[int, int, int] | None:
    """Where a cursor stands; None if the run was rewound behind it."""
    if cursor == _BEGINNING:
        return _NONE, 0, 0
    parts = cursor.split("-")
    if len(parts) != 4 or not all(part.isascii() and part.isalnum() for part in parts):
        return None
    numbers = (parts[0], parts[2], parts[3])
    if not all(part.isdigit() and len(part) < 16 for part in numbers):
        return None
    last, gone, moved = map(int, numbers)
    is_there = (
        _check(base, last) == parts[1]
        and gone <= _last_row(base, "retirements")
        and moved <= _last_row(base, "transfers")
    )
    return (last, gone, moved) if is_there else None


def _check(base: Database, world: int) -> str:
    rows = base.rows("worlds", "WHERE id = ?", (world,))
    if not rows:
        return "none"
    row = dict(rows[0])
    told = f"{row['genome']} {row.get('level')} {row['cycle']} {row['verdict']}"
    return f"{zlib.crc32(told.encode()):x}"


def _last_row(base: Database, table: str) -> int:
    if not base.has(table):
        return 0
    return int(base.select(f"SELECT coalesce(max(rowid), 0) FROM {table}")[0][0])

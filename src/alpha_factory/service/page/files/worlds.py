"""`worlds.sqlite` for the page: lists of worlds, one of them in full, and what is remembered."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from alpha_factory.records import TO_GENERALIST
from alpha_factory.service.page.files.database import Database, open_database
from alpha_factory.service.page.files.lines import parse_json
from alpha_factory.service.page.problem import Problem

FILE = "worlds.sqlite"
Sort = Literal["age", "difficulty", "learnability", "qd", "id"]

_LAST = """last AS (SELECT world, solve_rate, normalised_return, max(rowid) FROM scores GROUP BY world),
gone AS (SELECT world, cycle FROM retirements GROUP BY world)"""
_CARDS = """SELECT w.*, last.solve_rate, last.normalised_return, gone.cycle AS left_cycle,
    w.verdict = 'accepted' AND gone.world IS NULL AS is_living,
    last.solve_rate * (1 - last.solve_rate) AS learnability,
    CASE WHEN w.verdict = 'accepted' THEN coalesce(gone.cycle, :now) - w.cycle END AS age
    FROM worlds w LEFT JOIN last ON last.world = w.id LEFT JOIN gone ON gone.world = w.id"""
_ORDERS: dict[Sort, tuple[str, ...]] = {
    "age": ("age",),
    "difficulty": ("1 - last.solve_rate", "w.shortest_path"),
    "learnability": ("learnability",),
    "qd": ("w.qd",),
    "id": ("w.id",),
}
_BARE = (
    *("id", "cycle", "frames", "verdict", "operator", "score", "qd", "shortest_path"),
    *("specialist_score", "left_cycle", "solve_rate", "normalised_return", "learnability", "age"),
)


def list_worlds(
    run: Path,
    *,
    sort: Sort = "age",
    is_descending: bool = True,
    is_living: bool | None = None,
    verdict: str | None = None,
    search: str = "",
    page: int = 0,
    size: int = 48,
    is_whole: bool = False,
) -> dict[str, Any]:
    """A page of worlds, sorted; or, `is_whole`, all of them on one."""
    if is_whole:
        page, size = 0, -1  # SQLite's word for no limit
    wheres, values = ["1"], {"now": 0, "verdict": verdict, "size": size, "skip": page * size}
    if is_living is not None:
        wheres.append(f"(w.verdict = 'accepted' AND gone.world IS NULL) = {int(is_living)}")
    if verdict is not None:
        wheres.append("w.verdict = :verdict")
    if search:
        if search.isascii() and search.isdigit() and len(search) < 16:
            wheres.append("w.id = :search")
            values["search"] = int(search)
        else:
            wheres.append("(instr(lower(w.operator), :search) OR instr(w.verdict, :search))")
            values["search"] = search.lower()
    where = " AND ".join(wheres)
    way = "DESC" if is_descending else "ASC"
    order = ", ".join(f"{key} {way} NULLS LAST" for key in (*_ORDERS[sort], "w.id"))
    with open_database(run / FILE) as base:
        if not base.has("worlds"):
            return {"total": 0, "page": page, "size": size, "worlds": []}
        values["now"] = _last_cycle(base)
        total = base.select(
            f"WITH {_LAST} SELECT count(*) FROM worlds w LEFT JOIN gone ON gone.world = w.id WHERE {where}",
            values,
        )[0][0]
        rows = base.select(
            f"WITH {_LAST} {_CARDS} WHERE {where} ORDER BY {order} LIMIT :size OFFSET :skip",
            values,
        )
        cards = _cards(base, rows, run, is_whole=is_whole)
    return {"total": total, "page": page, "size": size, "worlds": cards}


def read_world(run: Path, world: int) -> dict[str, Any]:
    """All that is known of a world.

    Raises:
        Problem: there is none of that number.
    """
    with open_database(run / FILE) as base:
        card, row = _find(base, run, world)
        heads = [*card["parents"], *_children(base, world)]
        told = {other["id"]: other for other in _some(base, run, heads)}
        gone = base.rows("retirements", "WHERE world = ? ORDER BY rowid LIMIT 1", (world,))
        own = "WHERE world = ? ORDER BY rowid"
        return {
            "card": card | {"genome": row["genome"] or None, "level": _level(row)},
            "scores": _columns(
                base.rows("scores", own, (world,)),
                ("cycle", "frames", "solve_rate", "normalised_return", "episodes"),
            ),
            "looks": _columns(
                base.rows("looks", own, (world,)),
                ("cycle", "frames", "solve_rate", "untrained", "episodes"),
            ),
            "trials": _dicts(base.rows("trials", own, (world,)), ("cycle", "agents", "best")),
            "honeypots": read_honeypots(base, own, (world,)),
            **_split(
                read_transfers(
                    base, "WHERE specialist = ? OR helped = ? ORDER BY rowid", (world, world)
                )
            ),
            "retirement": _dicts(gone, ("cycle", "reason"))[0] if gone else None,
            "parents": [told[head] for head in card["parents"] if head in told],
            "children": [head for head in told.values() if world in head["parents"]],
        }


def read_genomes(run: Path, worlds: Sequence[int]) -> dict[int, tuple[str | None, str | None]]:
    """Genome or text of a level, whichever a world has, of those that there are."""
    with open_database(run / FILE) as base:
        slots = ", ".join("?" * len(worlds))
        rows = base.rows("worlds", f"WHERE id IN ({slots})", [*worlds])
        return {row["id"]: (row["genome"] or None, _level(row)) for row in rows}


def read_retention(run: Path) -> dict[str, Any]:
    """Solve rates of the policy head alone, time × worlds, as `looks` has them."""
    with open_database(run / FILE) as base:
        looks = base.rows("looks", "ORDER BY rowid")
        left = {row["world"]: row["cycle"] for row in base.rows("retirements", "ORDER BY rowid")}
    at = {cycle: place for place, cycle in enumerate(dict.fromkeys(row["cycle"] for row in looks))}
    where = {
        world: place for place, world in enumerate(dict.fromkeys(row["world"] for row in looks))
    }
    frames, untrained = [0] * len(at), [None] * len(where)
    solved: list[list[float | None]] = [[None] * len(where) for _ in at]
    for row in looks:
        solved[at[row["cycle"]]][where[row["world"]]] = row["solve_rate"]
        frames[at[row["cycle"]]] = row["frames"]
        if row["untrained"] is not None:
            untrained[where[row["world"]]] = row["untrained"]
    return {
        "world": [*where],
        "cycle": [*at],
        "frames": frames,
        "solved": solved,
        "untrained": untrained,
        "left": [left.get(world) for world in where],
    }


def read_honeypots(
    base: Database, clause: str = "ORDER BY rowid", values: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Checks of honeypots."""
    names = ("world", "cycle", "frames", "training", "evaluation", "episodes", "is_incident")
    return [
        check | {"is_incident": bool(check["is_incident"])}
        for check in _dicts(base.rows("honeypots", clause, values), names)
    ]


def read_transfers(
    base: Database, clause: str = "ORDER BY rowid", values: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Specialists tried on the pool, and other policies tried on their worlds."""
    names = ("cycle", "specialist", "helped", "gain", "merged")
    # Earlier versions of the table had one direction.
    later = ("direction", "source") if base.has("transfers", "direction") else ()
    one_way: dict[str, Any] = {"direction": TO_GENERALIST, "source": None}
    return [
        one_way | told | {"merged": bool(told["merged"])}
        for told in _dicts(base.rows("transfers", clause, values), (*names, *later))
    ]


def _split(transfers: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What went to the generalist, and what to specialists."""
    is_out = [one["direction"] == TO_GENERALIST for one in transfers]
    pairs = list(zip(transfers, is_out, strict=True))
    return {
        "transfers": [one for one, out in pairs if out],
        "takeovers": [one for one, out in pairs if not out],
    }


def read_parents(text: str) -> list[int]:
    """A world's parents."""
    told = parse_json(text)
    return [one for one in told if isinstance(one, int)] if isinstance(told, list) else []


def count_pool(run: Path) -> int | None:
    """Worlds that live in the pool; None where there is no archive."""
    with open_database(run / FILE) as base:
        if not base.has("worlds"):
            return None
        rows = base.select(
            "SELECT (SELECT count(*) FROM worlds WHERE verdict = 'accepted') - "
            "(SELECT count(DISTINCT world) FROM retirements)"
        )
        return int(rows[0][0])


def _find(base: Database, run: Path, world: int) -> tuple[dict[str, Any], sqlite3.Row]:
    rows = []
    if base.has("worlds"):
        values = {"now": _last_cycle(base), "world": world}
        rows = base.select(f"WITH {_LAST} {_CARDS} WHERE w.id = :world", values)
    if not rows:
        raise Problem("not_found", f"This run has no world {world}.")
    return _cards(base, rows, run)[0], rows[0]


def _some(base: Database, run: Path, worlds: Sequence[int]) -> list[dict[str, Any]]:
    if not worlds:
        return []
    listed = ", ".join(str(int(world)) for world in worlds)
    values = {"now": _last_cycle(base)}
    query = f"WITH {_LAST} {_CARDS} WHERE w.id IN ({listed}) ORDER BY w.id"
    return _cards(base, base.select(query, values), run)


def _cards(
    base: Database, rows: Sequence[sqlite3.Row], run: Path, *, is_whole: bool = False
) -> list[dict[str, Any]]:
    listed = ", ".join(str(row["id"]) for row in rows)
    parents, filmed = listed, listed
    if is_whole:  # a query has so many letters at most, and a list of all worlds may have more
        parents, filmed = "SELECT id FROM worlds", "SELECT world FROM episodes"
    children = dict(
        map(
            tuple,
            base.select(
                "SELECT parent.value, count(*) FROM worlds, json_each(worlds.parents) parent "
                f"WHERE parent.value IN ({parents}) GROUP BY parent.value"
            ),
        )
    )
    episodes = _count_episodes(run, filmed)
    return [
        {name: row[name] for name in _BARE}
        | {
            "parents": read_parents(row["parents"]),
            "is_living": bool(row["is_living"]),
            "children": children.get(row["id"], 0),
            "episodes": episodes.get(row["id"], 0),
        }
        for row in rows
    ]


def _count_episodes(run: Path, listed: str) -> dict[int, int]:
    with open_database(run / "episodes.sqlite") as base:
        if not base.has("episodes"):
            return {}
        query = f"SELECT world, count(*) FROM episodes WHERE world IN ({listed}) GROUP BY world"
        return {row[0]: row[1] for row in base.select(query)}


def _children(base: Database, world: int) -> list[int]:
    rows = base.select(
        "SELECT DISTINCT worlds.id FROM worlds, json_each(worlds.parents) parent "
        "WHERE parent.value = ? ORDER BY worlds.id LIMIT 500",
        (world,),
    )
    return [row[0] for row in rows]


def _last_cycle(base: Database) -> int:
    return int(base.select("SELECT coalesce(max(cycle), 0) FROM worlds")[0][0])


def _level(row: sqlite3.Row) -> str | None:
    return row["level"] if "level" in row.keys() else None  # noqa: SIM118 - a row's keys, not its values


def _columns(rows: Sequence[sqlite3.Row], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def _dicts(rows: Sequence[sqlite3.Row], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in names} for row in rows]

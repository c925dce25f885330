"""`worlds.sqlite`: every world that a run proposed, how each was judged, and what became of it.

Rows hold no wall-clock time and are numbered by their order, so that a run resumed from a checkpoint, after
`rewind`, writes the very rows that an uninterrupted one writes.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.records import (
    HoneypotCheck,
    Retirement,
    Transfer,
    WorldCard,
    WorldLook,
    WorldScore,
    WorldTrial,
)
from alpha_factory.runs.files.durable import explain_disk_full

_Record = TypeVar("_Record", bound=BaseModel)
_TABLES: dict[type[BaseModel], str] = {
    WorldCard: "worlds",
    WorldScore: "scores",
    WorldLook: "looks",
    WorldTrial: "trials",
    HoneypotCheck: "honeypots",
    Transfer: "transfers",
    Retirement: "retirements",
}
_FIRST_SCHEMA = """
CREATE TABLE worlds (
    id INTEGER PRIMARY KEY, genome TEXT NOT NULL, parents TEXT NOT NULL, operator TEXT NOT NULL,
    cycle INTEGER NOT NULL, frames INTEGER NOT NULL, verdict TEXT NOT NULL, score REAL, qd REAL,
    shortest_path INTEGER, specialist_score REAL);
CREATE TABLE scores (
    world INTEGER NOT NULL REFERENCES worlds(id), cycle INTEGER NOT NULL, frames INTEGER NOT NULL,
    normalised_return REAL NOT NULL, solve_rate REAL NOT NULL, episodes INTEGER NOT NULL);
CREATE TABLE transfers (
    cycle INTEGER NOT NULL, specialist INTEGER NOT NULL REFERENCES worlds(id),
    helped INTEGER REFERENCES worlds(id), gain REAL NOT NULL, merged INTEGER NOT NULL);
CREATE TABLE retirements (
    world INTEGER NOT NULL REFERENCES worlds(id), cycle INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE INDEX scores_by_world ON scores (world);
"""
_LOOKS = """
CREATE TABLE IF NOT EXISTS looks (
    world INTEGER NOT NULL REFERENCES worlds(id), cycle INTEGER NOT NULL, frames INTEGER NOT NULL,
    solve_rate REAL NOT NULL, untrained REAL, episodes INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS accepted_by_cycle ON worlds (cycle) WHERE verdict = 'accepted';
"""
_TRIALS = """
CREATE TABLE IF NOT EXISTS trials (
    world INTEGER NOT NULL REFERENCES worlds(id), cycle INTEGER NOT NULL, agents INTEGER NOT NULL,
    best REAL NOT NULL);
CREATE INDEX IF NOT EXISTS scores_by_cycle ON scores (cycle);
CREATE INDEX IF NOT EXISTS trials_by_cycle ON trials (cycle);
"""
_HONEYPOTS = """
CREATE TABLE IF NOT EXISTS honeypots (
    world INTEGER NOT NULL REFERENCES worlds(id), cycle INTEGER NOT NULL, frames INTEGER NOT NULL,
    training REAL NOT NULL, evaluation REAL NOT NULL, episodes INTEGER NOT NULL,
    is_incident INTEGER NOT NULL);
"""
_GUESTS = """
ALTER TABLE worlds ADD COLUMN level TEXT;
CREATE TABLE guests (cycle INTEGER NOT NULL, act TEXT);
CREATE INDEX guests_by_cycle ON guests (cycle);
"""
_DIRECTIONS = """
ALTER TABLE transfers ADD COLUMN direction TEXT NOT NULL DEFAULT 'to generalist';
ALTER TABLE transfers ADD COLUMN source INTEGER REFERENCES worlds(id);
"""
_SCHEMAS = (_FIRST_SCHEMA, _LOOKS, _TRIALS, _HONEYPOTS, _GUESTS, _DIRECTIONS)
"""A version's tables go on top of those before."""


class Archive:
    """The worlds of one run. One process writes; others may read at the same time."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the archive at `path`; begin one unless `read_only`.

        One of an earlier version gets the tables that it lacks, empty.
        A cycle has reached the disk when `record` returns (rollback journal, synchronous=FULL): a killed process
        leaves whole cycles only. The rollback journal, unlike a write-ahead log, also keeps everything in one file
        that can be copied.
        """
        if read_only and not path.is_file():
            raise UsageError(f"{path} does not exist, so there are no worlds to read.")
        self._path = path
        with explain_disk_full(path, path.parent / "checkpoints"):
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate()
            self._connection.execute(f"PRAGMA query_only = {int(read_only)}")

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. What was recorded is already on disk."""
        self._connection.close()

    def record(
        self,
        *,
        worlds: Iterable[WorldCard] = (),
        scores: Iterable[WorldScore] = (),
        looks: Iterable[WorldLook] = (),
        trials: Iterable[WorldTrial] = (),
        honeypots: Iterable[HoneypotCheck] = (),
        transfers: Iterable[Transfer] = (),
        retirements: Iterable[Retirement] = (),
    ) -> None:
        """Add what a cycle brought, all of it or nothing.

        Raises:
            DiskFull: no space was left; nothing of this call was recorded.
            sqlite3.IntegrityError: a world's id is taken, or a row names a world that is not in the archive.
        """
        with self._transaction():
            for rows in (worlds, scores, looks, trials, honeypots, transfers, retirements):
                self._insert(rows)

    def rewind(self, cycle: int) -> None:
        """Forget everything after `cycle`, that of the checkpoint which the run resumes from; -1 forgets all."""
        with self._transaction():
            for table in reversed(_TABLES.values()):
                self._connection.execute(f"DELETE FROM {table} WHERE cycle > ?", (cycle,))

    def invite(self, cycle: int, acts: Sequence[str]) -> None:
        """Settle, once and for all, who the guests of a cycle are: what people wrote, a line each.

        It is never rewound: a run that goes through the cycle again has the same guests.
        """
        rows: list[tuple[int, str | None]] = [(cycle, act) for act in acts] or [(cycle, None)]
        with self._transaction():
            self._connection.executemany("INSERT INTO guests VALUES (?, ?)", rows)

    def guests(self, cycle: int) -> list[str] | None:
        """The guests of a cycle; None where they have not been settled."""
        rows = self._connection.execute(
            "SELECT act FROM guests WHERE cycle = ? ORDER BY rowid", (cycle,)
        )
        acts = [act for (act,) in rows]
        return [act for act in acts if act is not None] if acts else None

    def invited(self) -> set[str]:
        """The ids of the acts of all guests, of whatever cycle."""
        rows = self._connection.execute(
            "SELECT json_extract(act, '$.id') FROM guests WHERE act IS NOT NULL"
        )
        return {number for (number,) in rows}

    def worlds(self) -> list[WorldCard]:
        """Every world, by id."""
        return self._select(WorldCard, "ORDER BY id")

    def accepted(self, cycles: Sequence[int]) -> list[WorldCard]:
        """The worlds accepted in any of so many cycles, by id; looked up, however many there are."""
        slots = ", ".join("?" * len(cycles))
        clause = f"WHERE verdict = 'accepted' AND cycle IN ({slots}) ORDER BY id"
        return self._select(WorldCard, clause, tuple(cycles))

    def last(self, number: int) -> list[WorldCard]:
        """So many worlds, those proposed last, by id."""
        newest = self._select(WorldCard, "ORDER BY id DESC LIMIT ?", (number,))
        return newest[::-1]

    def scores(self, world: int | None = None) -> list[WorldScore]:
        """Scores of one world, or of all of them, in the order in which they were taken."""
        if world is None:
            return self._select(WorldScore, "ORDER BY rowid")
        return self._select(WorldScore, "WHERE world = ? ORDER BY rowid", (world,))

    def scores_in(self, cycle: int) -> list[WorldScore]:
        """The scores taken in one cycle, in order; looked up, however many there are."""
        return self._select(WorldScore, "WHERE cycle = ? ORDER BY rowid", (cycle,))

    def looks(self) -> list[WorldLook]:
        """Every look at a world of the panel, in order."""
        return self._select(WorldLook, "ORDER BY rowid")

    def trials(self, cycle: int | None = None) -> list[WorldTrial]:
        """The trials of one cycle, or all of them, in order."""
        if cycle is None:
            return self._select(WorldTrial, "ORDER BY rowid")
        return self._select(WorldTrial, "WHERE cycle = ? ORDER BY rowid", (cycle,))

    def honeypots(self) -> list[HoneypotCheck]:
        """Every check of a honeypot, in order."""
        return self._select(HoneypotCheck, "ORDER BY rowid")

    def transfers(self) -> list[Transfer]:
        """Every transfer that was tried, in order."""
        return self._select(Transfer, "ORDER BY rowid")

    def retirements(self) -> list[Retirement]:
        """Every world that left the pool, in order."""
        return self._select(Retirement, "ORDER BY rowid")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Keep all that happens inside the block, or nothing."""
        with explain_disk_full(self._path, self._path.parent / "checkpoints"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have rolled it back already
                    self._connection.execute("ROLLBACK")
                raise

    def _migrate(self) -> None:
        """Lay the tables that are missing, or refuse a file of a later version."""
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        newest = len(_SCHEMAS)
        if not 0 <= version <= newest:
            raise RunConflict(
                f"{self._path} has schema {version}; this version of alpha-factory reads up to {newest}. "
                "Open it with the version that wrote it."
            )
        if version < newest:
            self._connection.execute("BEGIN IMMEDIATE")
            # Another process may have done it meanwhile.
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            for statement in "".join(_SCHEMAS[version:]).split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {newest}")
            self._connection.execute("COMMIT")

    def _insert(self, records: Iterable[BaseModel]) -> None:
        for record in records:
            row = record.model_dump()
            if "parents" in row:
                row["parents"] = json.dumps(row["parents"])
                row["genome"] = row["genome"] or ""  # the first versions of the table have no null
            names = ", ".join(row)
            slots = ", ".join(f":{name}" for name in row)
            table = _TABLES[type(record)]
            self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({slots})", row)

    def _select(
        self, model: type[_Record], clause: str, values: tuple[Any, ...] = ()
    ) -> list[_Record]:
        rows = self._connection.execute(f"SELECT * FROM {_TABLES[model]} {clause}", values)
        records = [dict(row) for row in rows]
        for record in records:
            if "parents" in record:
                record["parents"] = json.loads(record["parents"])
                record["genome"] = record["genome"] or None
        return [model.model_validate(record) for record in records]

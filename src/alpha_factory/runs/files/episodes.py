"""`episodes.sqlite`: the last episodes of a run's worlds, to be watched. Nothing of the run depends on them."""

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from alpha_factory.records import Episode
from alpha_factory.runs.files.durable import explain_disk_full

_WAIT_S = 1.0  # for a reader to finish; then the episodes of this time are left out
_ASIDE = ".damaged"
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS episodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL, cycle INTEGER NOT NULL,
    frames INTEGER NOT NULL, player TEXT NOT NULL, is_solved INTEGER NOT NULL, total REAL NOT NULL,
    steps INTEGER NOT NULL, drawing TEXT NOT NULL, trace TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS episodes_by_world ON episodes (world);
"""


class EpisodeStore:
    """The last few episodes of each world, and so many in all. One process writes; others may read."""

    def __init__(
        self,
        path: Path,
        *,
        kept: int,
        total: int,
        put_aside: Callable[[Path, str], None] = lambda place, reason: None,
    ) -> None:
        """Open the file at `path`, or begin one; what is there and is no such file is put aside.

        Args:
            kept: episodes of a world.
            total: in all; the oldest go.
            put_aside: called with where that lies now, and why.

        Raises:
            DiskFull: there was no space for it.
            sqlite3.Error: a reader holds it, or it can't be written.
            OSError: it can't be put aside.
        """
        self._kept, self._total = kept, total
        with explain_disk_full(path, path.parent / "checkpoints"):
            try:
                self._connection = _open(path)
            except sqlite3.Error as error:
                if _is_passing(error):
                    raise
                put_aside(_put_aside(path), str(error))
                self._connection = _open(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, episodes: Sequence[Episode]) -> None:
        """Keep these, all or none; each gets the next number, whatever its `id` says.

        Raises:
            sqlite3.Error: they could not be kept.
        """
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            for episode in episodes:
                row = episode.model_dump(exclude={"id"})
                row |= {name: json.dumps(row[name]) for name in ("drawing", "trace")}
                names, slots = ", ".join(row), ", ".join(f":{name}" for name in row)
                execute(f"INSERT INTO episodes ({names}) VALUES ({slots})", row)
                execute(
                    "DELETE FROM episodes WHERE world = ? AND id NOT IN "
                    "(SELECT id FROM episodes WHERE world = ? ORDER BY id DESC LIMIT ?)",
                    (episode.world, episode.world, self._kept),
                )
            execute(
                "DELETE FROM episodes WHERE id NOT IN (SELECT id FROM episodes ORDER BY id DESC LIMIT ?)",
                (self._total,),
            )
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise

    def rewind(self, frames: int) -> None:
        """Forget those played after so many frames.

        Raises:
            sqlite3.Error: the file can't be written now.
        """
        self._connection.execute("DELETE FROM episodes WHERE frames > ?", (frames,))

    def last_seen(self) -> dict[int, int]:
        """The number of the last episode of each world."""
        rows = self._connection.execute("SELECT world, MAX(id) FROM episodes GROUP BY world")
        return dict(rows)


def _open(path: Path) -> sqlite3.Connection:
    """The file, its pages read once and found whole.

    Raises:
        sqlite3.Error: it is damaged, or somebody else's.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT_S)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(_SCHEMA)
        names = {row[1] for row in connection.execute("PRAGMA table_info(episodes)")}
        if names != {*Episode.model_fields}:
            raise sqlite3.DatabaseError(f"its table has the columns {', '.join(sorted(names))}")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_passing(error: sqlite3.Error) -> bool:
    """Whether it says nothing about what the file holds."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING


def _put_aside(path: Path) -> Path:
    """Rename a file and what belongs to it, over those put aside before; where it lies now."""
    aside = path.with_name(path.name + _ASIDE)
    if aside.is_dir() and not aside.is_symlink():
        aside = path.with_name(f"{path.name}{_ASIDE}-{os.getpid()}")
    path.replace(aside)
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists():  # it would be played back into the new file
        journal.replace(aside.with_name(f"{aside.name}-journal"))
    return aside

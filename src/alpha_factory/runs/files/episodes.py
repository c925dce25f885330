"""`episodes.sqlite`: the last episodes of a run's worlds, to be watched. Nothing of the run depends on them."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from alpha_factory.records import Episode
from alpha_factory.runs.files.durable import explain_disk_full

_WAIT_S = 1.0  # for a reader to finish; then the episodes of this time are left out
_SCHEMA = """
CREATE TABLE IF NOT EXISTS episodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL, cycle INTEGER NOT NULL,
    frames INTEGER NOT NULL, player TEXT NOT NULL, is_solved INTEGER NOT NULL, total REAL NOT NULL,
    steps INTEGER NOT NULL, drawing TEXT NOT NULL, trace TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS episodes_by_world ON episodes (world);
"""


class EpisodeStore:
    """The last few episodes of each world, and so many in all. One process writes; others may read."""

    def __init__(self, path: Path, *, kept: int, total: int) -> None:
        """Open the file at `path`, or begin one.

        Args:
            kept: episodes of a world.
            total: in all; the oldest go.

        Raises:
            DiskFull: there was no space for it.
        """
        self._kept, self._total = kept, total
        with explain_disk_full(path, path.parent / "checkpoints"):
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT_S)
            self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.executescript(_SCHEMA)

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

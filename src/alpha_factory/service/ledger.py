"""What happened, in order: events in, a hash chain in one SQLite file out.

Each event carries the hash of the one before it, so changing, dropping or reordering an event breaks the chain
from there on. Cutting events off the end leaves a shorter, valid chain: to notice that, keep `head()` elsewhere.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alpha_factory.records import Event

_GENESIS = "0" * 64
_COLUMNS = "seq, time, kind, payload, previous, hash"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


class Ledger:
    """An append-only ledger. Several processes may append to one file."""

    def __init__(self, path: Path) -> None:
        """Open the ledger at `path`, or begin one.

        An append has reached the disk when it returns (rollback journal, synchronous=FULL): a killed process
        leaves whole events only.
        """
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. What was appended is already on disk."""
        self._connection.close()

    def append(self, kind: str, payload: dict[str, Any]) -> Event:
        """Add an event and return it, with its place in the chain.

        Raises:
            ValueError: `payload` holds NaN or infinity, which JSON has no word for.
            TypeError: `payload` holds something that is not JSON.
        """
        text = json.dumps(payload, sort_keys=True, allow_nan=False)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            last = self._connection.execute(
                "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1"
            ).fetchone()
            before, previous = last or (0, _GENESIS)
            seq, now = before + 1, time.time()
            digest = _digest(seq, now, kind, text, previous)
            self._connection.execute(
                f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                (seq, now, kind, text, previous, digest),
            )
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may already have rolled the transaction back.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return _event((seq, now, kind, text, previous, digest))

    def events(self, after: int = 0, kinds: Sequence[str] = ()) -> list[Event]:
        """Events whose `seq` is above `after`, of some kinds or of all, oldest first."""
        among = f"AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM events WHERE seq > ? {among} ORDER BY seq", (after, *kinds)
        )
        return [_event(row) for row in rows]

    def head(self) -> str:
        """Hash of the last event, which stands for the whole ledger; 64 zeros when empty."""
        last = self._connection.execute(
            "SELECT hash FROM events ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return last[0] if last else _GENESIS

    def verify(self) -> int | None:
        """Walk the chain; `seq` of the first event that is missing or not as it was written, or None."""
        previous = _GENESIS
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM events ORDER BY seq")
        for expected, row in enumerate(rows, start=1):
            seq, digest = row[0], row[5]
            if seq != expected or row[4] != previous or digest != _digest(*row[:5]):
                return expected
            previous = digest
        return None


def _digest(seq: object, time_s: object, kind: object, payload: object, previous: object) -> str:
    """SHA-256 of an event. A value of a type that was never written is hashed by its `repr`, and so never matches."""
    line = json.dumps([seq, time_s, kind, payload, previous], default=repr)
    return hashlib.sha256(line.encode()).hexdigest()


def _event(row: tuple) -> Event:
    """An event from a row of the table."""
    seq, time_s, kind, payload, previous, digest = row
    return Event(
        seq=seq, time=time_s, kind=kind, payload=json.loads(payload), previous=previous, hash=digest
    )

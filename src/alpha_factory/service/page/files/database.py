"""A run's SQLite files, read while the run writes them: a query in, rows out; what is missing is empty."""

import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alpha_factory.service.page.files.folder import inside
from alpha_factory.service.page.problem import Problem

_PATIENCE_S = 5.0


class Database:
    """An open file, for reading only."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self._columns: dict[str, frozenset[str]] = {}

    def select(
        self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[sqlite3.Row]:
        """The rows of a query."""
        if self._connection is None:
            return []
        return self._connection.execute(query, values).fetchall()

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is such a table, with such a column."""
        if table not in self._columns:
            rows = self.select("SELECT name FROM pragma_table_info(?)", (table,))
            self._columns[table] = frozenset(row[0] for row in rows)
        known = self._columns[table]
        return bool(known) and (column is None or column in known)

    def rows(self, table: str, clause: str = "", values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Rows of a table; none where it is missing, as in a file of an earlier version."""
        return self.select(f"SELECT * FROM {table} {clause}", values) if self.has(table) else []


@contextmanager
def open_database(path: Path) -> Iterator[Database]:
    """Open a file for reading; one that isn't there is empty.

    A run that was killed may have left a transaction half done, which SQLite takes back at the next opening. That needs
    the right to write; where there is none, as in a copy on a read-only disk, the file is read as it is.

    Raises:
        Problem: the file is no database, damaged, or the run kept it busy for too long.
    """
    if inside(path.parent, path.name) is None:
        yield Database(None)
        return
    connection = None
    try:
        connection = _connect(path)
        yield Database(connection)
    except sqlite3.OperationalError as error:
        raise Problem("busy", f"{path.name} can't be read now: {error}. Try again.") from error
    except sqlite3.DatabaseError as error:
        raise Problem("conflict", f"{path.name} is damaged: {error}.") from error
    finally:
        if connection is not None:
            connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    place = urllib.parse.quote(str(path))
    for mode in ("mode=rw", "mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(
            f"file:{place}?{mode}", uri=True, timeout=_PATIENCE_S, isolation_level=None
        )
        try:
            connection.execute("PRAGMA query_only = 1")
            # All queries see one moment; the run's next commit waits for the last of them.
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        except sqlite3.OperationalError as error:
            connection.close()
            if "locked" in str(error) or mode.endswith("immutable=1"):
                raise
            continue
        connection.row_factory = sqlite3.Row
        return connection
    raise sqlite3.OperationalError("it can't be opened")

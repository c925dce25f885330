"""A file that others append lines to: the lines that came since the last look, whatever state the file is in."""

from pathlib import Path
from typing import NamedTuple

LONGEST_LINE = 64 * 1024
"""Bytes of a line at most; a longer one is cut, and so is no record."""
_AT_ONCE = 1 << 20  # bytes read at a look: a huge file may not hold up a run


class Line(NamedTuple):
    """A whole line."""

    file: str
    number: int  # from 1
    end: int  # bytes of the file up to its end
    text: str


class Tail:
    """Reads on where it stopped. It never raises: what can't be read is not there yet."""

    def __init__(self, path: Path) -> None:
        self.read_bytes = 0
        self._path = path
        self._lines = 0

    def read(self) -> list[Line]:
        """The whole lines that came; a last one without its end comes when it is whole."""
        try:
            if self._path.stat().st_size <= self.read_bytes:
                return []
            with self._path.open("rb") as file:
                file.seek(self.read_bytes)
                data = file.read(_AT_ONCE)
        except OSError:
            return []
        if b"\n" not in data and len(data) == _AT_ONCE:  # no end within reach: cut it off
            data = data[:LONGEST_LINE] + b"\n" + data[LONGEST_LINE:]
            self.read_bytes -= 1
        lines = []
        for raw in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            self._lines += 1
            self.read_bytes += len(raw)
            text = raw[:LONGEST_LINE].decode("utf-8", errors="replace").rstrip("\r\n")
            lines.append(Line(self._path.name, self._lines, self.read_bytes, text))
        return lines

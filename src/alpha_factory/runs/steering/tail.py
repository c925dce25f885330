"""A file that others append lines to: the lines that came since the last look, whatever state the file is in."""

import os
from pathlib import Path
from typing import NamedTuple

from alpha_factory.records import MOST_ACT_BYTES

LONGEST_LINE = 64 * 1024
"""Bytes of a line at most; no record is longer."""
MOST_LINES = 200
"""Lines of a look at most: a flood may not hold up a run."""
_AT_ONCE = 1 << 20  # bytes of a look
_TOO_LONG = f"a line has at most {LONGEST_LINE >> 10} KiB"
_TOO_LARGE = f"the file has more than {MOST_ACT_BYTES >> 20} MiB; what comes after them is not read"


class Line(NamedTuple):
    """A whole line."""

    file: str
    number: int  # from 1
    end: int  # bytes of the file up to its end
    text: str
    fault: str = ""
    """What is wrong with it, if that is known without reading it; its text is empty then."""


class Tail:
    """Reads on where it stopped. It never raises: what can't be read is not there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = self._lines = 0
        self._is_cut = False  # what comes next is the rest of a line that was too long
        self._is_full = False

    def size(self) -> int:
        """Bytes of the file."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def read(self) -> list[Line]:
        """The whole lines that came, not too many; a last one without its end comes when it is whole.

        A file that has become shorter is another one, and read from its beginning.
        """
        size = self.size()
        if size < self._read_bytes:
            self._read_bytes = self._lines = 0
            self._is_cut = self._is_full = False
        if size <= self._read_bytes or self._is_full:
            return []
        if self._read_bytes >= MOST_ACT_BYTES:
            self._is_full = True
            return [Line(self._path.name, self._lines + 1, self._read_bytes, "", _TOO_LARGE)]
        try:
            # Not to wait for somebody to write, where a pipe has taken the place of the file.
            with open(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                file.seek(self._read_bytes)
                data = file.read(min(_AT_ONCE, MOST_ACT_BYTES - self._read_bytes))
        except OSError:
            return []
        return self._split(data)

    def _split(self, data: bytes) -> list[Line]:
        lines: list[Line] = []
        start, place = 0, self._read_bytes
        while len(lines) < MOST_LINES and (end := data.find(b"\n", start) + 1):
            raw, start = data[start:end], end
            if self._is_cut:
                self._is_cut = False  # it was told when it began
                continue
            lines.append(self._make_line(raw, place + end))
        rest = len(data) - start
        is_last = place + len(data) >= MOST_ACT_BYTES
        if b"\n" not in data[start:] and (rest > LONGEST_LINE or is_last or self._is_cut):
            if not self._is_cut:
                lines.append(self._make_line(data[start:], place + len(data)))
            self._is_cut, start = True, len(data)
        self._read_bytes = place + start
        return lines

    def _make_line(self, raw: bytes, end: int) -> Line:
        self._lines += 1
        name = self._path.name
        if len(raw) > LONGEST_LINE:
            return Line(name, self._lines, end, "", _TOO_LONG)
        text = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        return Line(name, self._lines, end, text)

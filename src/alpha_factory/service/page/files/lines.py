"""Files of one JSON object a line that grow at the end: cursors and byte offsets in, lines out.

A cursor is an offset and a checksum of the bytes before it. It stands as long as the file was only appended to; after a
resume that rewound the file it no longer does, whatever has been written since.
"""

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from alpha_factory.service.page.files.folder import inside

_CHECKED = 64  # bytes before a cursor that it is made of
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 20
_QUICKLY_SPLIT = 4 << 20  # bytes that are split into lines at once, to count them


class Since(NamedTuple):
    """What a file got since a cursor."""

    rows: list[dict[str, Any]]
    cursor: str
    is_reset: bool
    """The cursor no longer stands; these are the file's rows from the beginning or its last ones."""


def end_cursor(path: Path) -> str:
    """The cursor of the file's end."""
    try:
        with _open(path) as file:
            return _cursor_at(file, _whole_end(file))
    except OSError:
        return "0-0"


def read_since(path: Path, cursor: str | None, most: int) -> Since:
    """The rows after a cursor, or all where there is none; the newest `most` of them."""
    try:
        file = _open(path)
    except OSError:
        return Since([], "0-0", is_reset=cursor not in (None, "0-0"))
    with file:
        end = _whole_end(file)
        start, is_reset = 0, False
        if cursor is not None:
            offset = _place(file, cursor, end)
            start, is_reset = offset or 0, offset is None
        rows = [_parse(line) for line in _last_lines(file, start, end, most)]
        return Since(
            [row for row in rows if row is not None], _cursor_at(file, end), is_reset=is_reset
        )


def find_places(path: Path, cursors: Sequence[str]) -> list[int | None]:
    """Bytes before each cursor; None where it no longer stands."""
    try:
        file = _open(path)
    except OSError:
        return [0 if cursor == "0-0" else None for cursor in cursors]
    with file:
        end = _whole_end(file)
        return [_place(file, cursor, end) for cursor in cursors]


def read_last(path: Path, most: int) -> list[dict[str, Any]]:
    """The newest rows, oldest first."""
    return read_since(path, None, most).rows


def estimate_rows(path: Path) -> int:
    """How many rows there are: counted where one read holds them all, else by the length of those at the end."""
    try:
        with _open(path) as file:
            end = _whole_end(file)
            start = max(0, end - _CHUNK)
            file.seek(start)
            tail = file.read(end - start)
    except OSError:
        return 0
    lines = tail.count(b"\n")
    return lines if start == 0 else lines * end // len(tail)


def read_sample(
    path: Path, low: int, high: int, points: int
) -> tuple[list[dict[str, Any]], bool, int]:
    """Rows between two byte offsets that begin lines, evenly by place where there are too many.

    Returns:
        The rows, the first and the last among them; whether some were left out; and how many there are, an
        estimate in that case.
    """
    with _open(path) as file:
        file.seek(low)
        head = file.read(min(high - low, _CHUNK))
        per_line = max(1, len(head) // max(1, head.count(b"\n")))
        if high - low <= max(_QUICKLY_SPLIT, 4 * points * per_line):
            lines = list(_lines(file, low, high))
            kept = _thin(len(lines), points)
            rows = [_parse(lines[at]) for at in kept]
            return [row for row in rows if row is not None], len(kept) < len(lines), len(lines)
        found: list[dict[str, Any]] = []
        after = low
        for step in range(points - 1):
            at = max(after, low + (high - low) * step // (points - 1))
            line, after = _line_from(file, at, low, high)
            if line and (row := _parse(line)) is not None:
                found.append(row)
        for line in _last_lines(file, max(after, high - _CHUNK, low), high, 1):
            if (row := _parse(line)) is not None:
                found.append(row)
        return found, True, (high - low) // per_line


def read_range(path: Path, low: int, high: int) -> Iterator[dict[str, Any]]:
    """Every row between two byte offsets that begin lines, one after the other: nothing is held."""
    with _open(path) as file:
        for line in _lines(file, low, high):
            if (row := _parse(line)) is not None:
                yield row


def find_line(path: Path, name: str, value: int | float) -> int:
    """Offset of the first line whose field `name`, which never decreases, is at least `value`; the end if none is."""
    with _open(path) as file:
        low, high = 0, _whole_end(file)
        end = high
        while high - low > _CHUNK:
            line, after = _line_from(file, (low + high) // 2, low, end)
            row = _parse(line) if line else None
            if row is None:
                return low
            if _number(row.get(name)) < value:
                low = after
            else:
                high = after
        offset = low
        for line in _lines(file, low, end):
            row = _parse(line)
            if row is not None and _number(row.get(name)) >= value:
                return offset
            offset += len(line)
        return end


def parse_json(text: str | bytes) -> Any:
    """What a text says; None for what is no JSON, or nested so deeply that nobody means it. NaN is None."""
    try:
        return json.loads(text, parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        return None


def whole_size(path: Path) -> int:
    """Bytes up to the end of the last whole line; 0 without a file."""
    try:
        with _open(path) as file:
            return _whole_end(file)
    except OSError:
        return 0


def _open(path: Path) -> BinaryIO:
    if inside(path.parent, path.name) is None:
        raise FileNotFoundError(path)
    return path.open("rb")


def _thin(number: int, points: int) -> list[int]:
    """So many of the indices below `number`, evenly, the first and the last among them."""
    if number <= points:
        return list(range(number))
    return [step * (number - 1) // (points - 1) for step in range(points)]


def _offset(cursor: str) -> int | None:
    number, _, check = cursor.partition("-")
    is_ours = number.isascii() and number.isdigit() and len(number) < 16 and check
    return int(number) if is_ours else None


def _place(file: BinaryIO, cursor: str, end: int) -> int | None:
    """The offset of a cursor that still stands."""
    offset = _offset(cursor)
    is_there = offset is not None and offset <= end and _cursor_at(file, offset) == cursor
    return offset if is_there else None


def _cursor_at(file: BinaryIO, offset: int) -> str:
    if offset == 0:
        return "0-0"
    file.seek(max(0, offset - _CHECKED))
    return f"{offset}-{zlib.crc32(file.read(min(offset, _CHECKED))):x}"


def _whole_end(file: BinaryIO) -> int:
    """Where the last whole line ends."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _CHUNK)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def _lines(file: BinaryIO, low: int, high: int) -> Iterator[bytes]:
    file.seek(low)
    rest, left = b"", high - low
    while left > 0 and (chunk := file.read(min(_CHUNK, left))):
        left -= len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"


def _last_lines(file: BinaryIO, low: int, high: int, most: int) -> list[bytes]:
    """The last lines between two offsets; read backwards, so that a long file costs no more than a short one."""
    start, held = high, b""
    while start > low and held.count(b"\n") <= most:
        before = max(low, start - _CHUNK)
        file.seek(before)
        held = file.read(start - before) + held
        start = before
    lines = held.splitlines(keepends=True)
    if start > low and lines:
        lines = lines[1:]  # begun before what was read
    return lines[-most:] if most else []


def _line_from(file: BinaryIO, at: int, low: int, high: int) -> tuple[bytes, int]:
    """The first whole line that begins at `at` or later, and where it ends; none at the end."""
    if at > low:
        file.seek(at - 1)
        skipped = file.readline(_LONGEST_LINE)
        at = at - 1 + len(skipped)
    else:
        file.seek(low)
        at = low
    if at >= high:
        return b"", high
    line = file.readline(_LONGEST_LINE)
    return line, at + len(line)


def _parse(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None for what is no object."""
    row = parse_json(line)
    return row if isinstance(row, dict) else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0

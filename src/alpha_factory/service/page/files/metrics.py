"""`metrics.jsonl` as columns: names, a range of frames and a number of points in, arrays out."""

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from alpha_factory.service.page.files.lines import (
    end_cursor,
    find_line,
    read_last,
    read_range,
    read_sample,
    read_since,
    whole_size,
)

FILE = "metrics.jsonl"
ALWAYS = ("frames", "updates", "cycle", "wall_s", "compile_s")
MOST_POINTS = 5_000
_LARGEST = sys.float_info.max
Column = list[int | float | None]


def read_metrics(
    run: Path,
    *,
    names: Collection[str] | None = None,
    points: int = 400,
    low: int | float | None = None,
    high: int | float | None = None,
) -> dict[str, Any]:
    """Columns of the rows between two numbers of frames, as the API gives them."""
    path = run / FILE
    cursor = end_cursor(path)
    rows: list[dict[str, Any]] = []
    is_sampled, total = False, 0
    first, last = _find_range(path, low, high)
    if first < last:
        rows, is_sampled, total = read_sample(path, first, last, max(2, points))
    return {
        "columns": to_columns(rows, names),
        "names": list_names(path),
        "rows": total,
        "is_sampled": is_sampled,
        "is_estimate": is_sampled,
        "cursor": cursor,
        "reset": False,
    }


def list_rows(
    run: Path,
    *,
    names: Collection[str] | None = None,
    low: int | float | None = None,
    high: int | float | None = None,
) -> tuple[list[str], Iterator[list[int | float | None]]]:
    """Names of columns, and every row between two numbers of frames, read as they are asked for."""
    path = run / FILE
    first, last = _find_range(path, low, high)
    chosen = list_names(path) if names is None else names
    columns = [*dict.fromkeys([*ALWAYS, *chosen])]
    rows = read_range(path, first, last) if first < last else iter(())
    return columns, ([read_number(row, name) for name in columns] for row in rows)


def read_new_metrics(
    run: Path, cursor: str | None, names: Collection[str] | None = None
) -> dict[str, Any]:
    """Columns of the rows since a cursor."""
    since = read_since(run / FILE, cursor, MOST_POINTS)
    return {
        "columns": to_columns(since.rows, names),
        "names": list_names(run / FILE),
        "rows": len(since.rows),
        "is_sampled": False,
        "is_estimate": False,
        "cursor": since.cursor,
        "reset": since.is_reset,
    }


def to_columns(
    rows: Sequence[dict[str, Any]], names: Collection[str] | None = None
) -> dict[str, Column]:
    """The rows' numbers by name, those of `values` beside the others."""
    chosen = _names(rows) if names is None else [*ALWAYS, *(set(names) - {*ALWAYS})]
    return {name: [read_number(row, name) for row in rows] for name in chosen}


def read_number(row: dict[str, Any], name: str) -> int | float | None:
    """A row's number of that name, or that among its `values`; None for what is none."""
    value = row.get(name)
    if value is None:
        value = _values(row).get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if abs(value) <= _LARGEST else None


def list_names(path: Path) -> list[str]:
    """All columns that there are, as the first and the last rows have them."""
    first = read_sample(path, 0, min(whole_size(path), 4096), 2)[0] if whole_size(path) else []
    return sorted(_names([*first, *read_last(path, 2)]))


def _find_range(path: Path, low: int | float | None, high: int | float | None) -> tuple[int, int]:
    """Byte offsets between which the rows of these frames lie."""
    if not (end := whole_size(path)):
        return 0, 0
    first = 0 if low is None else find_line(path, "frames", low)
    return first, end if high is None else min(end, _after(path, high))


def _after(path: Path, frames: int | float) -> int:
    return find_line(path, "frames", frames + 0.5)


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    known = dict.fromkeys(ALWAYS)
    for row in rows:
        known |= dict.fromkeys(name for name in row if name != "values")
        known |= dict.fromkeys(_values(row))
    return [*known]


def _values(row: dict[str, Any]) -> dict[str, Any]:
    values = row.get("values")
    return values if isinstance(values, dict) else {}

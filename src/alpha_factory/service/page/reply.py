"""Data in, an answer out: JSON without NaN, or CSV."""

import csv
import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from starlette.responses import Response, StreamingResponse

_ROWS_AT_ONCE = 500
UNITS = {
    "frames": "env steps",
    "updates": "gradient steps",
    "student_frames": "env steps",
    "student_updates": "gradient steps",
    "wall_s": "s",
    "compile_s": "s",
    "train_s": "s",
    "frames_per_s": "env steps/s",
    "time": "s since 1970",
    "solve_rate": "share",
    "heldout_solve_rate": "share",
    "normalised_return": "share of the most",
    "learnability": "p (1 - p)",
    "cvar_10_held": "share",
    "return_mean": "reward",
    "policy_entropy": "nats",
    "loss_policy": "nats",
    "pool": "worlds",
    "worlds_accepted": "worlds",
    "worlds_rejected": "worlds",
    "updates_skipped": "gradient steps",
    "shortest_path": "steps",
    "median_path": "steps",
    "step_limit": "steps",
    "path": "steps",
    "age": "cycles",
}
"""Of the columns that have one; a name without is a number, a count or a place in a list."""


def reply(data: Mapping[str, Any], status: int = 200) -> Response:
    """JSON. NaN and infinity, which it has no word for, become null."""
    return Response(encode(data), status_code=status, media_type="application/json")


def encode(data: Mapping[str, Any]) -> bytes:
    """The same as bytes."""
    try:
        text = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        text = json.dumps(_finite(data), allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace")


def reply_table(columns: Mapping[str, Sequence[Any]], name: str) -> Response:
    """Columns of equal length as a CSV file."""
    return reply_rows([*columns], zip(*columns.values(), strict=True), name)


def reply_rows(names: Sequence[str], rows: Iterable[Sequence[Any]], name: str) -> Response:
    """Rows as a CSV file (RFC 4180), sent as they are read; a name says its unit in brackets."""
    safe = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
    head = [f"{one} [{UNITS[one]}]" if one in UNITS else one for one in names]
    return StreamingResponse(
        _write_rows(head, iter(rows)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{safe}.csv"'},
    )


def _write_rows(head: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    """The file in pieces of some hundred rows."""
    lines: Iterable[Sequence[Any]] = [head]
    while lines:
        text = io.StringIO()
        csv.writer(text).writerows([_cell(value) for value in row] for row in lines)
        yield text.getvalue().encode("utf-8", "replace")
        lines = [*itertools.islice(rows, _ROWS_AT_ONCE)]


def _cell(value: Any) -> Any:
    """A cell's content. What a spreadsheet would take for a formula is made text."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {key: _finite(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_finite(inner) for inner in value]
        case _:
            return value

"""Data in, an answer out: JSON without NaN, or CSV."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import Response


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
    """Rows as a CSV file (RFC 4180)."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(map(_cell, names))
    table.writerows([_cell(value) for value in row] for row in rows)
    safe = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
    return Response(
        text.getvalue().encode("utf-8", "replace"),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{safe}.csv"'},
    )


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

"""Figures of the page that are drawn from logged rows: a run's record in, markup out."""

import math
from collections.abc import Callable

from alpha_factory.records import MetricRow
from alpha_factory.runs.report.charts import Line, Reference, draw_chart
from alpha_factory.runs.report.data import RunRecord


def draw_rows(
    record: RunRecord,
    title: str,
    about: str,
    curves: dict[str, Callable[[MetricRow], int | float | None]],
    *,
    references: list[Reference] | None = None,
    is_share: bool = False,
    is_step: bool = False,
    is_log: bool = False,
) -> str:
    """A chart with its caption; nothing where none of its curves was logged."""
    lines = []
    for name, read in curves.items():
        points = [(row.frames, read(row)) for row in record.rows]
        known = [
            (frames, value)
            for frames, value in points
            if value is not None and math.isfinite(value) and not (is_log and value <= 0)
        ]
        if known:
            lines.append(Line(name, known, is_step=is_step))
    if not lines:
        return ""
    return draw_figure(
        title, about, draw_chart(title, lines, references or [], is_share=is_share, is_log=is_log)
    )


def draw_figure(title: str, about: str, svg: str) -> str:
    """A drawing with its caption."""
    return f"<figure><figcaption>{title}<small>{about}</small></figcaption>{svg}</figure>"


def read_value(name: str) -> Callable[[MetricRow], int | float | None]:
    """A function that reads the value of that name off a row."""
    return lambda row: row.values.get(name)

"""Learning curves of groups: what runs logged, brought to common points, with intervals over seeds."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from alpha_factory.evaluate import stratified_interval
from alpha_factory.records import MetricRow
from alpha_factory.runs.comparison.groups import Group

SERIES: dict[str, Callable[[MetricRow], float | None]] = {
    "solved in training": lambda row: row.solve_rate,
    "solved, held out": lambda row: row.values.get("heldout_solve_rate"),
}
"""What is drawn, from a row of metrics; which levels are held out is in docs/runs.md."""

_POINTS = 60


def trace(groups: Sequence[Group], *, unit: str) -> dict[str, dict[str, Any]]:
    """Mean curves by series and group, at points that all runs of the group have come by.

    Args:
        unit: of the horizontal axis, a field of `MetricRow`.

    Returns:
        `x`, `mean`, and `low` and `high` of the 95 % interval at each point by itself, None for a single run. A group
        of which a run did not log the series is left out of it, and so is a series that no group has.
    """
    traced = {name: _trace_all(groups, read, unit) for name, read in SERIES.items()}
    return {name: curves for name, curves in traced.items() if curves}


def _trace_all(
    groups: Sequence[Group], read: Callable[[MetricRow], float | None], unit: str
) -> dict[str, Any]:
    curves = {}
    for group in groups:
        lines = [_points(run.rows, read, unit) for run in group.runs]
        if all(len(x) > 1 for x, _ in lines):
            curves[group.name] = _join(lines)
    return curves


def _points(
    rows: Sequence[MetricRow], read: Callable[[MetricRow], float | None], unit: str
) -> tuple[np.ndarray, np.ndarray]:
    known = [
        (getattr(row, unit), value)
        for row in rows
        if (value := read(row)) is not None and math.isfinite(value)
    ]
    x, y = np.asarray(known, float).reshape(-1, 2).T
    return x, y


def _join(lines: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    first, last = max(x[0] for x, _ in lines), min(x[-1] for x, _ in lines)
    edges = np.linspace(first, last, _POINTS + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    heights = np.stack([_bin(x, y, edges, middle) for x, y in lines])
    ends = stratified_interval(lambda scores: scores.mean(axis=0), heights)
    low, high = (None, None) if ends is None else (end.tolist() for end in ends)
    return {"x": middle.tolist(), "mean": heights.mean(axis=0).tolist(), "low": low, "high": high}


def _bin(x: np.ndarray, y: np.ndarray, edges: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The mean of the points between two edges; where there are none, what lies on the line between its neighbours."""
    sums, _ = np.histogram(x, edges, weights=y)
    points, _ = np.histogram(x, edges)
    is_met = points > 0
    filled = np.interp(middle, x, y)
    return np.where(is_met, sums / np.maximum(points, 1), filled)

"""Several runs side by side: their rows in, means with intervals over seeds on common steps out."""

import bisect
import json
import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from alpha_factory.service.page.files.metrics import read_metrics
from alpha_factory.service.page.files.records import read_json

By = Literal["frames", "wall_s", "updates"]
_APART = ("seed", "budget")  # settings in which the runs of a group may differ
_DRAWS = 500
_NOT_SET = "(not set)"


def compare_runs(
    runs: Mapping[str, Path], names: Sequence[str], *, points: int = 200, by: By = "frames"
) -> dict[str, Any]:
    """Curves of runs and of groups of runs that differ in the seed alone, and the settings that differ.

    A group's curve goes as far as its longest run; `runs` says how many still are in a mean.
    """
    curves = {}
    for name, path in runs.items():
        read = read_metrics(path, names=names, points=points)
        columns = read["columns"]
        curves[name] = {
            "x": columns[by],
            "series": {one: columns[one] for one in names},
            "rows": read["rows"],
            "is_sampled": read["is_sampled"],
        }
    configs = {name: _flatten(read_json(path, "config.json")) for name, path in runs.items()}
    groups = [
        _average(members, curves, names, points, by, runs[members[0]].name)
        for members in _group(configs)
    ]
    return {
        "by": by,
        "names": [*names],
        "groups": groups,
        "runs": curves,
        "settings": _list_differing(configs),
    }


def _group(configs: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    groups = defaultdict(list)
    for name, config in configs.items():
        rest = {key: value for key, value in config.items() if key.split(".")[0] not in _APART}
        groups[json.dumps(rest, sort_keys=True)].append(name)
    return [*groups.values()]


def _average(
    members: Sequence[str],
    curves: Mapping[str, Any],
    names: Sequence[str],
    points: int,
    by: By,
    title: str,
) -> dict[str, Any]:
    ends = [curves[name]["x"][-1] for name in members if curves[name]["x"]]
    end = max(ends, default=0)
    grid = [end * step / (points - 1) for step in range(points)] if ends else []
    drawn = _draw(len(members))
    series = {}
    for name in names:
        columns = [
            [_read_off(curves[member]["x"], curves[member]["series"][name], at) for at in grid]
            for member in members
        ]
        series[name] = _sum_up(np.array(columns, float).reshape(len(members), len(grid)), drawn)
    return {"name": title, "runs": [*members], "x": grid, "series": series}


def _draw(members: int) -> np.ndarray:
    """How often each member is drawn (draws members). The same at every step: the band is as smooth as the curves."""
    state = random.Random(0)
    drawn = np.zeros((_DRAWS, members))
    for draw in drawn:
        for member in state.choices(range(members), k=members):
            draw[member] += 1
    return drawn


def _sum_up(values: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    """Means over the runs that have a value, and their 95 % bootstrap intervals.

    Args:
        values: members steps; NaN where a run has none.
        drawn: draws members.
    """
    is_known = np.isfinite(values)
    filled = np.where(is_known, values, 0.0)
    runs = is_known.sum(0)
    counts = drawn @ is_known
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(0) / runs
        means = np.sort(drawn @ filled / counts, axis=0)  # draws of unknown ones alone are last
    valid = (counts > 0).sum(0)
    low, high = (
        np.take_along_axis(means, (share * last).astype(int)[None], axis=0)[0]
        for share, last in ((0.025, valid), (0.975, np.maximum(valid - 1, 0)))
    )
    is_alone = runs < 2
    return {
        "mean": _list(mean),
        "low": _list(np.where(is_alone, np.nan, low)),
        "high": _list(np.where(is_alone, np.nan, high)),
        "runs": runs.tolist(),
    }


def _list(values: np.ndarray) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _read_off(
    x: Sequence[int | float], y: Sequence[int | float | None], at: int | float
) -> int | float | None:
    """The value at a place between two rows; None beyond the ends or beside an unknown one."""
    if not x or at < x[0] or at > x[-1]:
        return None
    right = bisect.bisect_left(x, at)
    if x[right] == at:
        return y[right]
    before, after = y[right - 1], y[right]
    if before is None or after is None:
        return before if after is None else after
    share = (at - x[right - 1]) / (x[right] - x[right - 1])
    return before + share * (after - before)


def _list_differing(configs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    keys = sorted({key for config in configs.values() for key in config})
    told = []
    for key in keys:
        values = {name: config.get(key, _NOT_SET) for name, config in configs.items()}
        if len({json.dumps(value, sort_keys=True) for value in values.values()}) > 1:
            told.append({"name": key, "values": values})
    return told


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Settings by dotted name."""
    if not isinstance(value, dict):
        return {prefix: value} if prefix else {}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat

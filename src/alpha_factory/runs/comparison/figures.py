"""The figures of a comparison: intervals, performance profiles, probabilities of improvement, learning curves.

What `verdict` and `curves` tell goes in, matplotlib figures come out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from alpha_factory.runs.comparison.style import (
    COLUMN,
    INK,
    PAGE,
    mark_of,
    show_as_percent,
)
from alpha_factory.runs.report.charts import short_number

_ROW = 0.28  # inches for each group or pair
_FRAME = 1.15  # inches for titles, ticks and the note
_STATISTICS = {
    "solve_rate": "mean",
    "iqm": "IQM",
    "cvar_10_held": "worst 10 %",
    "cvar_1_held": "worst 1 %",
}


def draw_intervals(told: Mapping[str, Any]) -> Figure:
    """Mean, interquartile mean and worst levels of each group, with intervals."""
    names = list(told["groups"])
    shown = {
        field: title
        for field, title in _STATISTICS.items()
        if all(told["groups"][name][field]["value"] is not None for name in names)
        # Where the worst tenth is one level, so is the worst hundredth.
        and not (field == "cvar_1_held" and round(0.1 * told["levels"]) <= 1)
    }
    figure = Figure(figsize=(PAGE, _FRAME + _ROW * len(names)), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (field, title) in zip(panels, shown.items(), strict=True):
        for row, name in enumerate(names):
            _draw_interval(axes, told["groups"][name][field], row)
        axes.set_title(title)
        axes.margins(x=0.12)
        axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10], min_n_ticks=2))
        show_as_percent(axes, "x")
        _dress_rows(axes, names)
    _add_title(figure, told, "solve rate (%)")
    return figure


def draw_profiles(told: Mapping[str, Any]) -> Figure:
    """The share of runs and levels that are solved more often than each rate."""
    figure = Figure(figsize=(COLUMN, 2.9), layout="constrained")
    axes = figure.subplots()
    thresholds = told["profiles"]["thresholds"]
    for row, (name, profile) in enumerate(told["profiles"]["groups"].items()):
        _draw_band(axes, thresholds, profile, "share", name, row, is_step=True)
    axes.set_xlabel("solve rate τ (%)")
    axes.set_ylabel("runs and levels above τ (%)")
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.02, 1.02)
    for which in ("x", "y"):
        show_as_percent(axes, which)
    axes.set_title(_name(told))
    _add_legend(figure, axes)
    return figure


def draw_improvement(told: Mapping[str, Any]) -> Figure:
    """For each pair of groups, how likely the first does better on a level."""
    pairs = told["improvement"]
    figure = Figure(figsize=(COLUMN, _FRAME + 1.6 * _ROW * len(pairs)), layout="constrained")
    axes = figure.subplots()
    for row, pair in enumerate(pairs):
        _draw_interval(axes, pair, row, is_plain=True)
    axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    axes.set_xlim(0, 1)
    axes.set_xlabel("P(X > Y) on a level")
    _add_title(figure, told, "X over Y")
    _dress_rows(axes, [f"{pair['of']}\nover {pair['over']}" for pair in pairs])
    return figure


def draw_curves(traced: Mapping[str, Mapping[str, Any]], x_label: str) -> Figure:
    """A panel for each series, a line for each group."""
    figure = Figure(figsize=(PAGE if len(traced) > 1 else COLUMN, 2.9), layout="constrained")
    panels = figure.subplots(1, len(traced), sharey=True, squeeze=False)[0]
    names = list(dict.fromkeys(name for curves in traced.values() for name in curves))
    for axes, (series, curves) in zip(panels, traced.items(), strict=True):
        for name, curve in curves.items():
            _draw_band(axes, curve["x"], curve, "mean", name, names.index(name))
        axes.set_title(f"{series} (%)")
        axes.set_xlabel(x_label)
        axes.set_ylim(-0.02, 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
        show_as_percent(axes, "y")
    _add_legend(figure, *panels)
    return figure


def _draw_interval(
    axes: Axes, estimate: Mapping[str, Any], row: int, *, is_plain: bool = False
) -> None:
    mark = mark_of(0 if is_plain else row)
    if estimate["low"] is not None:
        ends = [estimate["low"], estimate["high"]]
        axes.plot(
            ends,
            [row, row],
            color=mark.colour,
            linewidth=3,
            alpha=0.45,
            solid_capstyle="butt",  # no farther than the interval
            clip_on=False,
        )
    axes.plot(
        estimate["value"],
        row,
        mark.point,
        color=mark.colour,
        markersize=4.5,
        clip_on=False,  # whole at the ends of the axis, too
        zorder=3,
    )


def _draw_band(
    axes: Axes,
    x: Sequence[float],
    curve: Mapping[str, Any],
    field: str,
    name: str,
    row: int,
    *,
    is_step: bool = False,
) -> None:
    mark = mark_of(row)
    axes.plot(
        x,
        curve[field],
        label=name,
        color=mark.colour,
        linestyle=mark.line,
        linewidth=1.3,
        clip_on=False,
        marker=mark.point,
        markersize=3.5,
        markevery=(0.04 + 0.02 * row, 0.2),  # apart, where lines lie on each other
        drawstyle="steps-post" if is_step else "default",
    )
    if curve["low"] is not None:
        axes.fill_between(
            x,
            curve["low"],
            curve["high"],
            color=mark.colour,
            alpha=0.18,
            linewidth=0,
            step="post" if is_step else None,
        )


def _dress_rows(axes: Axes, names: Sequence[str]) -> None:
    """Names down the side, the first on top."""
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)


def _add_legend(figure: Figure, *panels: Axes) -> None:
    found = {
        label: line
        for axes in panels
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if len(found) > 1:
        columns = 2 if figure.get_figwidth() <= COLUMN else 4
        figure.legend(
            list(found.values()),
            list(found),
            loc="outside upper left",
            ncols=columns if max(map(len, found)) <= 20 else columns // 2,
            frameon=False,
            handlelength=3.2,
            borderpad=0,
        )


def _add_title(figure: Figure, told: Mapping[str, Any], what: str) -> None:
    figure.suptitle(f"{_name(told)}: {what}", fontsize=8, x=0.01, ha="left")


def _name(told: Mapping[str, Any]) -> str:
    drawn = f", {told['levels']:,} levels drawn" if told["is_drawn"] else ""
    return f"{told['suite']}{drawn}, {told['step_limit']:,} steps"

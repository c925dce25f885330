"""Learning curves as SVG to stand inside a page: points in, markup out.

Colours are written as the page's CSS variables, so that one drawing serves the light and the dark page.
"""

import html
import io
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

_INCHES = (4.6, 2.75)
_DPI = 72  # the unit of SVG's coordinates
_MOST_POINTS = 120

# Stand-ins that matplotlib accepts as colours, and what they become in the page.
_INK, _LINE = "#0a0b0c", "#0a0b0d"
_SERIES = ("#0a0b11", "#0a0b12", "#0a0b13", "#0a0b14", "#0a0b15")
_PAGE_COLOURS = {
    _INK: "var(--muted)",
    _LINE: "var(--line)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(_SERIES, start=1)},
}
_STYLES = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (5, 1.4, 1.2, 1.4)), "-")
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: found, read aloud and in the page's own font
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


class Line(NamedTuple):
    """A curve."""

    name: str
    points: Sequence[tuple[int | float, int | float]]
    is_step: bool = False  # holds its value until the next point
    is_cloud: bool = False  # points without a line


class Reference(NamedTuple):
    """A level to compare the curves with."""

    name: str
    y: int | float


def draw_chart(
    title: str,
    lines: Sequence[Line],
    references: Sequence[Reference] = (),
    *,
    is_share: bool = False,
    is_log: bool = False,
    x_label: str = "env steps",
) -> str:
    """A chart as an `svg` element.

    Args:
        title: names the chart for those who can't see it; the page prints it above.
        is_share: values are shares of 1, shown as percent from 0 to 100.
        is_log: the vertical axis is logarithmic.
    """
    with mpl.rc_context(rc=_SETTINGS | {"svg.hashsalt": title}):
        figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
        axes = figure.add_subplot()
        for index, line in enumerate(lines):
            _draw_line(axes, line, index)
        for reference in references:
            _draw_reference(axes, reference)
        _dress(axes, x_label, is_share=is_share, is_log=is_log)
        if len(lines) + len(references) > 1:
            figure.legend(
                loc="outside upper left",
                ncols=3,
                frameon=False,
                handlelength=1.8,
                columnspacing=1.4,
                borderpad=0,
            )
        text = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    return _adopt(text.getvalue(), _in_words(title, lines, references, is_share))


def _draw_line(axes: Axes, line: Line, index: int) -> None:
    colour = _SERIES[index % len(_SERIES)]
    if line.is_cloud:
        x, y = np.asarray(line.points, float).T
        axes.scatter(x, y, label=line.name, color=colour, s=11, alpha=0.35, linewidths=0)
        return
    x, y = _thin(line)
    axes.plot(
        x,
        y,
        label=line.name,
        color=colour,
        linestyle=_STYLES[index % len(_STYLES)],
        linewidth=1.8,
        drawstyle="steps-post" if line.is_step else "default",
        marker="o" if len(x) == 1 else None,
        markersize=3.6,
        solid_capstyle="round",
    )


def _draw_reference(axes: Axes, reference: Reference) -> None:
    style = (0, (2, 2))
    axes.axhline(reference.y, label=reference.name, color=_INK, linewidth=1.2, linestyle=style)


def _dress(axes: Axes, x_label: str, *, is_share: bool, is_log: bool) -> None:
    axes.grid(axis="y", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(which="both", length=0, pad=4)
    axes.margins(x=0.015)
    axes.set_xlabel(x_label, loc="right", labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    if is_share:
        axes.set_ylim(-0.03, 1.05)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    elif is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    else:
        if axes.dataLim.y0 >= 0:
            axes.set_ylim(bottom=0)
        has_room = axes.dataLim.y1 > 3  # for whole numbers alone
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=has_room))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))


def short_number(value: int | float) -> str:
    """A number in at most about five characters: 950, 12.5k, 3.2M."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{unit}"
    return f"{value:.3g}"


def _thin(line: Line) -> tuple[np.ndarray, np.ndarray]:
    """At most `_MOST_POINTS` points: means of runs of neighbours, or, of a step line, the last of each."""
    x, y = np.asarray(line.points, float).T
    if len(x) <= _MOST_POINTS:
        return x, y
    edges = np.linspace(0, len(x), _MOST_POINTS + 1).astype(int)[:-1]
    if line.is_step:
        last = np.append(edges[1:], len(x)) - 1
        return x[last], y[last]
    sizes = np.diff(np.append(edges, len(x)))
    return np.add.reduceat(x, edges) / sizes, np.add.reduceat(y, edges) / sizes


def _in_words(
    title: str,
    lines: Sequence[Line],
    references: Sequence[Reference],
    is_share: bool,
) -> str:
    def tell(value: int | float) -> str:
        return f"{100 * value:.0f} %" if is_share else short_number(value)

    parts = [
        f"{line.name} from {tell(line.points[0][1])} to {tell(line.points[-1][1])}"
        for line in lines
    ]
    parts += [f"{reference.name} {tell(reference.y)}" for reference in references]
    return f"{title}: {'; '.join(parts)}."


def _adopt(svg: str, words: str) -> str:
    """A drawing of matplotlib's as part of a page: its own colours, size from the page, and words beside it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]+"', svg)
    assert box is not None
    opening = f'<svg class="chart" role="img" aria-label="{html.escape(words)}" {box[0]}>'
    svg = re.sub(r"<svg[^>]*>", opening, svg, count=1)
    # Names that nothing in the drawing refers to would be the same in every chart of the page.
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda name: name[0] if name[1] in used else "", svg)
    for stand_in, colour in _PAGE_COLOURS.items():
        svg = svg.replace(stand_in, colour)
    return svg.strip()

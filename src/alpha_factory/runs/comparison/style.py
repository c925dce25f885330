"""How figures for a paper look: sizes, colours that survive grey print and colour blindness, and saving them."""

import io
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN = 3.4
"""Inches: the width of one column of a paper."""
PAGE = 7.0
"""Inches: the width of its text."""
INK = "#222222"

_DPI = 300
_LETTERS_AN_INCH = 17  # of a note
_SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,  # text stays text, which journals ask for
}


class Mark(NamedTuple):
    """How a group looks: each of the three alone tells it from the five others."""

    colour: str
    line: Any
    point: str


# After the palettes of Okabe and Ito and of Paul Tol, made darker and lighter until they differ in grey, too.
_MARKS = (
    Mark("#000000", "-", "o"),
    Mark("#D55E00", (0, (5, 1.5)), "s"),
    Mark("#332288", (0, (1.2, 1.2)), "^"),
    Mark("#D98CB9", (0, (5, 1.2, 1.2, 1.2)), "D"),
    Mark("#005F99", (0, (8, 2)), "v"),
    Mark("#DDCC77", (0, (3, 1, 1, 1, 1, 1)), "P"),
)
MOST = len(_MARKS)
"""Groups that can be told apart."""


def mark_of(index: int) -> Mark:
    """The look of the `index`-th group."""
    return _MARKS[index % MOST]


@contextmanager
def paper() -> Iterator[None]:
    """Draw and save with the settings of a paper."""
    with mpl.rc_context(rc=_SETTINGS):
        yield


def add_note(figure: Figure, note: str, *, is_loud: bool) -> None:
    """A note below a figure, in as many lines as it takes."""
    width = int(figure.get_figwidth() * _LETTERS_AN_INCH)
    figure.supxlabel(
        textwrap.fill(note, width),
        fontsize=6.5,
        fontweight="bold" if is_loud else "normal",
        x=0.01,
        ha="left",
    )


def show_as_percent(axes: Axes, which: str) -> None:
    """Shares of 1 as numbers without a sign; the label says percent."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: f"{100 * value:g}")


def save(figure: Figure, place: Path, write: Callable[[Path, bytes], None]) -> list[Path]:
    """Write a figure as a picture of 300 dots an inch and as a PDF; their paths."""
    written = []
    for kind in ("png", "pdf"):
        held = io.BytesIO()
        nothing = {"CreationDate": None} if kind == "pdf" else None
        figure.savefig(held, format=kind, dpi=_DPI, metadata=nothing)
        path = place.with_name(f"{place.name}.{kind}")
        write(path, held.getvalue())
        written.append(path)
    return written

"""The page's memory: how well the worlds of the panel are played over time. A run's record in, markup out."""

from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from alpha_factory.evaluate import find_learned, find_losses
from alpha_factory.evaluate.collapse import LASTING, LEARNED, LOST
from alpha_factory.runs.evolution.retention import (
    FEWEST,
    Estimate,
    Retention,
    make_retention,
    sum_up,
)
from alpha_factory.runs.report.charts import short_number
from alpha_factory.runs.report.data import RunRecord
from alpha_factory.runs.report.results import percent
from alpha_factory.runs.report.tree import shade

_WIDTH, _LABEL, _TOP = 1020.0, 84.0, 6.0
_PITCH, _THICK, _THIN = 15.0, 12.0, 5.0  # of a row, while its world lives in the pool, and after
_MOST_COLUMNS = 64  # more looks are drawn as means of neighbours
_STEPS = 20  # colours of the scale
_RAMP_STOPS = 7


class _Grid(NamedTuple):
    """What is drawn: worlds of the panel now, over the whole run."""

    rate: Float[np.ndarray, "columns rows"]  # NaN where there is none
    edge: Float[np.ndarray, " columns+1"]  # env steps between which a column stands
    gone: Float[np.ndarray, " rows"]  # env steps at which a world left the pool; inf: it lives


class _Cell(NamedTuple):
    """A stretch of a row in one colour."""

    start: float  # env steps
    end: float
    colour: str
    is_living: bool  # its world lives in the pool


def draw_memory(record: RunRecord) -> str:
    """The matrix of solve rates with what it says in numbers; a sentence where there is none."""
    if not record.looks:
        return '<p class="empty">No world has been played again yet.</p>'
    kept = make_retention(record.looks, record.retirements)
    sums = sum_up(kept)
    told = [_tell_forgetting(kept, sums), _tell_losses(kept), _tell_transfer(sums)]
    return (
        "".join(f"<p>{escape(words)}</p>" for words in told)
        + '<p class="note">At a look, all worlds on the panel are played by the policy head alone, without a search; '
        "worlds that have just been accepted may join it. A row is a world that is on it now. A cell is few episodes "
        "and says little by itself.</p>"
        f'{_draw_key()}<div class="panel scroll" tabindex="0" role="region" aria-label="Solve rates over time">'
        f"{_draw_rows(kept)}</div>"
    )


def _tell_forgetting(kept: Retention, sums: dict[str, Estimate]) -> str:
    if "forgetting" not in sums:
        return (
            f"What was forgotten is not known yet: fewer than {FEWEST} worlds on the panel "
            "were played before and after they left the pool."
        )
    lost = sums["forgetting"]
    told = (
        f"Of {lost.worlds} worlds on the panel that were trained on and have left the pool, "
        f"{percent(sums['learned'].mean)} of episodes were solved at the last look before they left "
        f"and {percent(sums['retired'].mean)} at the last of {len(kept.cycle):,} looks: forgetting "
        f"{_points(lost)}."
    )
    if lost.high < 0:
        told += " They are solved more often than when they left."
    return told


def _tell_losses(kept: Retention) -> str:
    solved = kept.solved[:, kept.is_present]
    learned, lost = int(find_learned(solved).sum()), int(find_losses(solved).sum())
    return (
        f"{learned} of {solved.shape[1]} worlds on the panel were solved in {percent(LEARNED)} or more of their "
        f"episodes at some look; catastrophic losses, which fell under {percent(LOST)} and stayed there at their last "
        f"{LASTING} looks or more: {lost}."
    )


def _tell_transfer(sums: dict[str, Estimate]) -> str:
    if "forward_transfer" not in sums:
        return (
            f"What earlier worlds taught about later ones is not known yet: fewer than {FEWEST} worlds "
            "have joined the panel."
        )
    gained = sums["forward_transfer"]
    return (
        f"Of {gained.worlds} worlds, {percent(sums['joined'].mean)} of episodes were solved before anything was "
        f"trained on them, against {percent(sums['untrained'].mean)} by the untrained network: forward transfer "
        f"{_points(gained)}. Part of it is choice: a world is accepted only if the agent solves it now and then."
    )


def _points(estimate: Estimate) -> str:
    chance = ", which can be chance" if estimate.low <= 0 <= estimate.high else ""
    low, middle, high = (
        f"{100 * value:+.1f}".replace("-", "−")
        for value in (estimate.low, estimate.mean, estimate.high)
    )
    return f"{middle} percentage points (95 % interval {low} to {high}){chance}"


def _draw_key() -> str:
    stops = ",".join(shade(stop / (_RAMP_STOPS - 1), (0, 1))[0] for stop in range(_RAMP_STOPS))
    bar = (
        '<svg width="26" height="14" aria-hidden="true">'
        '<rect y="{top}" width="26" height="{height}" style="fill:var(--edge)"/></svg>'
    )
    return (
        f'<ul class="key"><li>solved 0 % <span class="ramp" style="background:linear-gradient(90deg,{stops})">'
        "</span> 100 %</li>"
        f"<li>{bar.format(top=7 - _THICK / 2, height=_THICK)}lives in the pool</li>"
        f"<li>{bar.format(top=7 - _THIN / 2, height=_THIN)}has left it</li></ul>"
    )


def _draw_rows(kept: Retention) -> str:
    """The matrix as SVG: a row a world on the panel now, over env steps."""
    present = [int(world) for world in np.flatnonzero(kept.is_present)]
    grid = _make_grid(kept, present)
    scale = (_WIDTH - _LABEL - 16) / (grid.edge[-1] - grid.edge[0])
    bottom = _TOP + _PITCH * len(present)

    def place(frames: float) -> float:
        return _LABEL + (frames - float(grid.edge[0])) * scale

    parts = [_axis(grid, bottom, place)]
    for row, world in enumerate(present):
        middle = _TOP + _PITCH * (row + 0.5)
        parts.append(
            f'<g class="row"><title>{escape(_tell_row(kept, world))}</title>'
            f'<text x="{_LABEL - 8:.0f}" y="{middle + 4:.1f}" text-anchor="end">world {kept.world[world]}</text>'
        )
        for cell in _merge(_cells(grid, row)):
            height = _THICK if cell.is_living else _THIN
            parts.append(
                f'<rect x="{place(cell.start):.1f}" y="{middle - height / 2:.1f}" '
                f'width="{(cell.end - cell.start) * scale:.1f}" height="{height:.0f}" fill="{cell.colour}"/>'
            )
        if np.isfinite(grid.gone[row]):
            x, half = place(float(grid.gone[row])), _PITCH / 2 - 0.5
            parts.append(
                f'<line class="left" x1="{x:.1f}" x2="{x:.1f}" y1="{middle - half:.1f}" y2="{middle + half:.1f}"/>'
            )
        parts.append("</g>")
    living = int(np.isinf(grid.gone).sum())
    words = (
        f"Solve rates of {len(present)} worlds over {len(kept.cycle):,} looks; {living} of them live in the pool, "
        f"and {percent(float(np.nanmean(kept.solved[-1])))} of episodes were solved at the last look."
    )
    height = bottom + 34
    return (
        f'<svg class="memory" role="img" aria-label="{escape(words)}" width="{_WIDTH:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {_WIDTH:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )


def _make_grid(kept: Retention, present: list[int]) -> _Grid:
    solved = kept.solved[:, present]
    times = len(kept.cycle)
    groups = np.array_split(np.arange(times), min(times, _MOST_COLUMNS))
    # A look stands for the time until the next; the last one, for as long as the one before it.
    end, last = (
        2 * series[-1] - series[-2] if times > 1 else series[-1] + 1
        for series in (kept.frames, kept.cycle)
    )
    until = np.append(kept.frames, end).astype(float)
    left, living = kept.left[present], np.isinf(kept.left[present])
    gone = np.interp(np.where(living, 0, left), np.append(kept.cycle, last), until)
    return _Grid(
        rate=np.stack([_mean_known(solved[group]) for group in groups]),
        edge=until[[*(group[0] for group in groups), times]],
        gone=np.where(living, np.inf, gone),
    )


def _mean_known(rates: Float[np.ndarray, "times rows"]) -> Float[np.ndarray, " rows"]:
    is_known = np.isfinite(rates)
    known = is_known.sum(axis=0)
    total = np.where(is_known, rates, 0.0).sum(axis=0)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


def _cells(grid: _Grid, row: int) -> Iterator[_Cell]:
    """The cells of a row from left to right; the one in which its world left the pool in two parts."""
    gone = float(grid.gone[row])
    for column, rate in enumerate(grid.rate[:, row]):
        if np.isnan(rate):
            continue
        start, end = (float(edge) for edge in grid.edge[column : column + 2])
        colour = shade(round(_STEPS * float(rate)) / _STEPS, (0, 1))[0]
        if start < gone:
            yield _Cell(start, min(end, gone), colour, is_living=True)
        if gone < end:
            yield _Cell(max(start, gone), end, colour, is_living=False)


def _merge(cells: Iterable[_Cell]) -> list[_Cell]:
    """Neighbours that look alike as one."""
    merged: list[_Cell] = []
    for cell in cells:
        before = merged[-1] if merged else None
        if before and before[1:] == (cell.start, *cell[2:]):
            merged[-1] = before._replace(end=cell.end)
        else:
            merged.append(cell)
    return merged


def _axis(grid: _Grid, bottom: float, place: Callable[[float], float]) -> str:
    start, end = float(grid.edge[0]), float(grid.edge[-1])
    parts = [
        f'<text x="{_WIDTH - 16:.0f}" y="{bottom + 31:.0f}" text-anchor="end">env steps</text>'
    ]
    for tick in MaxNLocator(6, integer=True).tick_values(start, end):
        if start <= tick <= end:
            x = place(float(tick))
            parts.append(
                f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP:.0f}" y2="{bottom + 4:.1f}"/>'
                f'<text x="{x:.1f}" y="{bottom + 17:.1f}" text-anchor="middle">{short_number(tick)}</text>'
            )
    return "".join(parts)


def _tell_row(kept: Retention, world: int) -> str:
    parts = [f"World {kept.world[world]} joined in cycle {kept.cycle[kept.joined[world]]}"]
    rate = f"solved {percent(float(kept.solved[kept.joined[world], world]))}"
    if np.isfinite(kept.untrained[world]):
        rate += f" (untrained {percent(float(kept.untrained[world]))})"
    parts.append(rate)
    if np.isfinite(kept.left[world]):
        parts.append(f"left the pool in cycle {kept.left[world]:.0f}")
    parts.append(f"{percent(float(kept.solved[-1, world]))} at the last look")
    return "; ".join(parts)

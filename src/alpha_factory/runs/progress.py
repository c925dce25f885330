"""Live progress: what is being done, on a terminal in one line that renews itself, else in lines."""

import time
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.live import Live
from rich.text import Text

from alpha_factory.records import MetricRow

_Line = TypeVar("_Line", bound="StatusLine")
_LINE_EVERY_S = 5.0


class StatusLine:
    """Tells people how something long is getting on. Nothing depends on it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._spoken_at = -_LINE_EVERY_S

    def __enter__(self: _Line) -> _Line:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def say(self, line: str, *, is_news: bool) -> None:
        """Say what is being done; off a terminal only what is news, or after a while of silence."""
        if self._console.is_terminal:
            self._live.update(Text(line))
            return
        now = time.monotonic()
        if is_news or now - self._spoken_at >= _LINE_EVERY_S:
            self.note(line)
            self._spoken_at = now

    def note(self, line: str) -> None:
        """Say what stays to be read when other lines follow."""
        self._console.print(line, markup=False, soft_wrap=True)


class ProgressLine(StatusLine):
    """The line of a run."""

    def __init__(self, console: Console, *, minutes: float | None, frames: int | None) -> None:
        super().__init__(console)
        self._minutes = minutes
        self._frames = frames
        self._row: MetricRow | None = None

    def compiling(self, program: str) -> None:
        """A program is about to be compiled."""
        self._tell(f"compiling {program} …")

    def doing(self, what: str) -> None:
        """Something else than training begins."""
        self._tell(f"{what} …")

    def logged(self, row: MetricRow) -> None:
        """A stretch of training is over."""
        self._row = row
        self.say(self._tell_row(row), is_news=False)

    def seconds_left(self, row: MetricRow) -> float | None:
        """Of the budget after a stretch, as far as its rate tells; None for a run without end."""
        return self._count_left(row, row.values.get("frames_per_s") or 0.0)

    def _tell(self, doing: str) -> None:
        before = [self._tell_row(self._row)] if self._row else []
        self.say(" · ".join([*before, doing]), is_news=True)

    def _tell_row(self, row: MetricRow) -> str:
        rate, ratio = row.values.get("frames_per_s") or 0.0, row.values.get("replay_ratio")
        solved = "-" if row.solve_rate is None else f"{row.solve_rate:.0%}"
        parts = [
            f"{row.frames:,} frames",
            f"{row.updates:,} updates",
            *_tell_worlds(row),
            f"solved {solved}",
            f"{rate:,.0f} frames/s" + ("" if ratio is None else f", {ratio:.2f} replayed a frame"),
        ]
        if (left := self.seconds_left(row)) is not None:
            parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
        return " · ".join(parts)

    def _count_left(self, row: MetricRow, rate: float) -> float | None:
        spent = row.wall_s + row.compile_s
        by_time = None if self._minutes is None else max(0.0, 60 * self._minutes - spent)
        if self._frames is None or not rate:
            return by_time
        by_frames = max(0, self._frames - row.frames) / rate
        return by_frames if by_time is None else min(by_time, by_frames)


def _tell_worlds(row: MetricRow) -> list[str]:
    if "practice_share" not in row.values:
        return [f"worlds {row.worlds_accepted} accepted {row.worlds_rejected} rejected"]
    fill = row.values.get("buffer_fill")
    return [] if fill is None else [f"buffer {fill:.0%} full"]

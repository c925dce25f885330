"""Live progress: what a run is doing, on a terminal in one line that renews itself, else in lines."""

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from alpha_factory.records import MetricRow

_LINE_EVERY_S = 5.0


class ProgressLine:
    """Tells people how a run is getting on. Nothing depends on it."""

    def __init__(self, console: Console, *, minutes: float | None, frames: int | None) -> None:
        self._console = console
        self._minutes = minutes
        self._frames = frames
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._spoken_at = -_LINE_EVERY_S
        self._row: MetricRow | None = None
        self._doing = ""

    def __enter__(self) -> "ProgressLine":
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

    def compiling(self, program: str) -> None:
        """A program is about to be compiled."""
        self._say(f"compiling {program} …", is_news=True)

    def doing(self, what: str) -> None:
        """Something else than training begins."""
        self._say(f"{what} …", is_news=True)

    def logged(self, row: MetricRow) -> None:
        """A stretch of training is over."""
        self._row = row
        self._say("", is_news=False)

    def _say(self, doing: str, *, is_news: bool) -> None:
        parts = [self._tell_row(self._row)] if self._row else []
        line = " · ".join([*parts, *([doing] if doing else [])])
        if self._console.is_terminal:
            self._live.update(Text(line))
            return
        now = time.monotonic()
        if is_news or now - self._spoken_at >= _LINE_EVERY_S:
            self._console.print(line, markup=False, soft_wrap=True)
            self._spoken_at = now

    def _tell_row(self, row: MetricRow) -> str:
        rate = row.values.get("frames_per_s") or 0.0
        solved = "-" if row.solve_rate is None else f"{row.solve_rate:.0%}"
        parts = [
            f"{row.frames:,} frames",
            f"{row.updates:,} updates",
            f"worlds {row.worlds_accepted} accepted {row.worlds_rejected} rejected",
            f"solved {solved}",
            f"{rate:,.0f} frames/s",
        ]
        if (left := self._seconds_left(row, rate)) is not None:
            parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
        return " · ".join(parts)

    def _seconds_left(self, row: MetricRow, rate: float) -> float | None:
        spent = row.wall_s + row.compile_s
        by_time = None if self._minutes is None else max(0.0, 60 * self._minutes - spent)
        if self._frames is None or not rate:
            return by_time
        by_frames = max(0, self._frames - row.frames) / rate
        return by_frames if by_time is None else min(by_time, by_frames)

"""`metrics.jsonl` and `tensorboard/`: a row a log point in, the rows out.

`metrics.jsonl` is the truth; the TensorBoard files are the same numbers for those who like that page.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from alpha_factory.core.errors import RunConflict
from alpha_factory.records import MetricRow
from alpha_factory.runs.files.durable import explain_disk_full


class MetricWriter:
    """Appends rows to a run directory. Each is in both files, and visible to readers, when `write` returns."""

    def __init__(self, directory: Path) -> None:
        """Open the files of the run in `directory`; a last line that a crash tore is dropped."""
        self._directory = directory
        self._path = directory / "metrics.jsonl"
        self._purge_step: int | None = None
        self._board: EventsWriter | None = None
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        os.ftruncate(self._file, self._path.read_bytes().rfind(b"\n") + 1)

    def __enter__(self) -> "MetricWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, row: MetricRow) -> None:
        """Append a row.

        Raises:
            DiskFull: no space was left. `metrics.jsonl` is as it was before.
        """
        line = row.model_dump_json().encode() + b"\n"
        with explain_disk_full(self._path, self._directory / "checkpoints"):
            end = os.fstat(self._file).st_size
            try:
                while line:
                    line = line[os.write(self._file, line) :]
                self._show(row)
            except BaseException:
                os.ftruncate(self._file, end)
                raise

    def rewind(self, frames: int) -> None:
        """Forget the rows after `frames`, those of the checkpoint which the run resumes from; -1 forgets all.

        A row of exactly `frames` stays: a log point comes before the checkpoint of the same step.
        """
        kept = 0
        for line, row in _parse(self._path):
            if row.frames > frames:
                break
            kept += len(line)
        os.ftruncate(self._file, kept)
        self._close_board()
        self._purge_step = frames + 1

    def close(self) -> None:
        """Close the files."""
        os.close(self._file)
        self._close_board()

    def _show(self, row: MetricRow) -> None:
        """Give the row to TensorBoard, one event for all of its numbers.

        The events are written here and now: tensorboardX's SummaryWriter leaves it to a thread, which a full disk
        kills without a word and whose queue then blocks the run for ever.
        """
        numbers = row.model_dump(exclude={"frames", "values"}) | row.values
        scalars = [
            summary.scalar(name, number).value[0]
            for name, number in numbers.items()
            if isinstance(number, int | float)
        ]
        board = self._open_board()
        board.write_event(
            Event(wall_time=time.time(), step=row.frames, summary=Summary(value=scalars))
        )
        board.flush()

    def _open_board(self) -> EventsWriter:
        """The event file of this process, begun at the first row."""
        if self._board is None:
            folder = self._directory / "tensorboard"
            folder.mkdir(exist_ok=True)
            # A number of its own: the name has only whole seconds, and an existing file would be overwritten.
            number = sum(1 for _ in folder.iterdir())
            self._board = EventsWriter(str(folder / "events"), f".{number}")
            if self._purge_step is not None:
                start = SessionLog(status=SessionLog.START)
                self._board.write_event(
                    Event(wall_time=time.time(), step=self._purge_step, session_log=start)
                )
        return self._board

    def _close_board(self) -> None:
        if self._board is not None:
            with suppress(OSError):  # the last row was flushed; only a full disk leaves anything
                self._board.close()
            self._board = None


def read_metrics(directory: Path) -> list[MetricRow]:
    """The rows of the run in `directory`, oldest first; none when it has logged nothing.

    A torn last line, as a crash or a writer at work leaves, is passed over.

    Raises:
        RunConflict: another line is not a row; the message names it.
    """
    path = directory / "metrics.jsonl"
    return [row for _, row in _parse(path)] if path.exists() else []


def _parse(path: Path) -> list[tuple[bytes, MetricRow]]:
    """The whole lines of the file, each with its row."""
    parsed = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        try:
            parsed.append((line, MetricRow.model_validate_json(line)))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise RunConflict(
                f"{path}, line {number}: {where}: {first['msg']}. "
                "Restore the file, or delete that line."
            ) from error
    return parsed

"""`tensorboard/`: rows in, event files out that TensorBoard shows."""

import time
from contextlib import suppress
from pathlib import Path

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from alpha_factory.records import MetricRow


class TensorBoard:
    """Event files in a folder, a new one for each process and after each rewind.

    The events are written here and now: tensorboardX's SummaryWriter leaves it to a thread, which a full disk
    kills without a word and whose queue then blocks the run for ever.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is written before the first row."""
        self._folder = folder
        self._purge_step: int | None = None
        self._file: EventsWriter | None = None

    def write(self, row: MetricRow) -> None:
        """Append a row, one event for all of its numbers.

        Raises:
            OSError: no space was left.
        """
        scalars = [summary.scalar(name, number).value[0] for name, number in row.numbers().items()]
        file = self._open()
        file.write_event(
            Event(wall_time=time.time(), step=row.frames, summary=Summary(value=scalars))
        )
        file.flush()

    def rewind(self, frames: int) -> None:
        """Have TensorBoard hide what was shown after so many frames."""
        self.close()
        self._purge_step = frames + 1

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):  # the last row was flushed; only a full disk leaves anything
                self._file.close()
            self._file = None

    def _open(self) -> EventsWriter:
        """The file of this process, begun at the first row."""
        if self._file is None:
            self._folder.mkdir(exist_ok=True)
            # A number of its own: the name has only whole seconds, and an existing file would be overwritten.
            number = sum(1 for _ in self._folder.iterdir())
            self._file = EventsWriter(str(self._folder / "events"), f".{number}")
            if self._purge_step is not None:
                start = SessionLog(status=SessionLog.START)
                self._file.write_event(
                    Event(wall_time=time.time(), step=self._purge_step, session_log=start)
                )
        return self._file

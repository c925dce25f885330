"""`metrics.jsonl` and the boards beside it: a row a log point in, the rows out.

`metrics.jsonl` is the truth; boards show the same numbers to those who like their pages: TensorBoard's files always,
others where they are asked for.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import ValidationError

from alpha_factory.core.errors import RunConflict
from alpha_factory.records import MetricRow
from alpha_factory.runs.files.durable import explain_disk_full
from alpha_factory.runs.files.tensorboard import TensorBoard


@runtime_checkable
class Board(Protocol):
    """A page that shows rows."""

    def write(self, row: MetricRow) -> None:
        """Show a row.

        Raises:
            OSError: there was no space for it. Nothing else may stop a run.
        """

    def rewind(self, frames: int) -> None:
        """The run goes on after so many frames: what was shown after them is no longer so."""

    def close(self) -> None:
        """No more rows come."""


class MetricWriter:
    """Appends rows to a run directory. Each is in the file, and given to all boards, when `write` returns."""

    def __init__(self, directory: Path, boards: Sequence[Board] = ()) -> None:
        """Open the files of the run in `directory`; a last line that a crash tore is dropped.

        Args:
            boards: beside TensorBoard's files; closed with them.
        """
        self._directory = directory
        self._path = directory / "metrics.jsonl"
        self._boards = (TensorBoard(directory / "tensorboard"), *boards)
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
                for board in self._boards:
                    board.write(row)
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
        for board in self._boards:
            board.rewind(frames)

    def close(self) -> None:
        """Close the files."""
        os.close(self._file)
        for board in self._boards:
            board.close()


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

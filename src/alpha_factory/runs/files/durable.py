"""Files that a crash or a full disk must not break: bytes in, either the whole new file or the old one out."""

import errno
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alpha_factory.core.errors import DiskFull

_CHECKPOINT = re.compile(r"checkpoint-(\d{9,})\.safetensors")


def write_whole(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Replace the file at `path` by `chunks`, or leave it as it is.

    The bytes are on the disk, and so is the folder's new entry, when this returns.

    Raises:
        OSError: they could not be written. The file is as it was before, and nothing else is left in the folder.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            for chunk in chunks:
                _write_all(descriptor, memoryview(chunk))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def explain_disk_full(path: Path, checkpoints: Path) -> Iterator[None]:
    """Turn "no space left" inside the block into a `DiskFull` that names the last checkpoint.

    Args:
        path: what is being written.
        checkpoints: the folder where the run keeps its checkpoints.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if not _is_disk_full(error):
            raise
        raise DiskFull(path, next(iter(list_checkpoints(checkpoints).values()), None)) from error


def name_checkpoint(step: int) -> str:
    """File name of the checkpoint of `step`."""
    return f"checkpoint-{step:09d}.safetensors"


def list_checkpoints(directory: Path) -> dict[int, Path]:
    """Checkpoints in `directory` by step, newest first; none when there is no such folder."""
    if not directory.is_dir():
        return {}
    found = {
        int(match[1]): entry
        for entry in directory.iterdir()
        if (match := _CHECKPOINT.fullmatch(entry.name))
    }
    return dict(sorted(found.items(), reverse=True))


def _is_disk_full(error: OSError | sqlite3.Error) -> bool:
    """Whether it says that no space is left, on the disk or in the user's quota."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _write_all(descriptor: int, left: memoryview) -> None:
    """Write every byte: the system may take fewer than it is given, as when the disk is almost full."""
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Disks that fill up."""

import errno
import os
import subprocess

import pytest

SMALL_DISK_BYTES = 1 << 20


@pytest.fixture
def limit_writes(monkeypatch):
    """A function after which the disk takes only so many bytes: the write that reaches the end is cut short."""

    def limit(free: int) -> None:
        real = os.write

        def write(descriptor, data):
            nonlocal free
            if not free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            taken = real(descriptor, memoryview(data)[:free])
            free -= taken
            return taken

        monkeypatch.setattr(os, "write", write)

    return limit


@pytest.fixture
def small_disk(tmp_path, limit_writes):
    """A folder on a disk of 1 MiB: a real one where mounting is allowed, else one whose writes are limited."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        limit_writes(SMALL_DISK_BYTES)
    yield folder
    if is_mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)

import errno
import sqlite3

import pytest

from alpha_factory.core.errors import DiskFull
from alpha_factory.runs.files import durable


def test_write_whole_replaces_the_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    durable.write_whole(path, [b"ne", memoryview(b"w")])
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("free", [0, 1, 999])
def test_write_whole_keeps_the_old_file_when_the_disk_fills_up(tmp_path, limit_writes, free):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    limit_writes(free)
    with pytest.raises(OSError) as caught:
        durable.write_whole(path, [b"x" * 600, b"y" * 600])
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_whole_leaves_nothing_when_the_chunks_fail(tmp_path):
    def chunks():
        yield b"a part"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        durable.write_whole(tmp_path / "file", chunks())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_explain_disk_full_names_the_last_checkpoint(tmp_path, number):
    kept = tmp_path / durable.name_checkpoint(12)
    kept.touch()
    with pytest.raises(DiskFull) as caught, durable.explain_disk_full(tmp_path / "x", tmp_path):
        raise OSError(number, "no room")
    assert caught.value.kept == kept
    assert str(kept) in str(caught.value)


@pytest.mark.parametrize(
    "other", [OSError(errno.EIO, "broken"), sqlite3.OperationalError("locked")]
)
def test_explain_disk_full_lets_other_errors_pass(tmp_path, other):
    with pytest.raises(type(other)) as caught, durable.explain_disk_full(tmp_path, tmp_path):
        raise other
    assert caught.value is other


def test_list_checkpoints_sorts_by_step_and_passes_over_other_files(tmp_path):
    steps = [2, 10, 1_000_000_000, 999_999_999]
    for step in steps:
        (tmp_path / durable.name_checkpoint(step)).touch()
    for other in (".checkpoint-000000011.safetensors.tmp", "checkpoint-12.npz", "notes"):
        (tmp_path / other).touch()
    assert list(durable.list_checkpoints(tmp_path)) == sorted(steps, reverse=True)
    assert durable.list_checkpoints(tmp_path / "nowhere") == {}

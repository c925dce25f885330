"""A run's directory: begun or gone on with by one process at a time."""

import fcntl
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.runs.files.durable import explain_disk_full, write_whole

_CONFIG = "config.json"
_LOCK = ".lock"
_NOT_SET = "(not set)"


class RunDirectory:
    """Where a run leaves everything.

    From `create_run` and `resume_run` it is this process's alone until `close`, or until the process ends in
    whatever way. Made from a path only, as to read what a run left, it holds nothing.
    """

    def __init__(self, path: Path, lock: int | None = None) -> None:
        """Name the places in `path`; `lock` is its open lock file."""
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.media = path / "media"
        self.worlds = path / "worlds.sqlite"
        self.ledger = path / "ledger.sqlite"
        self.episodes = path / "episodes.sqlite"
        self.report = path / "report.html"
        self._lock = lock

    def __enter__(self) -> "RunDirectory":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process have the directory."""
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None


def create_run(path: Path, config: dict[str, Any]) -> RunDirectory:
    """Begin a run at `path`, which must be new or empty, with `config` as its `config.json`.

    Raises:
        RunConflict: it holds a run already, another process is at work in it, or it holds something else.
        DiskFull: there was no space for `config.json`.
    """
    _check_vacant(path)
    with explain_disk_full(path, path / "checkpoints"):
        path.mkdir(parents=True, exist_ok=True)
        lock = _take_lock(path)
    try:
        _check_vacant(path)  # another process may have begun a run before we had the lock
        _write_config(path, config)
    except BaseException:
        os.close(lock)
        raise
    return RunDirectory(path, lock)


def resume_run(
    path: Path, config: dict[str, Any], may_change: Collection[str] = ()
) -> RunDirectory:
    """Go on with the run at `path`, which must have been begun with the settings in `config`.

    Args:
        config: the settings asked for, as complete as those saved.
        may_change: dotted names of settings that may differ, such as how long to go on. `config.json` takes
            their new values.

    Raises:
        UsageError: there is no run at `path`.
        RunConflict: other settings differ; the message names each with both values. Or another process is at
            work in the directory.
    """
    read_config(path)  # before the lock, which would leave a file where there is no run
    lock = _take_lock(path)
    try:
        saved = read_config(path)
        check_same_settings(path, saved, config, may_change)
        if compare_configs(saved, config):
            _write_config(path, config)
    except BaseException:
        os.close(lock)
        raise
    return RunDirectory(path, lock)


def check_same_settings(
    path: Path, saved: dict[str, Any], asked: dict[str, Any], may_change: Collection[str] = ()
) -> None:
    """Raise unless the settings asked for are those saved, but for those that may change.

    Raises:
        RunConflict: others differ; the message names each with both values.
    """
    changed = compare_configs(saved, asked)
    if refused := [change for change in changed if change[0] not in may_change]:
        listed = "; ".join(f"{name} was {was!r}, now {now!r}" for name, was, now in refused)
        raise RunConflict(
            f"Cannot resume {path} with changed settings: {listed}. "
            "Leave them out to go on as before, or start a new run with another --out."
        )


def read_config(path: Path) -> dict[str, Any]:
    """The settings of the run at `path`.

    Raises:
        UsageError: there is no run, or its settings are not JSON, or no object of it.
    """
    try:
        config = json.loads((path / _CONFIG).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"There is no run in {path}: it has no {_CONFIG}. "
            "Start one by leaving out --resume, or name a run with --out."
        ) from None
    except ValueError as error:
        raise UsageError(f"{path / _CONFIG} is not JSON: {error}. Restore it.") from error
    if not isinstance(config, dict):
        raise UsageError(
            f"{path / _CONFIG} must be a JSON object; it is {type(config).__name__}. Restore it."
        )
    return config


def compare_configs(
    saved: dict[str, Any], asked: dict[str, Any]
) -> list[tuple[str, object, object]]:
    """Settings that differ, sorted: dotted name, value saved, value asked for.

    Sections are compared setting by setting. A list and a tuple of the same values are the same, as JSON has only
    one of them. A setting that one side lacks has the value "(not set)" there.
    """
    changes: list[tuple[str, object, object]] = []
    for name in sorted(saved.keys() | asked.keys()):
        was, now = saved.get(name, _NOT_SET), asked.get(name, _NOT_SET)
        if isinstance(was, dict) and isinstance(now, dict):
            changes += [(f"{name}.{inner}", a, b) for inner, a, b in compare_configs(was, now)]
        elif not _is_same(was, now):
            changes.append((name, was, now))
    return changes


def _is_same(was: object, now: object) -> bool:
    """Equality of JSON values: 1 is 1.0 and is not true."""
    if isinstance(was, list | tuple) and isinstance(now, list | tuple):
        return len(was) == len(now) and all(map(_is_same, was, now))
    return was == now and isinstance(was, bool) == isinstance(now, bool)


def _check_vacant(path: Path) -> None:
    """Raise unless a run can begin at `path`. What a process leaves that was killed while beginning one is nothing."""
    if not path.exists():
        return
    if not path.is_dir():
        raise RunConflict(f"{path} is a file. Give --out a new or empty folder.")
    if (path / _CONFIG).exists():
        raise RunConflict.occupied(path)
    ours = {_LOCK, f".{_CONFIG}.tmp"}
    if others := sorted(entry.name for entry in path.iterdir() if entry.name not in ours):
        raise RunConflict(
            f"{path} is not empty and holds no run: it has {', '.join(others[:3])}"
            f"{' and more' if len(others) > 3 else ''}. Give --out a new or empty folder."
        )


def _take_lock(path: Path) -> int:
    """Lock the directory for as long as this process lives, kill -9 included: the system then lets go of it."""
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode() or "unknown"
        os.close(lock)
        raise RunConflict(
            f"Another process (id {holder}) is at work in {path}. "
            "Wait for it, stop it, or give another --out."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _write_config(path: Path, config: dict[str, Any]) -> None:
    """Write `config.json`, whole or not at all."""
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    with explain_disk_full(path / _CONFIG, path / "checkpoints"):
        write_whole(path / _CONFIG, [text.encode()])

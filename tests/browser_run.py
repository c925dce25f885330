"""What the tests in a browser stand on: the page's server, waiting for it or a run, and sharing both among workers."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alpha_factory.service.effects import listen

PROGRAM = [sys.executable, "-m", "alpha_factory.cli.main"]
_LONGEST_S = 1_800.0  # that another worker needs a thing


class Server:
    """The page's server, which can be killed and started again at the same address."""

    def __init__(self, runs: Path) -> None:
        with listen("127.0.0.1", 0) as (_, port):
            self.address = f"http://127.0.0.1:{port}"
        self._command = [*PROGRAM, "serve", str(runs), "--port", str(port), "--json"]
        self.start()

    def start(self) -> None:
        """It answers once this returns."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["url"].startswith(self.address)

    def kill(self) -> None:
        """As `kill -9` does."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def serving(runs: Path) -> Iterator[Server]:
    """A server of the folder, for as long as this lasts."""
    one = Server(runs)
    try:
        yield one
    finally:
        one.kill()


def wait_for(what: Callable[[], object], words: str, seconds: float = 240.0) -> object:
    """What `what()` returns once it is true; an assertion fails with the words when it takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            if told := what():
                return told
        time.sleep(0.05)
    raise AssertionError(f"after {seconds:g} s: {words}")


@contextlib.contextmanager
def share(
    factory: pytest.TempPathFactory,
    name: str,
    make: Callable[[Path], contextlib.AbstractContextManager[str]],
) -> Iterator[str]:
    """What `make(folder)` yields, a text by which others find it, made by the first worker that needs it.

    It lasts until the last worker that uses it is done, and whoever made it waits for that; a worker that comes later
    makes it anew.
    """
    is_alone = "PYTEST_XDIST_WORKER" not in os.environ
    base = factory.getbasetemp() if is_alone else factory.getbasetemp().parent
    root = base / f"shared-{name}"
    root.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        with _lock(root):
            found = [path for path in root.glob("*/told") if not path.with_name("ended").exists()]
            if found:
                folder = found[0].parent
            else:
                folder = root / f"{time.time_ns()}"
                folder.mkdir()
                # Others wait at the lock until it is there.
                (folder / "told").write_text(stack.enter_context(make(folder)))
            mine = folder / f"used-by-{os.getpid()}"
            mine.touch()
        try:
            yield (folder / "told").read_text()
        finally:
            mine.unlink()
            if not found:
                end = time.monotonic() + _LONGEST_S
                while not _is_left(root, folder) and time.monotonic() < end:
                    time.sleep(0.2)


def _is_left(root: Path, folder: Path) -> bool:
    """Whether nobody uses it; then nobody begins to."""
    with _lock(root):
        if any(
            _is_alive(int(path.name.removeprefix("used-by-"))) for path in folder.glob("used-by-*")
        ):
            return False
        (folder / "ended").touch()
        return True


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def _lock(root: Path) -> Iterator[None]:
    with (root / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

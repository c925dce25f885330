"""What leaves the process: a child process to talk to, a line out and a line back, and a port to listen at.

No shell is involved: a program is a list of arguments.
"""

import contextlib
import queue
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

_LAST_WORDS = 800
"""Characters of what a child wrote to stderr that an error quotes."""
_BACKLOG = 256
_GRACE_S = 5.0
"""Seconds for a child to leave by itself once its stdin is closed."""


class ChildFailed(RuntimeError):
    """A child process could not be started, left early, or said nothing in time."""


@contextlib.contextmanager
def listen(host: str, port: int) -> Iterator[tuple[list[socket.socket], int]]:
    """Listen at an address; the socket in a list, and its port.

    Args:
        port: 0 for any that is free.

    Raises:
        OSError: the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)  # who comes before the server is ready waits for it
        yield [listening], listening.getsockname()[1]


def find_own_address(host: str) -> str | None:
    """The address by which this machine goes out, and others find it; None where it is in no network.

    Args:
        host: an address of the kind wanted first: IPv6, or IPv4.
    """
    # Addresses that are for documents alone: a datagram socket that connects sends nothing yet.
    ways = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]
    for family, far in reversed(ways) if ":" in host else ways[:1]:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((far, 9))
            return str(asking.getsockname()[0])
    return None


class Child:
    """A process that answers each line on its stdin with one line on its stdout.

    Use it in a `with` statement: at its end the child's stdin is closed, and a child that doesn't
    leave by itself is killed. Not for several threads at once.
    """

    def __init__(
        self, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the program.

        Args:
            arguments: the program and its arguments.
            environment: all of the child's environment variables; None for those of this process.

        Raises:
            ChildFailed: there is no such program, or it may not be run.
        """
        self._name = arguments[0]
        # A file, since a pipe that nobody reads would stop a child that complains at length.
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        try:
            self._process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                encoding="utf-8",
                env=None if environment is None else dict(environment),
            )
        except OSError as error:
            self._complaints.close()
            raise ChildFailed(f"{self._name} can't be started: {error.strerror}.") from error
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hear(self, timeout_s: float) -> str:
        """The next line, without its end.

        Raises:
            ChildFailed: the child left, or `timeout_s` seconds went by. The message ends with what
                it wrote to stderr last.
        """
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise ChildFailed(
                f"{self._name} said nothing for {timeout_s:g} s.{self._quote()}"
            ) from None
        if line is None:
            self._lines.put(None)  # so that the next call knows, too
            status = self._process.wait()
            raise ChildFailed(f"{self._name} left with status {status}.{self._quote()}")
        return line

    def ask(self, line: str, timeout_s: float) -> str:
        """Say a line and return the one that answers it.

        Raises:
            ChildFailed: as `hear` does.
            ValueError: `line` is more than one line.
        """
        if "\n" in line:
            raise ValueError(f"A line has no line end inside, as {line!r} has.")
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it left: `hear` tells how
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        return self.hear(timeout_s)

    def kill(self) -> None:
        """End the child at once, whatever it is at; from any thread. Who waits for its answer hears that it left."""
        if not self._complaints.closed:
            self._process.kill()

    def close(self) -> None:
        """Close the child's stdin and see it out. Nothing happens the second time."""
        if self._complaints.closed:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_GRACE_S)
        self._process.stdout.close()
        self._complaints.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.removesuffix("\n"))
        self._lines.put(None)

    def _quote(self) -> str:
        self._complaints.seek(0)
        said = self._complaints.read().decode("utf-8", errors="replace").strip()
        return f" It wrote: {said[-_LAST_WORDS:]}" if said else ""

"""A page of a run's own: a process beside the run, which it neither waits for nor shares its time with."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from alpha_factory.cli.serve import PORT
from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.service.effects import Child, ChildFailed, listen

_START_S = 60.0


@contextlib.contextmanager
def serve_beside(runs: Path, port: int | None) -> Iterator[str]:
    """Show the runs in a folder, or the run that it will be, as long as the `with` statement lasts; the page's address.

    Args:
        port: 0 for any that is free; None for the page's own, or any where that is taken.

    Raises:
        AlphaFactoryError: the page could not be started, as where the port is taken.
    """
    if port is None:
        port = PORT if _is_free(PORT) else 0
    command = [sys.executable, "-m", "alpha_factory.cli.main", "serve", str(runs)]
    try:
        with Child([*command, "--port", str(port), "--attached", "--json"]) as page:
            yield json.loads(page.hear(_START_S))["link"]
    except ChildFailed as failure:
        raise AlphaFactoryError(f"The page could not be started: {failure}") from failure


def _is_free(port: int) -> bool:
    try:
        with listen("127.0.0.1", port):
            return True
    except OSError:
        return False

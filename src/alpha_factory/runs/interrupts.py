"""Ctrl-C as a wish that work can grant at a good moment."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def noting_interrupts(console: Console, said: str) -> Iterator[Callable[[], bool]]:
    """Take the first Ctrl-C as a wish to stop when it suits, and the second at its word.

    Args:
        said: to the person at the first; what is done before the end, and what a second spares.

    Yields:
        Whether Ctrl-C was pressed.
    """
    asked = False

    def note(number: int, frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)
        console.print(said, markup=False, soft_wrap=True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)

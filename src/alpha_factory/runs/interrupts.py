"""Ctrl-C as a wish that work can grant at a good moment."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

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


@contextmanager
def hearing_interrupts() -> Iterator[Callable[[], bool]]:
    """Let other threads hear of Ctrl-C while this one waits for a compiled program, when Python calls no handler.

    Yields:
        Whether Ctrl-C was pressed; always no where this is not the main thread, to which signals go.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    reader, writer = os.pipe()
    heard = False

    def is_pressed() -> bool:
        nonlocal heard
        with suppress(BlockingIOError):
            heard |= signal.SIGINT in os.read(reader, 64)
        return heard

    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield is_pressed
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)

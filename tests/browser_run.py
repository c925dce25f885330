"""Waiting for what a run or its page will do, for the tests in a browser."""

import contextlib
import json
import time
from collections.abc import Callable


def wait_for(what: Callable[[], object], words: str, seconds: float = 240.0) -> object:
    """What `what()` returns once it is true; an assertion fails with the words when it takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            if told := what():
                return told
        time.sleep(0.05)
    raise AssertionError(f"after {seconds:g} s: {words}")

"""What was answered before: entries of the ledger in, whether an act or a line needs an answer out.

The ledger alone says so. A process that was killed had answered what is in it and nothing else.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

KINDS = ("act", "act refused", "candidate", "feedback")
"""Entries that say what became of an act."""
Entry = tuple[str, dict[str, Any]]
"""Kind and payload."""


class Answers:
    """Which acts, and which lines that are no acts, have an answer."""

    def __init__(self, entries: Iterable[Entry], share: Callable[[bytes], bytes]) -> None:
        """Take up what a ledger holds.

        Args:
            share: what the first process of a run has of something, for all of them: they must do the same.
        """
        ids, lines = set[str](), dict[str, int]()
        for kind, told in entries:
            if kind not in KINDS:
                continue
            if "id" in told:
                ids.add(told["id"])
            elif "file" in told:
                lines[told["file"]] = max(lines.get(told["file"], 0), told["line"])
        known = json.loads(share(json.dumps([sorted(ids), lines]).encode()))
        self._ids, self._lines = {*known[0]}, dict(known[1])

    def has(self, act: str) -> bool:
        """Whether an act was answered."""
        return act in self._ids

    def has_line(self, file: str, number: int) -> bool:
        """Whether it was told what is wrong with a line; they are told in order."""
        return number <= self._lines.get(file, 0)

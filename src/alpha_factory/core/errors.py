"""What can go wrong and be told to a person: each error names the values, the rule and the fix.

The command line prints the message of an `AlphaFactoryError` without a traceback and exits with its `exit_code`;
any other exception is a bug and keeps its traceback.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class AlphaFactoryError(Exception):
    """Something expected went wrong; the message says what, why and what to do."""

    exit_code = 1


class UsageError(AlphaFactoryError):
    """The caller asked for something that doesn't exist or doesn't fit together."""

    exit_code = 2


class InvalidGenome(AlphaFactoryError, ValueError):
    """A genome in a file or on the command line breaks its schema."""

    def __init__(self, field: str, rule: str, value: object) -> None:
        self.field, self.rule, self.value = field, rule, value
        super().__init__(f"Invalid genome: {field} must be {rule}; got {_short(value)}.")


class InvalidLevel(AlphaFactoryError, ValueError):
    """A level in a file or given to the engine breaks its schema."""

    def __init__(self, field: str, rule: str, value: object) -> None:
        self.field, self.rule, self.value = field, rule, value
        super().__init__(f"Invalid level: {field} must be {rule}; got {_short(value)}.")


class InvalidRule(AlphaFactoryError, ValueError):
    """The text of a rule doesn't parse; `column` counts from 1."""

    def __init__(self, column: int, expected: str, got: str, text: str) -> None:
        self.column, self.expected, self.got, self.text = column, expected, got, text
        found = f"got {_short(got)}" if got else "the text ends there"
        super().__init__(
            f"Invalid rule: column {column}: expected {expected}; {found} in {_short(text)}."
        )


class RunConflict(AlphaFactoryError):
    """A run directory holds something else than what was asked for."""

    @classmethod
    def occupied(cls, directory: Path) -> "RunConflict":
        """`directory` holds a run and nobody asked to go on with it."""
        return cls(
            f"{directory} already holds a run. Go on with it by "
            f"`alpha-factory run --resume --out {directory}`, or give another --out."
        )


class CorruptCheckpoint(AlphaFactoryError):
    """A checkpoint is truncated or doesn't match its checksum."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"Checkpoint {path} is unusable: {reason}.")


class Diverged(AlphaFactoryError, ArithmeticError):
    """So many updates in a row could not be made that learning stopped; nothing was saved after."""

    def __init__(
        self, what: str, update: int, checkpoint: Path | None, terms: tuple[str, ...] = ()
    ) -> None:
        self.what, self.update, self.checkpoint, self.terms = what, update, checkpoint, terms
        kept = (
            f"The last good checkpoint is {checkpoint}"
            if checkpoint
            else "No checkpoint had been written yet"
        )
        super().__init__(
            f"Learning stopped at update {update}: {what}. {kept}; nothing was overwritten. "
            "Try a lower learning rate or another seed."
        )


class OutOfMemory(AlphaFactoryError, MemoryError):
    """A program did not fit into the device's memory."""

    def __init__(self, program: str, parts: dict[str, float], remedy: str) -> None:
        self.program, self.parts = program, parts
        listed = ", ".join(f"{name} {gib:.2f}" for name, gib in parts.items())
        super().__init__(
            f"The device's memory was too small for {program!r}. Estimated GiB: {listed}. {remedy}"
        )


class DiskFull(AlphaFactoryError, OSError):
    """No space was left while saving; what had been saved before is intact."""

    def __init__(self, path: Path, kept: Path | None) -> None:
        self.path, self.kept = path, kept
        last = f"The last checkpoint, {kept}, is intact" if kept else "No checkpoint existed yet"
        super().__init__(
            f"The disk was full while saving {path}. {last}. Free some space, then "
            + (
                f"go on with `alpha-factory run --resume --out {kept.parent.parent}`."
                if kept
                else "start again."
            )
        )


def unknown(kind: str, name: str, choices: Iterable[str]) -> UsageError:
    """The error for a `name` that is not among the `choices`, with the closest one suggested."""
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(known) if known else "none is installed"
    return UsageError(f"Unknown {kind} {name!r}.{hint} Choices: {listed}.")


def _short(value: object, width: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= width else f"{text[: width - 1]}… ({len(text)} characters)"

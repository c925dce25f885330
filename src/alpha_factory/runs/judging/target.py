"""What a person names to be scored: a run, one of its checkpoints, or a policy in Python. Text in, which of them out.

Nothing here loads JAX, so that a mistake is told at once.
"""

from pathlib import Path
from typing import NamedTuple

from alpha_factory.core.errors import UsageError

_KINDS = "Give the directory of a run, a file in its folder checkpoints/, or a policy in Python as package.module:name."


class RunTarget(NamedTuple):
    """A run's agent."""

    run: Path
    checkpoint: Path | None
    """None for the last one."""


class GuestTarget(NamedTuple):
    """A policy from anyone's library."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def find_target(text: str) -> RunTarget | GuestTarget:
    """Which of the three `text` names; what lies on the disk comes first.

    Raises:
        UsageError: none of them, or a directory or file that isn't a run's.
    """
    path = Path(text)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UsageError(f"{path} holds no run: it has no config.json. {_KINDS}")
        return RunTarget(path, None)
    if path.is_file():
        run = path.resolve().parent.parent
        if path.resolve().parent.name != "checkpoints" or not (run / "config.json").is_file():
            raise UsageError(
                f"{path} is no checkpoint of a run: it does not lie in the folder checkpoints/ beside a "
                f"config.json, which says what the network is. {_KINDS}"
            )
        return RunTarget(run, path)
    module, colon, name = text.partition(":")
    if not colon:
        raise UsageError(f"There is nothing at {text!r}. {_KINDS}")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise UsageError(f"{text!r} names no policy, and there is no such path. {_KINDS}")
    return GuestTarget(module, name)

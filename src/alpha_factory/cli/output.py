"""What commands print: results on stdout, one JSON object or text for people; everything else on stderr."""

import contextlib
import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from alpha_factory.core.errors import UsageError

OptionalDirectory = Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]
OptionalFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
OptionalInt = Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")]
OptionalFloat = Annotated[float | None, tyro.conf.arg(metavar="FLOAT", help_behavior_hint="")]
OptionalName = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
OptionalNames = Annotated[
    tuple[str, ...] | None, tyro.conf.arg(metavar="[NAME]", help_behavior_hint="")
]
Settings = Annotated[
    tyro.conf.UseAppendAction[tuple[str, ...]],
    tyro.conf.arg(metavar="NAME=VALUE", help_behavior_hint=""),
]
Switch = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]

NAME = "alpha-factory"
_STDOUT, _STDERR = 1, 2  # file descriptors


def stdout_console() -> Console:
    """For results."""
    return Console(highlight=False, emoji=False)  # names may be :so:


def stderr_console() -> Console:
    """For progress and errors, so that stdout can be piped."""
    return Console(stderr=True, highlight=False, emoji=False)


def program() -> str:
    """How to call this program again: by its name, or by its place where that is not on the path."""
    place = sys.argv[0]
    is_hidden = Path(place).name == NAME and not shutil.which(NAME)
    return shlex.quote(place) if is_hidden else NAME


def warn(message: str) -> None:
    """Tell a person something on stderr."""
    stderr_console().print(message, markup=False, soft_wrap=True)


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """Send what is printed meanwhile, by libraries written in C too, to stderr.

    Stdout is for the result alone.
    """
    sys.stdout.flush()
    kept = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, _STDOUT)
        os.close(kept)


def print_json(value: object) -> None:
    """Print one JSON value on stdout. NaN and infinity, which JSON has no word for, become null."""
    sys.stdout.write(json.dumps(_finite(value), allow_nan=False) + "\n")
    sys.stdout.flush()


def check_is_run(directory: Path) -> None:
    """Raise unless `directory` holds a run."""
    if not (directory / "config.json").is_file():
        raise UsageError(
            f"{directory} holds no run: it has no config.json. "
            "Give the directory that `alpha-factory run` named, such as runs/NAME."
        )


def percent(share: float | None) -> str:
    """A share of 1 for people; a dash where there is none."""
    return "-" if share is None or not math.isfinite(share) else f"{100 * share:.1f} %"


def decimal(value: float | None) -> str:
    """A value to three places for people; a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _finite(value: object) -> object:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case Path():
            return str(value)
        case _:
            return value

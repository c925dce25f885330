"""The commands of the program by name, and what their errors come to: a message and an exit code."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from alpha_factory.cli import cache, output
from alpha_factory.cli.bench import Bench
from alpha_factory.cli.bound import Bound
from alpha_factory.cli.compare import Compare
from alpha_factory.cli.doctor import Doctor
from alpha_factory.cli.evaluate import Evaluate
from alpha_factory.cli.learn import Learn
from alpha_factory.cli.report import Report
from alpha_factory.cli.run import Run
from alpha_factory.cli.serve import Serve
from alpha_factory.cli.worlds import Worlds
from alpha_factory.core.errors import AlphaFactoryError, UsageError

_LARGEST_SEED = 2**32 - 1

DESCRIPTION = (
    "Open-ended reinforcement learning: invents worlds, learns them with a planner, and shows what it learned.\n"
    "\n"
    "Example: alpha-factory run --preset demo"
)

Command: Any = (
    Annotated[Run, tyro.conf.subcommand("run")]
    | Annotated[Learn, tyro.conf.subcommand("learn")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[Bound, tyro.conf.subcommand("bound")]
    | Annotated[Report, tyro.conf.subcommand("report")]
    | Annotated[Serve, tyro.conf.subcommand("serve")]
    | Annotated[Worlds, tyro.conf.subcommand("worlds")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
)


def execute(argv: Sequence[str] | None) -> int:
    """Run one command and return its exit code. Misuse raises `SystemExit(2)` before JAX is loaded."""
    command = parse(argv)
    cache.share_compilations(os.environ)
    try:
        _check_seed(command.action if isinstance(command, Worlds) else command)
        return command()
    except AlphaFactoryError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone; Python would fail once more when it flushes at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename or 'no file named'}.", 1)


def parse(
    argv: Sequence[str] | None,
) -> Run | Learn | Evaluate | Compare | Bound | Report | Serve | Worlds | Bench | Doctor:
    """The command that `argv` (without the program's name) asks for; None stands for `sys.argv`."""
    command: Run | Learn | Evaluate | Compare | Bound | Report | Serve | Worlds | Bench | Doctor = (
        tyro.cli(
            Command,
            prog=output.NAME,
            description=DESCRIPTION,
            args=argv,
            config=(
                tyro.conf.FlagCreatePairsOff,
                tyro.conf.OmitArgPrefixes,
                tyro.conf.OmitSubcommandPrefixes,
                tyro.conf.PositionalMetavarFromFieldName,
            ),
        )
    )
    return command


def _check_seed(command: object) -> None:
    """JAX would take a seed beyond these for another one."""
    for name in ("seed", "draw_seed"):
        seed = getattr(command, name, None)
        if seed is not None and not 0 <= seed <= _LARGEST_SEED:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} {seed} is out of range. Give one from 0 to {_LARGEST_SEED}.")


def _fail(message: str, exit_code: int) -> int:
    output.stderr_console().print(
        f"{output.NAME}: {message.replace(f'`{output.NAME} ', f'`{output.program()} ')}",
        style="red",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return exit_code

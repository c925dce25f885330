"""`alpha-factory worlds play`: a world under a person's hands, or under keys that are given."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from alpha_factory.cli import output
from alpha_factory.core.errors import UsageError


@dataclass(frozen=True)
class Play:
    """Play a world with the keyboard, or with --keys.

    The arrows, hjkl or wasd move; r starts again, q quits.

    Example: alpha-factory worlds play SixteenRooms
    """

    source: tyro.conf.Positional[str]
    """A genome as 128 hex digits, a genome's JSON file, a level's text file, the name of a public maze, or
    SUITE/LEVEL."""
    controls: Literal["turn", "compass"] = "turn"
    """Left and right turn and up goes forward, or each key is a step its own way."""
    view: Literal["all", "agent"] = "all"
    """Show the whole world, or only what the agent sees and has seen."""
    seed: int = 0
    """Whatever chance decides follows from it."""
    keys: output.OptionalName = None
    """Play these keys without a terminal, or those in the file of this name: F, L, R, or R, D, L, U for compass."""
    log: output.OptionalFile = None
    """Write the keys of the last episode to this file, which --keys reads."""
    json: output.Switch = False
    """With --keys: print the outcome as one JSON object."""

    def __call__(self) -> int:
        """Play."""
        if self.keys is None:
            if self.json:
                raise UsageError("--json tells what came of --keys. Give --keys, too.")
            if not (sys.stdin.isatty() and sys.stdout.isatty()):
                raise UsageError(
                    "Playing needs a terminal, and stdin or stdout is none. "
                    "Give --keys to play without one."
                )
        from alpha_factory.runs.workshop.session import Session, print_keys, read_keys
        from alpha_factory.runs.workshop.source import find_world

        session = Session(find_world(self.source).level, controls=self.controls, seed=self.seed)
        command = (
            f"{output.NAME} worlds play {shlex.quote(self.source)} "
            f"--controls {self.controls} --seed {self.seed}"
        )
        keys = None if self.keys is None else read_keys(self.keys, self.controls)
        with _keep_log(self.log) as played:
            if keys is not None:
                moment = session.play(keys)[-1]
                played.append(print_keys(moment, command))
            else:
                from alpha_factory.cli.screen import play_in_terminal

                moment = play_in_terminal(
                    session,
                    self.source,
                    is_known_only=self.view == "agent",
                    shown=lambda moment: played.append(print_keys(moment, command)),
                )
            self._tell(session, moment)
        return 0

    def _tell(self, session: Any, moment: Any) -> None:
        from alpha_factory.runs.workshop.session import describe_moment
        from alpha_factory.worlds.scene import print_scene

        told = describe_moment(session, moment)
        is_known_only = self.view == "agent"
        told["ascii"] = print_scene(session.level, moment.state, is_known_only=is_known_only)
        if self.json:
            output.print_json(told)
            return
        console = output.stdout_console()
        for line in (told["ascii"], f"{told['outcome']}, return {told['return']:.3f}"):
            console.print(line, markup=False, soft_wrap=True)


@contextlib.contextmanager
def _keep_log(path: Path | None) -> Iterator[list[str]]:
    """A list whose last text becomes that of the file, also if playing is interrupted.

    The file is opened first, so that nobody plays for a log that can't be written; until something was
    played, it keeps what it held.
    """
    texts: list[str] = []
    if path is None:
        yield texts
        return
    try:
        # A name on the command line may hold bytes that are no UTF-8.
        file = path.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield texts
    finally:
        try:
            with file:
                if texts:
                    if path.is_file():
                        file.truncate(0)
                    file.write(texts[-1])
        except OSError as error:
            raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> UsageError:
    return UsageError(f"Cannot write {path}: {error.strerror or error}.")

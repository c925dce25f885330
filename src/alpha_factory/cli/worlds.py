"""`alpha-factory worlds`: look at worlds without training anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from rich.console import Console

from alpha_factory.cli import output
from alpha_factory.core.errors import UsageError


@dataclass(frozen=True)
class Sample:
    """Draw random genomes and show the worlds that they encode.

    Example: alpha-factory worlds sample --count 3 --seed 7
    """

    count: int = 1
    """How many worlds."""
    seed: int = 0
    """Same seed, same worlds."""
    json: output.Switch = False
    """Print one JSON object, {"worlds": [...]}."""

    def __call__(self) -> int:
        """Print the worlds."""
        if self.count < 1:
            raise UsageError(f"--count {self.count} shows nothing. Give 1 or more.")
        from alpha_factory.runs.gallery import sample_worlds

        with output.quiet_stdout():
            worlds = sample_worlds(self.count, self.seed)
        if self.json:
            output.print_json({"worlds": worlds})
            return 0
        for world in worlds:
            print_world(world, output.stdout_console())
        return 0


@dataclass(frozen=True)
class Show:
    """Show one world as text, and as a picture with --png.

    Example: alpha-factory worlds show SixteenRooms --png sixteen-rooms.png
    """

    source: tyro.conf.Positional[str]
    """A genome as 128 hex digits, a genome's JSON file, a level's text file, or the name of a public maze."""
    png: output.OptionalFile = None
    """Write a picture of the world to this file, too."""
    json: output.Switch = False
    """Print the world as one JSON object."""

    def __call__(self) -> int:
        """Print the world."""
        from alpha_factory.runs.gallery import describe_world, save_picture

        with output.quiet_stdout():
            world = describe_world(self.source)
            if self.png is not None:
                save_picture(self.source, self.png)
        if self.json:
            output.print_json(world)
        else:
            print_world(world, output.stdout_console())
        return 0


@dataclass(frozen=True)
class Check:
    """Check that a world keeps its schema and can be solved; exit 1 if it can't be.

    Example: alpha-factory worlds check my-level.txt
    """

    source: tyro.conf.Positional[str]
    """A genome as 128 hex digits, a genome's JSON file, a level's text file, or the name of a public maze."""
    json: output.Switch = False
    """Print the world as one JSON object."""

    def __call__(self) -> int:
        """Print the verdict."""
        from alpha_factory.runs.gallery import describe_world

        with output.quiet_stdout():
            world = describe_world(self.source)
        if self.json:
            output.print_json(world)
        else:
            output.stdout_console().print(verdict(world), markup=False, soft_wrap=True)
        return 0 if world["solvable"] else 1


@dataclass(frozen=True)
class Worlds:
    """Look at worlds: random ones, one genome, one level, or a public maze.

    Example: alpha-factory worlds sample --count 3
    """

    action: (
        Annotated[Sample, tyro.conf.subcommand("sample")]
        | Annotated[Show, tyro.conf.subcommand("show")]
        | Annotated[Check, tyro.conf.subcommand("check")]
    )

    def __call__(self) -> int:
        """Do it."""
        return self.action()


def print_world(world: Mapping[str, Any], console: Console) -> None:
    """Print a world's map and what is known of it."""
    if world.get("genome"):
        console.print(f"genome {world['genome']}", markup=False, soft_wrap=True)
    console.print(world["ascii"], markup=False, soft_wrap=True)
    console.print(verdict(world), markup=False, soft_wrap=True)
    if world.get("features"):
        console.print("has: " + ", ".join(world["features"]), markup=False, soft_wrap=True)
    console.print()


def verdict(world: Mapping[str, Any]) -> str:
    """One sentence on whether and how the goal can be reached."""
    if world["solvable"]:
        return f"solvable in {world['shortest_path']} steps"
    return "not solvable: no way leads from the start to the goal within the step limit"

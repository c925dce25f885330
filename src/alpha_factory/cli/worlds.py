"""`alpha-factory worlds`: look at worlds, and play them, without training anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console

from alpha_factory.cli import output
from alpha_factory.cli.play import Play
from alpha_factory.core.errors import UsageError

Source = tyro.conf.Positional[str]


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
        _check_count(self.count, "shows")
        from alpha_factory.runs.workshop.gallery import sample_worlds

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

    source: Source
    """A genome as 128 hex digits, a genome's JSON file, a level's text file, the name of a public maze, or
    SUITE/LEVEL."""
    png: output.OptionalFile = None
    """Write a picture of the world to this file, too."""
    json: output.Switch = False
    """Print the world as one JSON object."""

    def __call__(self) -> int:
        """Print the world."""
        from alpha_factory.runs.workshop.gallery import describe_world, save_picture

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
class Mutate:
    """Show children of a genome: the operator that made each, the fields that it changed, and the map.

    Example: alpha-factory worlds mutate world.json --operator rule --count 3
    """

    source: Source
    """A genome as 128 hex digits, or a genome's JSON file."""
    operator: output.OptionalName = None
    """Make every child by this operator: bit-flip, block-swap, gaussian or rule. Without it, one is drawn for each."""
    count: int = 1
    """How many children."""
    seed: int = 0
    """Same seed, same children."""
    json: output.Switch = False
    """Print the parent and its children as one JSON object."""

    def __call__(self) -> int:
        """Print the children."""
        _check_count(self.count, "makes")
        from alpha_factory.runs.workshop.offspring import mutate_world

        with output.quiet_stdout():
            family = mutate_world(
                self.source, operator=self.operator, number=self.count, seed=self.seed
            )
        if self.json:
            output.print_json(family)
            return 0
        console = output.stdout_console()
        _print(console, f"parent {family['parent']}", family["ascii"], "")
        for child in family["children"]:
            print_child(child, console)
        return 0


@dataclass(frozen=True)
class Check:
    """Check that a world is valid and can be solved, and tell what is in it; exit 1 if it can't be solved.

    Example: alpha-factory worlds check my-level.txt
    """

    source: Source
    """A genome as 128 hex digits, a genome's JSON file, a level's text file, the name of a public maze, or
    SUITE/LEVEL."""
    json: output.Switch = False
    """Print the world as one JSON object."""

    def __call__(self) -> int:
        """Print the verdict."""
        from alpha_factory.runs.workshop.gallery import describe_world

        with output.quiet_stdout():
            world = describe_world(self.source)
        if self.json:
            output.print_json(world)
        else:
            console = output.stdout_console()
            _print(console, f"valid; {verdict(world)}")
            for section, phrases in world["details"].items():
                _print(console, f"{section}: {'; '.join(phrases) or 'none'}")
        return 0 if world["solvable"] else 1


@dataclass(frozen=True)
class Render:
    """Draw a world's start as a picture, or film an episode in it as a GIF.

    Example: alpha-factory worlds render SixteenRooms --out maze.gif --policy random
    """

    source: Source
    """A genome as 128 hex digits, a genome's JSON file, a level's text file, the name of a public maze, or
    SUITE/LEVEL."""
    out: Path
    """The file to write: .png for the start, .gif for an episode."""
    policy: output.OptionalName = None
    """Who plays: random, oracle, or the directory of a run, whose last checkpoint does."""
    keys: output.OptionalName = None
    """Play these keys (F forward, L left, R right), or those in the file of this name."""
    controls: Literal["turn", "compass"] = "turn"
    """What keys and the random policy steer by; for compass, the keys are R right, D down, L left and U up."""
    seed: int = 0
    """Whatever chance decides follows from it."""
    json: output.Switch = False
    """Print what was written as one JSON object."""

    def __call__(self) -> int:
        """Write the file."""
        from alpha_factory.runs.workshop.camera import render_world

        with output.quiet_stdout():
            done = render_world(
                self.source,
                self.out,
                policy=self.policy,
                keys=self.keys,
                controls=self.controls,
                seed=self.seed,
                warned=output.warn,
            )
        if self.json:
            output.print_json(done)
        else:
            told = f", {done['frames']} frames: {done['outcome']}" if done["outcome"] else ""
            _print(output.stdout_console(), f"Wrote {done['file']}{told}")
        return 0


@dataclass(frozen=True)
class Schema:
    """Print the JSON schema of a genome's file.

    Example: alpha-factory worlds schema
    """

    def __call__(self) -> int:
        """Print the schema."""
        from alpha_factory.genome.schema import genome_schema

        output.print_json(genome_schema())
        return 0


@dataclass(frozen=True)
class Worlds:
    """Look at worlds and play them: random ones, one genome, one level, or a public maze.

    Example: alpha-factory worlds sample --count 3
    """

    action: (
        Annotated[Sample, tyro.conf.subcommand("sample")]
        | Annotated[Show, tyro.conf.subcommand("show")]
        | Annotated[Mutate, tyro.conf.subcommand("mutate")]
        | Annotated[Check, tyro.conf.subcommand("check")]
        | Annotated[Play, tyro.conf.subcommand("play")]
        | Annotated[Render, tyro.conf.subcommand("render")]
        | Annotated[Schema, tyro.conf.subcommand("schema")]
    )

    def __call__(self) -> int:
        """Do it."""
        return self.action()


def print_world(world: Mapping[str, Any], console: Console) -> None:
    """Print a world's map and what is known of it."""
    if world.get("genome"):
        _print(console, f"genome {world['genome']}")
    _print(console, world["ascii"], verdict(world))
    if world.get("features"):
        _print(console, "has: " + ", ".join(world["features"]))
    console.print()


def print_child(child: Mapping[str, Any], console: Console) -> None:
    """Print a child's map and what its operator changed."""
    _print(console, f"child {child['genome']}", f"by {child['operator']}")
    section = None
    for change in child["changes"]:
        if change["section"] != section:
            section = change["section"]
            _print(console, f"  {section}")
        old, new = change["old"], change["new"]
        _print(console, f"    {change['field']}: {old} → {new} ({change['meaning']})")
    if not child["changes"]:
        _print(console, "  no field: what it changed was the same before")
    for sign, phrases in (("-", child["lost"]), ("+", child["gained"])):
        for phrase in phrases:
            _print(console, f"  {sign} {phrase}")
    _print(console, child["ascii"], "")


def verdict(world: Mapping[str, Any]) -> str:
    """One sentence on whether and how the goal can be reached, and what the best play earns."""
    if world["solvable"] is None:
        return f"whether it can be solved is not known: the oracle gave up after {world['states']:,} states"
    if not world["solvable"]:
        return "not solvable: no play leads from the start to the goal within the step limit"
    steps, earned = world["shortest_path"], world["optimal_return"]
    if world["is_deterministic"]:
        solvable, mean = f"solvable in {_count_steps(steps)}", ""
    else:
        rate, mean = world["solve_rate"], " on average"
        share = f" {output.percent(rate)} of the time at best," if rate is not None else ""
        solvable = f"solvable{share} in {_count_steps(steps)} with luck"
    if earned is None:
        return f"{solvable}; what the best play earns is not known"
    plan = f" in {_count_steps(len(world['plan']))}" if world["plan"] is not None else ""
    return f"{solvable}; the best play earns {earned:.3g}{mean}{plan}"


def _count_steps(number: int) -> str:
    return f"{number} step" if number == 1 else f"{number} steps"


def _print(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _check_count(count: int, does: str) -> None:
    if count < 1:
        raise UsageError(f"--count {count} {does} nothing. Give 1 or more.")

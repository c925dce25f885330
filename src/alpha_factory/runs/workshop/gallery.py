"""Worlds described in words and drawn: a source, as `workshop.source` reads it, in; plain data or a picture out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from alpha_factory.core.errors import UsageError
from alpha_factory.evaluate import stack_levels
from alpha_factory.genome import random_genome, to_hex, to_json, to_values
from alpha_factory.runs.workshop.source import NamedWorld, decode_genome, find_world, from_genome
from alpha_factory.runs.workshop.wording import count, tell_level
from alpha_factory.worlds import draw_level, to_text
from alpha_factory.worlds.grid.controls import CONTROLS
from alpha_factory.worlds.levels.file import print_level
from alpha_factory.worlds.levels.text import own_size
from alpha_factory.worlds.levels.walls import FIELD, MAZE, count_rooms
from alpha_factory.worlds.oracle.optimum import BUDGET, Verdict, find_optima

__all__ = [
    "PICTURE_FORMATS",
    "decode_genome",
    "describe_world",
    "list_features",
    "sample_worlds",
    "save_picture",
]

PICTURE_FORMATS = (".png", ".gif", ".jpg", ".jpeg", ".webp", ".bmp")
_PICTURE_TILE = 32
_SAMPLE_BUDGET = 10_000  # states a world: samples are for a look


def describe_world(source: str) -> dict[str, Any]:
    """What a world is like.

    Returns:
        `genome` (hexadecimal digits, or None), `ascii` (its map), `level` (the text of its file), `fields` (the genome
        as its JSON file holds it, or None), `step_limit`, `details` (phrases by section, as `tell_level` gives
        them), `features` (the same in one list), and what the oracle says, None where it doesn't know: `solvable`,
        `solve_rate` (the best chance to reach the goal), `shortest_path` (actions to the goal, turns included and luck
        too), `plan` (actions by name that earn the most, None where chance decides), `optimal_return`,
        `is_deterministic`, `states` (how many it looked at).

    Raises:
        UsageError: there is no such source; the message says what there is.
        InvalidGenome, InvalidLevel: the source breaks its schema.
    """
    return _describe([find_world(source)], budget=BUDGET, has_plans=True)[0]


def sample_worlds(number: int, seed: int) -> list[dict[str, Any]]:
    """Descriptions, as by `describe_world`, of so many worlds from random genomes.

    Plans are left out, and the oracle gives up earlier.
    """
    keys = jax.random.split(jax.random.key(seed), number)
    genomes = [np.asarray(random_genome(key=key)) for key in keys]
    return _describe([from_genome(genome) for genome in genomes], budget=_SAMPLE_BUDGET)


def save_picture(source: str, path: Path) -> None:
    """Draw a world into an image file, whose format is that of the name's ending.

    Raises:
        UsageError: there is no such source or no such format, or the file can't be written.
    """
    if path.suffix.lower() not in PICTURE_FORMATS:
        raise UsageError(
            f"Cannot draw into {path}: its name must end in {', '.join(PICTURE_FORMATS)}."
        )
    picture = draw_level(find_world(source).level, tile_pixels=_PICTURE_TILE)
    try:
        picture.save(path)
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror or error}.") from error


def list_features(world: NamedWorld) -> list[str]:
    """What stands out about a world, the layout first and the rules last."""
    details = tell_level(world.level)
    size, *layout = details.pop("layout")
    phrases = [phrase for section in details.values() for phrase in section]
    return [size, *_tell_walls(world), *layout, *phrases]


def _describe(
    worlds: Sequence[NamedWorld], *, budget: int, has_plans: bool = False
) -> list[dict[str, Any]]:
    """Worlds of one shape, judged together, which is quicker than one after another."""
    levels = stack_levels([world.level for world in worlds])
    verdicts = find_optima(levels, budget=budget, has_plans=has_plans)
    return [
        {
            "genome": None if world.genome is None else to_hex(world.genome),
            "ascii": to_text(world.level),
            "level": print_level(world.level),
            **_tell_verdict(verdict),
            "step_limit": int(world.level.step_limit),
            "features": list_features(world),
            "details": tell_level(world.level),
            "fields": None if world.genome is None else to_json(world.genome),
        }
        for world, verdict in zip(worlds, verdicts, strict=True)
    ]


def _tell_verdict(verdict: Verdict) -> dict[str, Any]:
    actions = CONTROLS["turn"].actions
    return {
        "solvable": verdict.is_solvable,
        "solve_rate": verdict.solve_rate,
        "shortest_path": verdict.fewest_steps,
        "plan": None if verdict.plan is None else [actions[action] for action in verdict.plan],
        "optimal_return": verdict.optimal_return,
        "is_deterministic": verdict.is_deterministic,
        "states": verdict.states,
    }


def _tell_walls(world: NamedWorld) -> list[str]:
    """What the genome makes of its walls; a level without one has walls of no kind."""
    if world.genome is None:
        return []
    values = to_values(world.genome)
    if values["style"] in (MAZE, FIELD):
        return ["maze" if values["style"] == MAZE else "open field"]
    height, width = own_size(world.level)
    across = count_rooms(values["rooms_across"], width)
    down = count_rooms(values["rooms_down"], height)
    return [count(int(across * down), "room")]

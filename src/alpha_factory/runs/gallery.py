"""Any world that a person can name, described in words and drawn: a source in, plain data or a picture out.

A source is a genome as 128 hexadecimal digits, a genome's JSON file, a level's text file, or the name of a public maze.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import InvalidGenome, InvalidLevel, UsageError, unknown
from alpha_factory.genome import (
    BITS,
    from_hex,
    from_json,
    random_genome,
    to_hex,
    to_json,
    to_values,
)
from alpha_factory.worlds import (
    GridLevel,
    decode,
    draw_level,
    from_text,
    public_mazes,
    shortest_plan,
    tiles,
    to_text,
)
from alpha_factory.worlds.text import own_size

_PICTURE_TILE = 32
_FORMATS = (".png", ".gif", ".jpg", ".jpeg", ".webp", ".bmp")
_HEX_DIGITS = BITS // 4
_MOSTLY_HEX = 32  # hexadecimal digits from which a source is taken for a genome with some missing

_decode, _plan = jax.jit(decode), jax.jit(shortest_plan)


class _World(NamedTuple):
    genome: np.ndarray | None  # None for a level that no genome stands for
    level: GridLevel


def describe_world(source: str) -> dict[str, Any]:
    """What a world is like.

    Returns:
        `genome` (hexadecimal digits, or None), `ascii` (its map), `solvable`, `shortest_path` (actions, turns
        included, or None), `step_limit`, `features`, a list of plain words, and `fields`, the genome
        as its JSON file holds it, or None.

    Raises:
        UsageError: there is no such source; the message says what there is.
        InvalidGenome, InvalidLevel: the source breaks its schema.
    """
    return _describe(_find(source))


def sample_worlds(count: int, seed: int) -> list[dict[str, Any]]:
    """Descriptions, as by `describe_world`, of `count` worlds from random genomes."""
    keys = jax.random.split(jax.random.key(seed), count)
    genomes = [np.asarray(random_genome(key=key)) for key in keys]
    return [_describe(_from_genome(genome)) for genome in genomes]


def save_picture(source: str, path: Path) -> None:
    """Draw a world into an image file, whose format is that of the name's ending.

    Raises:
        UsageError: there is no such source or no such format, or the file can't be written.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"Cannot draw into {path}: its name must end in {', '.join(_FORMATS)}.")
    picture = draw_level(_find(source).level, tile_pixels=_PICTURE_TILE)
    try:
        picture.save(path)
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror or error}.") from error


def decode_genome(genome: np.ndarray) -> GridLevel:
    """The level that a genome means, compiled once for all callers on the host."""
    return _decode(jnp.asarray(genome))


def _find(source: str) -> _World:
    """The world that a source names."""
    mazes = public_mazes()
    if source in mazes:
        return _World(None, mazes[source])
    is_hex = not set(source.lower()) - set("0123456789abcdef")
    if is_hex and len(source) >= _MOSTLY_HEX:
        return _from_genome(from_hex(source))
    path = Path(source)
    if not _is_file(path):
        forms = [f"{_HEX_DIGITS} hexadecimal digits", "a genome's JSON file", "a level's text file"]
        raise unknown("world", source, [*mazes, *forms])
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidLevel(source, "a text file in UTF-8", f"byte {error.start}") from error
    except OSError as error:
        raise UsageError(f"Cannot read {source}: {error.strerror or error}.") from error
    if not text.lstrip().startswith("{") and path.suffix != ".json":
        return _World(None, from_text(text))
    try:
        return _from_genome(from_json(json.loads(text)))
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise InvalidGenome(source, "JSON", where) from error


def _is_file(path: Path) -> bool:
    """Whether it is one; no for a name that no file can have, such as an overlong one."""
    try:
        return path.is_file()
    except OSError:
        return False


def _from_genome(genome: np.ndarray) -> _World:
    return _World(genome, decode_genome(genome))


def _describe(world: _World) -> dict[str, Any]:
    plan = int(_plan(world.level))
    return {
        "genome": None if world.genome is None else to_hex(world.genome),
        "ascii": to_text(world.level),
        "solvable": plan >= 0,
        "shortest_path": plan if plan >= 0 else None,
        "step_limit": int(world.level.step_limit),
        "features": _features(world),
        "fields": None if world.genome is None else to_json(world.genome),
    }


def _features(world: _World) -> list[str]:
    """What stands out about a world, the layout first and the rules last."""
    level = world.level
    height, width = own_size(level)
    kinds = np.bincount(np.asarray(level.tile).ravel(), minlength=tiles.KINDS).tolist()
    features = [f"{height} x {width} cells", *_rooms(world, height, width)]
    if kinds[tiles.DOOR]:
        key = "one key" if kinds[tiles.KEY] == 1 else _count(kinds[tiles.KEY], "key")
        features.append(f"{_count(kinds[tiles.DOOR], 'locked door')}, {key}")
    if kinds[tiles.TRAP]:
        each = "it fires" if kinds[tiles.TRAP] == 1 else "each fires"
        odds, cost = float(level.trap_odds), float(level.trap_penalty)
        features.append(
            f"{_count(kinds[tiles.TRAP], 'trap')}, {each} with chance {odds:.2g} and costs {cost:.2g}"
        )
    if dense := float(level.dense):
        features.append(f"dense reward: {dense:.2g} on the way, {1 - dense:.2g} at the goal")
    else:
        features.append("sparse reward: 1 at the goal")
    if slip := float(level.slip):
        features.append(f"slips {100 * slip:.2g} % of forward steps")
    if period := int(level.mirror_period):
        features.append(f"left and right swap every {_count(period, 'step')}")
    if period := int(level.fog_period):
        features.append(f"fog comes and goes every {_count(period, 'step')}")
    return features


def _rooms(world: _World, height: int, width: int) -> list[str]:
    """How many rooms the genome asks for; a level without one has walls, not rooms."""
    if world.genome is None:
        return []
    values = to_values(world.genome)
    across = min(1 + values["rooms_across"], width // 3)
    down = min(1 + values["rooms_down"], height // 3)
    return [_count(across * down, "room")]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

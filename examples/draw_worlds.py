"""Draw worlds from random genomes on one sheet: the picture in the README.

python examples/draw_worlds.py docs/worlds.png
"""

import sys
from pathlib import Path

import jax
import numpy as np

from alpha_factory.genome import Rule, print_rule, random_genome
from alpha_factory.worlds import GridLevel, decode, draw_contact_sheet
from alpha_factory.worlds.levels import tiles

LAWS = {"gravity": "gravity", "wind": "wind", "drag": "drag", "restitution": "bouncy walls"}


def main(path: Path, count: int = 24, choice: int = 16) -> None:
    """From small to large, each the one out of `choice` with the most to see."""
    decoded = jax.jit(decode)
    levels = [
        jax.tree.map(np.asarray, decoded(random_genome(key=jax.random.key(seed))))
        for seed in range(count * choice)
    ]
    levels.sort(key=lambda level: max(level.size))
    chosen = [
        max(levels[first : first + choice], key=appeal) for first in range(0, len(levels), choice)
    ]
    draw_contact_sheet(chosen, list(map(caption, chosen))).save(path, optimize=True)


def appeal(level: GridLevel) -> tuple[bool, int]:
    """Nearly square or not; kinds of tile and of opponent."""
    is_squarish = 3 * min(level.size) >= 2 * max(level.size)
    is_belt, is_turned = level.tile >= tiles.CONVEYOR, level.tile >= tiles.ONE_WAY
    kinds = np.where(is_turned, np.where(is_belt, tiles.CONVEYOR, tiles.ONE_WAY), level.tile)
    return is_squarish, len(np.unique(kinds)) + len(np.unique(level.opponent))


def caption(level: GridLevel) -> str:
    """What a picture can't show: the laws of motion, and the rules."""
    laws = [name for field, name in LAWS.items() if np.any(getattr(level.physics, field))]
    if level.physics.slip > 0:
        laws.append(f"{level.physics.slip:.0%} slips")
    slots = zip(*(np.asarray(part).tolist() for part in jax.tree.leaves(level.rules)), strict=True)
    rules = [rule for codes in slots if (rule := Rule(*codes)).trigger]
    first = print_rule(rules[0]) if rules else "no rules"
    more = f" (+{len(rules) - 1})" if len(rules) > 1 else ""
    return f"{', '.join(laws) or 'neutral physics'}\n{first}{more}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

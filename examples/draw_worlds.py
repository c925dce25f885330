"""Draw worlds from random genomes on one sheet: the picture in the README.

python examples/draw_worlds.py docs/worlds.png
"""

import sys
from pathlib import Path

import jax

from alpha_factory.genome import random_genome
from alpha_factory.worlds import decode, draw_contact_sheet, shortest_plan


def main(path: Path, count: int = 24, shortest: int = 8) -> None:
    decoded, planned = jax.jit(decode), jax.jit(shortest_plan)
    levels, captions, seed = [], [], 0
    while len(levels) < count:
        level = decoded(random_genome(key=jax.random.key(seed)))
        if (plan := int(planned(level))) >= shortest:
            levels.append(level)
            captions.append(f"{plan} steps at best")
        seed += 1
    draw_contact_sheet(levels, captions, columns=8).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

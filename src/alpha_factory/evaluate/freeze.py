"""How the frozen suites were made: run once each, the output committed, the digest written down.

`python -m alpha_factory.evaluate.freeze perfect-maze-medium-v1` prints the file of a suite, and its
digest on stderr. The plain families come out the same every time. `poet-100-v1` comes from genomes
and an engine that change: a later version makes another suite, which needs another name. The same
holds for `generated-v1`, the first 256 of 512 random bits whose shortest plan has 8 to 64 actions,
as version 0.1 decoded them: no code of today makes it.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from alpha_factory.core.errors import unknown
from alpha_factory.evaluate.hard import STEP_LIMIT, choose_levels
from alpha_factory.evaluate.layouts import corridors, four_rooms, perfect_maze
from alpha_factory.evaluate.suite import digest_levels

_MEDIUM, _XL, _FOUR_ROOMS = 19, 101, 17
_SMALL_CORRIDOR, _LARGE_CORRIDOR = 13, 19


def limit_of(side: int) -> int:
    """The step limit of minimax and DCD for a maze: twice the cells, its border among them."""
    return 2 * (side + 2) ** 2


def freeze_medium() -> dict[str, Any]:
    """`perfect-maze-medium-v1`."""
    return _mazes("perfect-maze-medium", _MEDIUM, 100, episodes=4)


def freeze_xl() -> dict[str, Any]:
    """`perfect-maze-xl-v1`."""
    return _mazes("perfect-maze-xl", _XL, 10, episodes=4)


def freeze_corridors() -> dict[str, Any]:
    """`corridors-v1`."""
    sizes = {"small": _SMALL_CORRIDOR, "large": _LARGE_CORRIDOR}
    rows = [
        {"name": f"{size}-{name}", "map": lines}
        for size, side in sizes.items()
        for name, lines in corridors(side)
    ]
    limits = [limit_of(side) for side in sizes.values()]
    origin = (
        "the geometry of SmallCorridor and LargeCorridor in minimax and DCD, all goals and headings"
    )
    return _suite("corridors-v1", origin, limits, rows, episodes=4)


def freeze_four_rooms() -> dict[str, Any]:
    """`four-rooms-v1`."""
    rows = [
        {"name": f"four-rooms-{seed:03d}", "map": four_rooms(_FOUR_ROOMS, seed=seed)}
        for seed in range(100)
    ]
    origin = (
        "the distribution of FourRooms in MiniGrid (100 steps) and minimax (250), seeds 0 to 99"
    )
    return _suite("four-rooms-v1", origin, [100, 250], rows, episodes=4)


def freeze_poet() -> dict[str, Any]:
    """`poet-100-v1`; takes ten minutes."""
    origin = (
        "chosen for variety from evolved genomes whose shortest walk has at least 30 actions, which "
        "random play solves in less than a tenth of its episodes and the best play in at least three "
        "quarters, as the oracle says; optimal_return is null where its states were too many"
    )
    return _suite("poet-100-v1", origin, [STEP_LIMIT], choose_levels(100), episodes=4)


RECIPES: dict[str, Callable[[], dict[str, Any]]] = {
    "perfect-maze-medium-v1": freeze_medium,
    "perfect-maze-xl-v1": freeze_xl,
    "corridors-v1": freeze_corridors,
    "four-rooms-v1": freeze_four_rooms,
    "poet-100-v1": freeze_poet,
}


def main(name: str) -> None:
    """Print a suite, and its digest on stderr."""
    if name not in RECIPES:
        raise unknown("suite", name, RECIPES)
    data = RECIPES[name]()
    sys.stdout.write(json.dumps(data, indent=1) + "\n")
    sys.stderr.write(digest_levels(data["levels"], data["step_limits"]) + "\n")


def _mazes(name: str, side: int, count: int, *, episodes: int) -> dict[str, Any]:
    rows = [
        {"name": f"{name}-{seed:03d}", "map": perfect_maze(side, seed=seed)}
        for seed in range(count)
    ]
    origin = (
        f"perfect mazes by recursive backtracking as in minimax, seeds 0 to {count - 1}; "
        "the step limit is that of minimax and DCD, twice the cells with a border"
    )
    return _suite(f"{name}-v1", origin, [limit_of(side)], rows, episodes=episodes)


def _suite(
    name: str, origin: str, step_limits: list[int], rows: list[dict[str, Any]], *, episodes: int
) -> dict[str, Any]:
    return {
        "name": name,
        "origin": origin,
        "step_limits": step_limits,
        "episodes": episodes,
        "levels": rows,
    }


if __name__ == "__main__":
    main(sys.argv[1])

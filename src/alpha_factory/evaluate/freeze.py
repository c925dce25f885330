"""How the frozen suites were made: run once each, the output committed, the digest written down.

`python -m alpha_factory.evaluate.freeze perfect-maze-medium-v1` prints the file of a suite, and its
digest on stderr. The plain families come out the same every time, the hand-made mazes too. `poet-100-v1`
comes from genomes and an engine that change: a later version makes another suite, which needs another
name. Of `generated-v1` it can but say how it was made: no code of today decodes as version 0.1 did.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from alpha_factory.evaluate.hard import STEP_LIMIT, choose_levels
from alpha_factory.evaluate.layouts import corridors, four_rooms, perfect_maze
from alpha_factory.evaluate.public import public_rows, public_suite
from alpha_factory.evaluate.suite import Row, digest_levels

_MEDIUM, _XL, _FOUR_ROOMS = 19, 101, 17
_SMALL_CORRIDOR, _LARGE_CORRIDOR = 13, 19


def limit_of(side: int) -> int:
    """The step limit of minimax and DCD for a maze: twice the cells, its border among them."""
    return 2 * (side + 2) ** 2


def freeze_public() -> dict[str, Any]:
    """`public-mazes-v1`, which has no file: its maps are those of `worlds.public_mazes`."""
    suite = public_suite()
    origin = "mazes made by hand, on which papers on environment design report results"
    limits = list(suite.step_limits)
    return _suite(suite.name, origin, limits, public_rows(), episodes=suite.episodes)


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
    "public-mazes-v1": freeze_public,
    "perfect-maze-medium-v1": freeze_medium,
    "perfect-maze-xl-v1": freeze_xl,
    "corridors-v1": freeze_corridors,
    "four-rooms-v1": freeze_four_rooms,
    "poet-100-v1": freeze_poet,
}

PAST: dict[str, str] = {
    "generated-v1": (
        "generated-v1 can't be made again: it is the first 256 levels of 512 random bits whose shortest "
        "plan has 8 to 64 actions, as version 0.1 decoded them, and no code of today decodes so. "
        "Its file, generated_v1.json, is all there is of it."
    )
}
"""How those were made for which there is no recipe."""


def main(arguments: Sequence[str]) -> int:
    """Print a suite, and its digest on stderr; 1 if it can't be made again, with the reason on stderr.

    Raises:
        SystemExit: 2, with the suites listed on stderr, where the arguments don't name one of them.
    """
    parser = argparse.ArgumentParser(
        prog="python -m alpha_factory.evaluate.freeze",
        description="Make a frozen suite once more: its file on stdout, its digest on stderr.",
    )
    parser.add_argument("suite", choices=sorted((*RECIPES, *PAST)))
    name = parser.parse_args(arguments).suite
    if name in PAST:
        sys.stderr.write(PAST[name] + "\n")
        return 1
    data = RECIPES[name]()
    sys.stdout.write(json.dumps(data, indent=1) + "\n")
    sys.stderr.write(digest_levels(data["levels"], data["step_limits"]) + "\n")
    return 0


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
    name: str, origin: str, step_limits: list[int], rows: Sequence[Row], *, episodes: int
) -> dict[str, Any]:
    return {
        "name": name,
        "origin": origin,
        "step_limits": step_limits,
        "episodes": episodes,
        "levels": rows,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

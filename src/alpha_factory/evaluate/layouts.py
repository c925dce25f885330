"""The plain families on which the field tests generalisation, drawn anew: seeds in, maps out.

Sizes count free cells and inner walls; the border is not drawn, since whatever lies beyond a map is wall.
Host code. Chance comes from `random.Random.random` alone, whose stream Python promises to keep.
"""

from collections.abc import Iterator
from random import Random

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_HEADINGS = ">v<^"

Place = tuple[int, int]
"""Row and column."""


def perfect_maze(side: int, *, seed: int) -> list[str]:
    """A maze with one way between any two cells, by recursive backtracking.

    Agent and goal stand on two free cells drawn uniformly, as in minimax; `side` is odd.
    """
    chance = Random(seed)
    nodes = side // 2 + 1
    current = (_below(chance, nodes), _below(chance, nodes))
    free, trail = {_double(current)}, [current]
    while trail:
        row, column = trail[-1]
        beside = [
            (row + down, column + right)
            for down, right in _STEPS
            if 0 <= row + down < nodes
            and 0 <= column + right < nodes
            and _double((row + down, column + right)) not in free
        ]
        if not beside:
            trail.pop()
            continue
        chosen = beside[_below(chance, len(beside))]
        free |= {_double(chosen), (row + chosen[0], column + chosen[1])}
        trail.append(chosen)
    return _draw(side, free, chance)


def four_rooms(side: int, *, seed: int) -> list[str]:
    """Four rooms, a door at random in each wall between two; agent and goal anywhere but in walls."""
    chance, middle = Random(seed), side // 2
    rooms = {
        (row, column)
        for row in range(side)
        for column in range(side)
        if middle not in (row, column)
    }
    doors = set()
    for first in (0, middle + 1):
        doors |= {
            (middle, first + _below(chance, middle)),
            (first + _below(chance, middle), middle),
        }
    return _draw(side, rooms | doors, chance, among=rooms)


def corridors(side: int) -> Iterator[tuple[str, list[str]]]:
    """Dead ends off a ring, the goal at the end of each in turn, the agent with every heading.

    Yields:
        Where the goal lies and which way the agent faces, such as `up-3-left`; the map.
    """
    last, middle = side - 1, side // 2
    free = {
        (row, column)
        for row in range(side)
        for column in range(side)
        if row in (0, last) or column in (0, last) or (column % 2 == 0 and row != middle)
    }
    for name, row in (("up", middle - 1), ("down", middle + 1)):
        for number, column in enumerate(range(2, last, 2), start=1):
            for heading, facing in zip(_HEADINGS, ("right", "down", "left", "up"), strict=True):
                lines = _write(side, free, (middle, 0), heading, (row, column))
                yield f"{name}-{number}-{facing}", lines


def _draw(
    side: int, free: set[Place], chance: Random, among: set[Place] | None = None
) -> list[str]:
    """The map of free cells, agent and goal on two different ones of `among`."""
    places = sorted(among or free)
    goal = places.pop(_below(chance, len(places)))
    start = places[_below(chance, len(places))]
    return _write(side, free, start, _HEADINGS[_below(chance, 4)], goal)


def _write(side: int, free: set[Place], start: Place, heading: str, goal: Place) -> list[str]:
    shown = dict.fromkeys(free, ".") | {start: heading, goal: "G"}
    return ["".join(shown.get((row, column), "#") for column in range(side)) for row in range(side)]


def _double(node: Place) -> Place:
    return 2 * node[0], 2 * node[1]


def _below(chance: Random, count: int) -> int:
    return int(chance.random() * count)

import json
from collections import deque

import jax
import numpy as np
import pytest

from alpha_factory.worlds import public_mazes, shortest_walk
from alpha_factory.worlds.levels import tiles

# Walls, and moves from cell to cell (turns not counted) of the shortest way.
KNOWN = {
    "SixteenRooms": (46, 20),
    "SixteenRooms2": (53, 22),
    "Labyrinth": (72, 96),
    "LabyrinthFlipped": (72, 96),
    "Labyrinth2": (72, 96),
    "StandardMaze": (73, 40),
    "StandardMaze2": (72, 56),
    "StandardMaze3": (71, 39),
}

SHORTEST = jax.jit(shortest_walk)


@pytest.fixture(scope="module")
def mazes():
    return public_mazes()


def _count_moves(is_wall, start, goal) -> int:
    """Breadth-first search over cells in plain Python."""
    waiting, moves = deque([start]), {start: 0}
    while waiting:
        row, column = waiting.popleft()
        for cell in ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column)):
            is_inside = 0 <= cell[0] < len(is_wall) and 0 <= cell[1] < len(is_wall[0])
            if is_inside and not is_wall[cell[0]][cell[1]] and cell not in moves:
                moves[cell] = moves[row, column] + 1
                waiting.append(cell)
    return moves[goal]


def _walls(level) -> list[list[bool]]:
    """Of the level's own cells."""
    rows, columns = level.size.tolist()
    return (np.asarray(level.tile)[:rows, :columns] == tiles.WALL).tolist()


def test_mazes_are_the_eight_known_ones(mazes):
    assert list(mazes) == list(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_maze_has_known_walls_and_shortest_way(mazes, name):
    level, (walls, moves) = mazes[name], KNOWN[name]
    start, goal = tuple(level.start.tolist()), tuple(level.goal.tolist())
    assert sum(map(sum, _walls(level))) == walls
    assert _count_moves(_walls(level), start, goal) == moves
    assert int(level.distance[start]) == moves


@pytest.mark.parametrize("name", KNOWN)
def test_maze_is_solvable_within_its_step_limit(mazes, name):
    plan = int(SHORTEST(mazes[name]))
    assert KNOWN[name][1] <= plan <= int(mazes[name].step_limit) == 250


def test_mazes_hold_nothing_but_walls_floor_and_goal(mazes):
    for level in mazes.values():
        assert level.size.tolist() == [13, 13]
        assert set(np.unique(level.tile).tolist()) == {tiles.FLOOR, tiles.WALL, tiles.GOAL}


def test_mazes_are_those_of_the_reference(mazes, pytestconfig):
    path = pytestconfig.rootpath.parent / "shared" / "data" / "mazes" / "public_mazes.json"
    if not path.is_file():
        pytest.skip("the reference mazes are not beside this checkout; the known numbers hold")
    reference = json.loads(path.read_text(encoding="utf-8"))
    assert list(mazes) == list(reference)
    for name, level in mazes.items():
        maze = reference[name]
        assert _walls(level) == [[cell == "1" for cell in row] for row in maze["wall_rows"]]
        assert level.start.tolist() == maze["start_xy"][::-1]
        assert level.goal.tolist() == maze["goal_xy"][::-1]
        assert tiles.HEADINGS[int(level.heading)] == maze["facing"]
        assert KNOWN[name] == (maze["wall_count"], maze["shortest_path_moves"])

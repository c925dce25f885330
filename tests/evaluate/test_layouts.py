from collections import deque

import pytest

from alpha_factory.evaluate import freeze
from alpha_factory.evaluate.layouts import corridors, four_rooms, perfect_maze

SIDES = (5, 13, 19)


def find_cells(lines):
    return {
        (row, column)
        for row, line in enumerate(lines)
        for column, symbol in enumerate(line)
        if symbol != "#"
    }


def find_symbols(lines, symbols):
    return [
        (row, column)
        for row, line in enumerate(lines)
        for column, symbol in enumerate(line)
        if symbol in symbols
    ]


def count_links(cells):
    return sum(((row, column + 1) in cells) + ((row + 1, column) in cells) for row, column in cells)


def reach(cells, start):
    """Steps from a cell to all that can be reached from it."""
    steps, queue = {start: 0}, deque([start])
    while queue:
        row, column = queue.popleft()
        for beside in ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column)):
            if beside in cells and beside not in steps:
                steps[beside] = steps[row, column] + 1
                queue.append(beside)
    return steps


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("side", SIDES)
def test_perfect_maze_is_a_tree_over_all_its_nodes(side, seed):
    lines = perfect_maze(side, seed=seed)
    cells = find_cells(lines)
    assert len(lines) == len(lines[0]) == side
    assert {(row, column) for row in range(0, side, 2) for column in range(0, side, 2)} <= cells
    assert len(reach(cells, min(cells))) == len(cells) == count_links(cells) + 1
    assert len(find_symbols(lines, ">v<^")) == len(find_symbols(lines, "G")) == 1


def test_perfect_mazes_of_different_seeds_differ():
    assert len({"".join(perfect_maze(13, seed=seed)) for seed in range(50)}) == 50


@pytest.mark.parametrize("seed", range(20))
def test_four_rooms_have_a_door_in_each_wall(seed):
    lines = four_rooms(17, seed=seed)
    cells = find_cells(lines)
    doors = [cell for cell in cells if 8 in cell]
    assert sorted((row < 8, row > 8, column < 8, column > 8) for row, column in doors) == sorted(
        [
            (True, False, False, False),
            (False, True, False, False),
            (False, False, True, False),
            (False, False, False, True),
        ]
    )
    assert len(cells) == 4 * 64 + 4
    assert len(reach(cells, min(cells))) == len(cells)
    assert not set(doors) & set(find_symbols(lines, ">v<^G"))


def test_corridors_end_at_the_goal_from_every_heading():
    levels = dict(corridors(13))
    assert len(levels) == 10 * 4
    assert levels["up-2-left"] == [
        ".............",
        *[".#.#.#.#.#.#."] * 4,
        ".#.#G#.#.#.#.",
        "<###########.",
        *[".#.#.#.#.#.#."] * 5,
        ".............",
    ]
    ends = set()
    for lines in levels.values():
        cells, [goal] = find_cells(lines), find_symbols(lines, "G")
        assert find_symbols(lines, ">v<^") == [(6, 0)]
        assert sum(step == 1 for step in reach(cells, goal).values()) == 1, "a dead end"
        ends.add(goal)
    assert ends == {(row, column) for row in (5, 7) for column in range(2, 12, 2)}


def test_limit_is_that_of_the_field():
    """MultiGrid-PerfectMazeMedium: 2 * 21 * 21; Maze-SmallCorridor: 2 * 15 * 15."""
    assert [freeze.limit_of(side) for side in (13, 19, 101)] == [450, 882, 21_218]

"""Where one can walk, by breadth-first search over cells in plain Python."""

from collections import deque

AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))  # right, down, left, up
HEADINGS = ("right", "down", "left", "up")
UNREACHABLE = 30_000
AVOIDED = ("wall", "trap", "lava", "box", "teleporter", "decoy")


def beside(cell, heading):
    """The neighbour in a heading."""
    return cell[0] + AHEAD[heading][0], cell[1] + AHEAD[heading][1]


def may_step(tile, cell, heading, closed=()) -> bool:
    """Whether one may walk from a cell to its neighbour; nothing slides, falls or hurts.

    Args:
        closed: further kinds that may not be entered.
    """
    here, there = tile.get(cell, "wall"), tile.get(beside(cell, heading), "wall")
    if here == "wall" or here == f"conveyor {HEADINGS[(heading + 2) % 4]}":
        return False
    if there.startswith("one-way"):
        return there == f"one-way {HEADINGS[heading]}"
    return there not in AVOIDED and there not in closed


def flood(tile, source, closed=()):
    """Steps on the shortest way from `source` to every cell that can be reached."""
    steps, waiting = {source: 0}, deque([source])
    while waiting:
        cell = waiting.popleft()
        for heading in range(4):
            there = beside(cell, heading)
            if there not in steps and may_step(tile, cell, heading, closed):
                steps[there] = steps[cell] + 1
                waiting.append(there)
    return steps


def flood_back(tile, goal, closed=()):
    """Steps on the shortest way to `goal` from every cell that leads there."""
    steps, waiting = {goal: 0}, deque([goal])
    while waiting:
        cell = waiting.popleft()
        for heading in range(4):
            before = beside(cell, (heading + 2) % 4)
            if before not in steps and may_step(tile, before, heading, closed):
                steps[before] = steps[cell] + 1
                waiting.append(before)
    return steps


def distances(tile, goal, *, is_crow=False):
    """Each cell's distance to the goal: on foot, doors and gates open, or as the crow flies."""
    if is_crow:
        return {cell: abs(cell[0] - goal[0]) + abs(cell[1] - goal[1]) for cell in tile}
    steps = flood_back(tile, goal)
    return {cell: steps.get(cell, UNREACHABLE) for cell in tile}


def solve(level) -> list[int] | None:
    """The fewest actions of a walk to the goal (0 left, 1 right, 2 forward); None if there is none.

    Keys open doors, every button entered opens or closes all gates.
    """
    first = (level.start, level.heading, False, False)
    came_from, waiting = {first: None}, deque([first])
    while waiting:
        here = waiting.popleft()
        cell, heading, has_key, is_open = here
        if cell == level.goal:
            plan = []
            while came_from[here]:
                here, action = came_from[here]
                plan.append(action)
            return plan[::-1]
        moves = [
            (cell, (heading - 1) % 4, has_key, is_open),
            (cell, (heading + 1) % 4, has_key, is_open),
        ]
        closed = (*(() if has_key else ("door",)), *(() if is_open else ("gate",)))
        if may_step(level.tile, cell, heading, closed):
            there = beside(cell, heading)
            kind = level.tile[there]
            moves.append((there, heading, has_key or kind == "key", is_open ^ (kind == "button")))
        for action, following in enumerate(moves):
            if following not in came_from:
                came_from[following] = (here, action)
                waiting.append(following)
    return None

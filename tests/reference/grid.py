"""The grid world without arrays: a breadth-first search, a simulator, and the agent's view."""

import random
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from alpha_factory.worlds import SIDE, GridLevel

FLOOR, WALL, GOAL, KEY, DOOR, TRAP, OPEN_DOOR = range(7)
AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))  # right, down, left, up
UNREACHABLE = 10_000


@dataclass
class Level:
    """A level as plain numbers."""

    tile: dict[tuple[int, int], int]
    start: tuple[int, int]
    heading: int
    goal: tuple[int, int]
    step_limit: int = 50
    dense: float = 0.0
    trap_odds: float = 1.0
    trap_penalty: float = 0.0
    slip: float = 0.0
    mirror_period: int = 0
    fog_period: int = 0
    distance: dict[tuple[int, int], int] = field(default_factory=dict)


def read_level(level: GridLevel) -> Level:
    """The plain form of a single level of the engine."""
    rows, columns = level.tile.shape
    tile, distance = np.asarray(level.tile).tolist(), np.asarray(level.distance).tolist()
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    return Level(
        tile={(row, column): tile[row][column] for row, column in cells},
        start=tuple(np.asarray(level.start).tolist()),
        heading=int(level.heading),
        goal=tuple(np.asarray(level.goal).tolist()),
        step_limit=int(level.step_limit),
        dense=float(level.dense),
        trap_odds=float(level.trap_odds),
        trap_penalty=float(level.trap_penalty),
        slip=float(level.slip),
        mirror_period=int(level.mirror_period),
        fog_period=int(level.fog_period),
        distance={(row, column): distance[row][column] for row, column in cells},
    )


def write_level(level: Level) -> GridLevel:
    """The engine's form of a plain level; distances are found anew."""
    distance = goal_distances(level.tile, level.goal)

    def grid(cells, kind):
        rows = [[cells[row, column] for column in range(SIDE)] for row in range(SIDE)]
        return jnp.asarray(np.array(rows, kind))

    return GridLevel(
        tile=grid(level.tile, np.uint8),
        start=jnp.array(level.start, jnp.int32),
        heading=jnp.int32(level.heading),
        goal=jnp.array(level.goal, jnp.int32),
        distance=grid(distance, np.int16),
        step_limit=jnp.int32(level.step_limit),
        dense=jnp.float32(level.dense),
        trap_odds=jnp.float32(level.trap_odds),
        trap_penalty=jnp.float32(level.trap_penalty),
        slip=jnp.float32(level.slip),
        mirror_period=jnp.int32(level.mirror_period),
        fog_period=jnp.int32(level.fog_period),
    )


def random_level(seed: int, *, kinds: str = ".......####KDDT", most_steps: int = 60) -> Level:
    """Random tiles on a patch of random size anywhere in the grid; the goal need not be reachable."""
    draw = random.Random(seed)
    height, width = draw.randint(2, 7), draw.randint(2, 7)
    top, left = draw.randint(0, SIDE - height), draw.randint(0, SIDE - width)
    tile = {(row, column): WALL for row in range(SIDE) for column in range(SIDE)}
    patch = [(top + row, left + column) for row in range(height) for column in range(width)]
    for cell in patch:
        tile[cell] = ".#GKDT'".index(draw.choice(kinds))
    start, goal = draw.sample(patch, 2)
    tile[start], tile[goal] = FLOOR, GOAL
    return Level(
        tile=tile,
        start=start,
        heading=draw.randrange(4),
        goal=goal,
        step_limit=draw.randint(1, most_steps),
        dense=draw.choice((0.0, draw.random())),
        trap_odds=float(draw.randrange(2)),
        trap_penalty=draw.random(),
        mirror_period=draw.choice((0, draw.randint(1, 8))),
        fog_period=draw.choice((0, draw.randint(1, 8))),
    )


def flood(is_free, source):
    """Steps from `source` to every cell that can be reached through free ones."""
    steps, waiting = {source: 0}, deque([source])
    while waiting:
        cell = waiting.popleft()
        for down, right in AHEAD:
            beside = cell[0] + down, cell[1] + right
            if is_free(beside) and beside not in steps:
                steps[beside] = steps[cell] + 1
                waiting.append(beside)
    return steps


def goal_distances(tile, goal):
    """Steps to the goal with doors open and traps avoided; a trap counts one more than beside it."""
    clear = flood(lambda cell: tile.get(cell, WALL) not in (WALL, TRAP), goal)
    found = {}
    for cell, kind in tile.items():
        if kind == TRAP:
            beside = [clear.get((cell[0] + down, cell[1] + right)) for down, right in AHEAD]
            found[cell] = min((steps + 1 for steps in beside if steps is not None), default=None)
        else:
            found[cell] = clear.get(cell)
    return {cell: UNREACHABLE if steps is None else steps for cell, steps in found.items()}


def solve(level: Level) -> list[int] | None:
    """The fewest actions to the goal without stepping on a trap; None if there is no way at all."""
    first = (level.start, level.heading, False)
    came_from = {first: None}
    waiting = deque([first])
    while waiting:
        here = waiting.popleft()
        cell, heading, has_key = here
        if cell == level.goal:
            plan = []
            while came_from[here]:
                here, action = came_from[here]
                plan.append(action)
            return plan[::-1]
        ahead = cell[0] + AHEAD[heading][0], cell[1] + AHEAD[heading][1]
        kind = level.tile.get(ahead, WALL)
        moves = [(cell, (heading - 1) % 4, has_key), (cell, (heading + 1) % 4, has_key)]
        if kind not in (WALL, TRAP) and (kind != DOOR or has_key):
            moves.append((ahead, heading, has_key or kind == KEY))
        for action, following in enumerate(moves):
            if following not in came_from:
                came_from[following] = (here, action)
                waiting.append(following)
    return None


class Episode:
    """An episode in which chance plays no part: nothing slips or everything, traps fire never or always."""

    def __init__(self, level: Level):
        assert level.slip in (0, 1)
        assert level.trap_odds in (0, 1)
        self.level = level
        self.tile = dict(level.tile)
        self.cell, self.heading, self.has_key = level.start, level.heading, False
        self.time = 0
        self.is_over = False
        self.seen, self.visited = set(), {level.start}
        self._look()

    def step(self, action: int) -> tuple[float, bool, bool, bool]:
        """Reward, terminated, truncated, solved."""
        if self.is_over:
            return 0.0, *self.ending, False
        level = self.level
        reward, is_solved, is_trapped = 0.0, False, False
        if action == 2:
            ahead = self._place(1, 0)
            kind = self.tile.get(ahead, WALL)
            if not level.slip and kind != WALL and (kind != DOOR or self.has_key):
                reward += self._potential(ahead) - self._potential(self.cell)
                self.cell = ahead
                if kind == KEY:
                    self.has_key, self.tile[ahead] = True, FLOOR
                elif kind == DOOR:
                    self.tile[ahead] = OPEN_DOOR
                elif kind == GOAL:
                    is_solved, reward = True, reward + 1 - level.dense
                elif kind == TRAP and level.trap_odds:
                    is_trapped, reward = True, reward - level.trap_penalty
        else:
            quarter = (-1, 1)[action]
            self.heading = (self.heading + (-quarter if self._rules("mirror") else quarter)) % 4
        self.time += 1
        self.visited.add(self.cell)
        self._look()
        is_terminated = is_solved or is_trapped
        self.ending = is_terminated, self.time >= level.step_limit and not is_terminated
        self.is_over = any(self.ending)
        return max(-1.0, min(1.0, reward)), *self.ending, is_solved

    def observe(self) -> list[bool]:
        """The 1024 features."""
        bits = []
        for kind in self._view().values():
            bits += [kind == number for number in range(16)]
        around = [self._place(ahead, aside) for ahead in range(-5, 6) for aside in range(-5, 6)]
        known = [cell if cell in self.seen else None for cell in around]
        kinds = [self.tile[cell] if cell else None for cell in known]
        bits += [kind == WALL for kind in kinds]
        bits += [kind is not None and kind != WALL for kind in kinds]
        bits += [cell in self.visited for cell in known]
        bits += [kind == DOOR for kind in kinds]
        bits += [kind == GOAL for kind in kinds]
        bits += [self.has_key, self._rules("mirror"), self._rules("fog")]
        bits += [self.level.slip > bound for bound in (0.0, 0.0625, 0.125, 0.1875)]
        left = Fraction(self.level.step_limit - self.time, self.level.step_limit)
        bits += [left > Fraction(eighth, 8) for eighth in range(8)]
        return bits + [False] * (1024 - len(bits))

    def _potential(self, cell) -> float:
        whole = self.level.distance[self.level.start]
        if whole in (0, UNREACHABLE):
            return 0.0
        return self.level.dense * max(0.0, 1 - self.level.distance[cell] / whole)

    def _rules(self, rule: str) -> bool:
        period = getattr(self.level, f"{rule}_period")
        return period > 0 and (self.time // period) % 2 == 1

    def _place(self, ahead: int, aside: int) -> tuple[int, int]:
        """The cell so far ahead and to the right of the agent."""
        forward, right = AHEAD[self.heading], AHEAD[(self.heading + 1) % 4]
        return (
            self.cell[0] + ahead * forward[0] + aside * right[0],
            self.cell[1] + ahead * forward[1] + aside * right[1],
        )

    def _view(self) -> dict[tuple[int, int], int]:
        """Kind of tile of each cell of the view; 15 is fog, and beyond the edge are walls."""
        view = {}
        for ahead in range(5):
            for aside in range(-2, 3):
                is_hidden = self._rules("fog") and (ahead > 1 or abs(aside) > 1)
                place = self._place(ahead, aside)
                view[place] = 15 if is_hidden else self.tile.get(place, WALL)
        return view

    def _look(self) -> None:
        self.seen |= {
            cell for cell, kind in self._view().items() if kind != 15 and cell in self.tile
        }

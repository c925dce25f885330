"""The quickest way to the goal of a level, by A* over its true states.

A step leads at most one cell on, so a state is at least as many steps from the goal as its cell is
on the shortest way through all that could ever be entered. States without that many steps left are
never looked at, which is what makes a dash cheaper than the whole graph.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.oracle.expand import SOLVED
from alpha_factory.worlds.oracle.frontier import Frontier, States, Task

_FAR = 1 << 20


class Dash(NamedTuple):
    """The quickest way to the goal, or how many states were looked at without finding one."""

    states: int
    is_complete: bool  # the goal is reached from no state that can be
    plan: tuple[int, ...] | None
    earned: float  # by that plan


def dash(tasks: Sequence[Task], *, budget: int, controls: str, pays_hidden: bool) -> list[Dash]:
    """The quickest way to the goal in each level, chance being kind.

    Args:
        tasks: at most `frontier.TOGETHER`; their moments are unrolled, and traps leave nothing to
            chance.
        budget: states a level.
    """
    frontier = Frontier(tasks, controls=controls, pays_hidden=pays_hidden)
    limit = np.array([int(task.level.step_limit) for task in tasks])
    guess = np.stack([guess_steps(task.level) for task in tasks])
    race = _Race(frontier.begin(), guess)
    waiting = np.arange(len(tasks))  # not yet left
    dashes: list[Dash | None] = [None] * len(tasks)
    count = np.ones(len(tasks), np.int64)
    while len(waiting):
        level = race.states.level[waiting]
        least = np.full(len(tasks), _FAR)
        np.minimum.at(least, level, race.total[waiting])
        # Whoever can't reach the goal in time is not left, but a shorter way there may be found.
        is_next = (race.total[waiting] == least[level]) & (least <= limit)[level]
        if not is_next.any():
            break
        chosen, waiting = waiting[is_next], waiting[~is_next]
        begin = race.size
        for source, action, reward in race.leave(frontier, chosen):
            index = int(race.states.level[source])
            earned = float(race.earned[source] + reward)
            held = dashes[index]
            if held is None or earned > held.earned:
                plan = race.trace(source, action)
                dashes[index] = Dash(0, False, plan, earned)
        count += np.bincount(race.states.level[begin : race.size], minlength=len(tasks))
        waiting = np.concatenate([waiting, np.arange(begin, race.size)])
        is_open = (count <= budget) & np.array([found is None for found in dashes])
        waiting = waiting[is_open[race.states.level[waiting]]]
    return [
        Dash(int(states), bool(states <= budget), None, 0.0)
        if found is None
        else found._replace(states=int(states))
        for found, states in zip(dashes, count, strict=True)
    ]


def guess_steps(level: GridLevel) -> np.ndarray:
    """A lower bound on the steps to the goal from each cell: as if all but walls could be entered.

    Args:
        level: hushed; arrays of numpy.
    """
    is_open = level.tile != tiles.WALL
    if np.any(level.rules.effect == dsl.GHOST):
        rows, columns = np.indices(level.tile.shape)
        is_open = (rows < level.size[0]) & (columns < level.size[1])
    steps = np.full(level.tile.shape, _FAR)
    ends = [tuple(place) for place in level.teleport]
    is_linked = bool(np.any(level.tile == tiles.TELEPORT))
    reached = np.zeros(level.tile.shape, bool)
    reached[tuple(level.goal)] = True
    distance = 0
    while reached.any():
        steps[reached] = distance
        spread = np.zeros_like(reached)
        spread[1:] |= reached[:-1]
        spread[:-1] |= reached[1:]
        spread[:, 1:] |= reached[:, :-1]
        spread[:, :-1] |= reached[:, 1:]
        if is_linked:
            # Who steps onto one end comes out at the other, in the same step.
            for one, other in (ends, ends[::-1]):
                if reached[other]:
                    row, column = one
                    for down, right in zip(tiles.ROW_STEP, tiles.COLUMN_STEP, strict=True):
                        beside = (row + down, column + right)
                        if min(beside) >= 0 and max(beside) < len(steps):
                            spread[beside] = True
        distance += 1
        reached = spread & is_open & (steps == _FAR)
    return steps


class _Race:
    """States found so far and the quickest way known to each."""

    def __init__(self, starts: States, guess: np.ndarray) -> None:
        self._guess, self.size = guess, len(starts.level)
        none = np.full(self.size, -1, np.int32)
        self.states = starts
        self.steps = np.zeros(self.size, np.int64)  # from the start
        self.total = self._bound(starts, self.steps)  # at least so many by way of this state
        self.earned = np.zeros(self.size)
        self._parent, self._action = none, none

    def leave(self, frontier: Frontier, chosen: np.ndarray) -> list[tuple[int, int, float]]:
        """Steps from some states; what leads to the goal: state, action, reward."""
        solving: list[tuple[int, int, float]] = []
        held = self.states
        new = []
        for batch in frontier.leave(held.take(chosen)):
            source = chosen[batch.source]
            lane, action, slip = np.nonzero((batch.flags[..., 0] & SOLVED) != 0)
            gains = batch.reward[lane, action, slip, 0]
            solving += zip(source[lane].tolist(), action.tolist(), gains.tolist(), strict=True)
            new.append((batch, source))
        self._grow([batch.found for batch, _ in new])
        for batch, source in new:
            self._shorten(source, batch.successor[..., 0], batch.reward[..., 0])
        return solving

    def trace(self, state: int, last: int) -> tuple[int, ...]:
        """The actions of the way to a state, and one more."""
        plan = [last]
        while self._parent[state] >= 0:
            plan.append(int(self._action[state]))
            state = int(self._parent[state])
        return tuple(reversed(plan))

    def _bound(self, states: States, steps: np.ndarray) -> np.ndarray:
        row, column = states.row[:, 0], states.row[:, 1]
        return steps + self._guess[states.level, row, column]

    def _grow(self, found: list[States]) -> None:
        """Make room for new states, which no way leads to yet."""
        parts = zip(self.states, *found, strict=True)
        self.states = States(*(np.concatenate(part) for part in parts))
        missing = len(self.states.level) - self.size
        self.steps = np.concatenate([self.steps, np.full(missing, _FAR)])
        self.total = np.concatenate([self.total, np.full(missing, _FAR)])
        self.earned = np.concatenate([self.earned, np.zeros(missing)])
        none = np.full(missing, -1, np.int32)
        self._parent = np.concatenate([self._parent, none])
        self._action = np.concatenate([self._action, none])
        self.size += missing

    def _shorten(self, source: np.ndarray, successor: np.ndarray, reward: np.ndarray) -> None:
        """Keep the ways that are shorter than those known."""
        lane, action, slip = np.nonzero(successor >= 0)
        state, steps = successor[lane, action, slip], self.steps[source[lane]] + 1
        is_shorter = steps < self.steps[state]
        lane, action, slip, state, steps = (
            part[is_shorter] for part in (lane, action, slip, state, steps)
        )
        # Of several ways to one state, the shortest.
        order = np.argsort(steps, kind="stable")
        state, first = np.unique(state[order], return_index=True)
        lane, action, slip = (part[order][first] for part in (lane, action, slip))
        self.steps[state] = self.steps[source[lane]] + 1
        self.earned[state] = self.earned[source[lane]] + reward[lane, action, slip]
        self._parent[state], self._action[state] = source[lane], action
        self.total[state] = self._bound(self.states.take(state), self.steps[state])

"""All true states of levels that can be reached, and the steps between them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alpha_factory.worlds.oracle.expand import DOUBLE, SOLVED
from alpha_factory.worlds.oracle.frontier import Batch, Frontier, States, Task


class Graph(NamedTuple):
    """The states of one level, the start first, and their steps by kind of moment.

    The cases of a step are those of `Odds`: slips first, traps within.
    """

    clock: np.ndarray  # [states]
    row: np.ndarray  # [states]: the first of its rows below; kind of moment k is the k-th after it
    is_left: np.ndarray  # [states]: has rows; a state first found at the step limit has none
    successor: np.ndarray  # [rows actions cases]: a state, or -1 where the episode ended
    reward: np.ndarray  # [rows actions cases]
    is_solved: np.ndarray  # [rows actions cases]
    is_double: np.ndarray  # [rows actions cases]: counts as two steps of time


def explore(
    tasks: Sequence[Task], *, budget: int, controls: str, pays_hidden: bool
) -> list[Graph | int]:
    """The graph of each level, or how many states were found where they exceed the budget.

    Args:
        tasks: at most `frontier.TOGETHER`.
        budget: states a level.
    """
    frontier = Frontier(tasks, controls=controls, pays_hidden=pays_hidden)
    limit = np.array([int(task.level.step_limit) for task in tasks])
    count = np.zeros(len(tasks), np.int64)
    ledger = _Ledger()
    wave, first, depth = frontier.begin(), 0, 0
    while len(wave.level):
        count += np.bincount(wave.level, minlength=len(tasks))
        ledger.levels.append(wave.level)
        ledger.clocks.append(wave.clock)
        going = np.flatnonzero(((count <= budget) & (limit > depth))[wave.level])
        found = []
        for batch in frontier.leave(wave.take(going)):
            ledger.enter(batch, wave.level, going, first)
            found.append(batch.found)
        first, depth = first + len(wave.level), depth + 1
        wave = States(
            *(np.concatenate(parts) for parts in zip(wave.take(going[:0]), *found, strict=True))
        )
    return ledger.close(count, budget)


class _Ledger:
    """States and steps of all levels as they are found."""

    def __init__(self) -> None:
        self.levels: list[np.ndarray] = []
        self.clocks: list[np.ndarray] = []
        self._level: list[np.ndarray] = []  # of each row of steps
        self._owner: list[np.ndarray] = []  # state of each row of steps
        self._steps: list[tuple[np.ndarray, ...]] = []

    def enter(self, batch: Batch, level: np.ndarray, going: np.ndarray, first: int) -> None:
        """Keep the steps of a batch from a wave whose states are numbered from `first` on."""
        at = going[batch.source]
        self._level.append(level[at])
        self._owner.append(first + at)
        rows, actions = batch.successor.shape[:2]
        parts = (batch.successor, batch.reward, batch.flags)
        self._steps.append(tuple(part.reshape(rows, actions, -1) for part in parts))

    def close(self, count: np.ndarray, budget: int) -> list[Graph | int]:
        """The graphs, states numbered level by level."""
        level, clock = np.concatenate(self.levels), np.concatenate(self.clocks)
        row_level, owner = np.concatenate(self._level), np.concatenate(self._owner)
        successor, reward, flags = (
            np.concatenate(parts) for parts in zip(*self._steps, strict=True)
        )
        states = np.split(np.argsort(level, kind="stable"), np.cumsum(count)[:-1])
        rows_of = np.bincount(row_level, minlength=len(count))
        rows = np.split(np.argsort(row_level, kind="stable"), np.cumsum(rows_of)[:-1])
        local = np.full(len(level) + 1, -1, np.int32)  # the last is what -1 stands for
        for own in states:
            local[own] = np.arange(len(own), dtype=np.int32)
        graphs: list[Graph | int] = []
        for index, (own, left) in enumerate(zip(states, rows, strict=True)):
            if count[index] > budget:
                graphs.append(int(count[index]))
                continue
            held = np.bincount(local[owner[left]], minlength=len(own))
            graphs.append(
                Graph(
                    clock=clock[own],
                    row=np.cumsum(held) - held,
                    is_left=held > 0,
                    successor=local[successor[left]],
                    reward=reward[left],
                    is_solved=(flags[left] & SOLVED) != 0,
                    is_double=(flags[left] & DOUBLE) != 0,
                )
            )
        return graphs

"""The frontier of a search: true states of several levels, left by the engine's own steps.

States are told apart by 64-bit hashes: in a million states, the odds that two share one are 3 in
100 million. Everything else is exact.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.oracle.expand import (
    DOUBLE,
    ENDED,
    Lanes,
    Relevance,
    Steps,
    expand,
    reveal,
    start,
)
from alpha_factory.worlds.oracle.moments import Moments, Odds, find_relevance, stack_relevance

TOGETHER = 128
"""Levels searched side by side."""

_LANES = (32, 512)  # few shapes, since each is compiled; more lanes at once are no faster
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Task(NamedTuple):
    """A level to search: arrays of numpy, hushed, all of one shape and with as many cases."""

    level: GridLevel
    moments: Moments
    odds: Odds


class States(NamedTuple):
    """States in the order in which they were found."""

    level: np.ndarray  # [states]: index of the task
    clock: np.ndarray  # [states]
    row: np.ndarray  # [states numbers]
    layer: np.ndarray  # [states]: which content of cells

    def take(self, chosen: np.ndarray) -> "States":
        """Some of them."""
        return States(*(part[chosen] for part in self))


class Batch(NamedTuple):
    """Steps from some states, one row for each state and kind of moment."""

    source: np.ndarray  # [rows]: index of the state among those left
    successor: np.ndarray
    """[rows actions slips traps]: number of a state; -1 where the episode ended."""
    reward: np.ndarray  # [rows actions slips traps]
    flags: np.ndarray  # [rows actions slips traps]
    found: States  # those that are new, in the order of their numbers


class Frontier:
    """States are numbered as they are found; the caller says which ones are left, and when."""

    def __init__(self, tasks: Sequence[Task], *, controls: str, pays_hidden: bool) -> None:
        self._controls, self._pays_hidden = controls, pays_hidden
        self._slips, self._springs = len(tasks[0].odds.slips), len(tasks[0].odds.springs)
        # Empty places repeat the first level, so that one shape does for any number of tasks.
        filled = [*tasks, *[tasks[0]] * (TOGETHER - len(tasks))]
        self._levels: GridLevel = jax.tree.map(
            lambda *leaves: jnp.asarray(np.stack(leaves)), *(task.level for task in filled)
        )
        relevant = [find_relevance(task.level, task.moments, controls) for task in tasks]
        relevant += relevant[:1] * (TOGETHER - len(tasks))
        self._relevance: Relevance = stack_relevance(relevant)
        self._period = np.array([task.moments.period for task in tasks])
        self._trap = np.array([task.odds.traps[0] for task in tasks])
        longest = max(task.moments.period for task in tasks)
        most = max(len(times) for task in tasks for times in task.moments.times)
        self._kinds = np.zeros((len(tasks), longest), np.int64)
        self._times = np.zeros((len(tasks), longest, most), np.int32)
        for index, task in enumerate(tasks):
            for clock, times in enumerate(task.moments.times):
                self._kinds[index, clock] = len(times)
                self._times[index, clock, : len(times)] = times
        self._table = _Table()
        self._layers = _Layers(np.stack([task.level.tile for task in tasks]))

    def begin(self) -> States:
        """The starts of all levels, one a task; to be called first."""
        count = len(self._period)
        starts = start(self._levels, self._relevance)
        level = np.arange(count, dtype=np.int32)
        layer = self._layers.begin(_key(np.asarray(starts.cells)[:count], level))
        self._table.enter(_key(np.asarray(starts.name)[:count], level))
        return States(level, np.zeros(count, np.int32), np.asarray(starts.row)[:count], layer)

    def leave(self, states: States) -> Iterator[Batch]:
        """Every step from some states, in batches of few shapes, at each kind of moment."""
        kinds = self._kinds[states.level, states.clock]
        at = np.repeat(np.arange(len(kinds)), kinds)
        kind = np.arange(len(at)) - np.repeat(np.cumsum(kinds) - kinds, kinds)
        time = self._times[states.level[at], states.clock[at], kind]
        under_way: tuple[slice, Steps] | None = None
        for first in range(0, len(at), _LANES[-1]):
            part = slice(first, min(first + _LANES[-1], len(at)))
            steps = expand(
                self._levels,
                self._relevance,
                self._gather(states, at[part], time[part]),
                controls=self._controls,
                pays_hidden=self._pays_hidden,
                slips=self._slips,
            )
            # The device works on these while the host goes through those before.
            if under_way is not None:
                yield self._record(states, at[under_way[0]], time[under_way[0]], under_way[1])
            under_way = part, steps
        if under_way is not None:
            yield self._record(states, at[under_way[0]], time[under_way[0]], under_way[1])

    def _gather(self, states: States, at: np.ndarray, time: np.ndarray) -> Lanes:
        """Lanes in a number that is compiled; the ones too many repeat the first."""
        lanes = next(size for size in _LANES if size >= len(at))
        filled = np.concatenate([at, np.full(lanes - len(at), at[0])])
        times = np.concatenate([time, np.full(lanes - len(at), time[0])])
        cells = self._layers.cells[states.layer[filled]]
        parts = (states.level[filled], states.row[filled], cells, times.astype(np.int32))
        return Lanes(*map(jnp.asarray, parts))

    def _record(self, states: States, at: np.ndarray, time: np.ndarray, steps: Steps) -> Batch:
        """What the device found, and which of it is new."""
        host: Any = jax.tree.map(lambda leaf: np.asarray(leaf)[: len(at)], steps)
        level, reward, flags = states.level[at], host.reward, host.flags
        if self._springs == 1:
            trap = self._trap[level][:, None, None, None]
            reward, flags = (np.take_along_axis(part, trap, -1) for part in (reward, flags))
        has_next = (flags & ENDED) == 0
        lane, action, slip = np.nonzero(has_next.any(axis=-1))
        numbers, is_first = self._table.enter(_key(host.name[lane, action, slip], level[lane]))
        successor = np.full(has_next.shape, -1, np.int32)
        successor[lane, action, slip] = np.where(
            has_next[lane, action, slip], numbers[:, None], np.int32(-1)
        )

        lane, action, slip = lane[is_first], action[is_first], slip[is_first]
        own_level = level[lane]
        double = (flags[lane, action, slip, 0] & DOUBLE) != 0
        clock = (time[lane] + 1 + double) % self._period[own_level]
        key = _key(host.cells[lane, action, slip], own_level)
        layer = self._layers.find(key)
        unknown = np.flatnonzero(layer < 0)
        if len(unknown):
            new = unknown[np.unique(key[unknown], return_index=True)[1]]
            at_new, time_new = at[lane[new]], time[lane[new]]
            self._layers.add(
                key[new], self._reveal(states, at_new, time_new, action[new], slip[new])
            )
            layer = self._layers.find(key)
        row = host.row[lane, action, slip]
        found = States(own_level, clock.astype(np.int32), row, layer)
        return Batch(at, successor, reward, flags, found)

    def _reveal(
        self,
        states: States,
        at: np.ndarray,
        time: np.ndarray,
        action: np.ndarray,
        slip: np.ndarray,
    ) -> np.ndarray:
        """The cells that some steps leave."""
        revealed = []
        for first in range(0, len(at), _LANES[0]):
            part = slice(first, first + _LANES[0])
            count = len(at[part])
            missing = (0, _LANES[0] - count)
            cells = reveal(
                self._levels,
                self._gather(states, at[part], time[part]),
                np.pad(action[part], missing).astype(np.int32),
                np.pad(slip[part], missing).astype(bool),
                controls=self._controls,
            )
            revealed.append(np.asarray(cells)[:count])
        return np.concatenate(revealed)


class _Layers:
    """The different contents that the cells of levels have, by key."""

    def __init__(self, tile: np.ndarray) -> None:
        self._places: dict[int, int] = {}
        self._store = tile.copy()
        self._size = 0

    @property
    def cells(self) -> np.ndarray:
        """[layers height width], some of them unused."""
        return self._store

    def begin(self, key: np.ndarray) -> np.ndarray:
        """Places of the contents that the store was made with."""
        self._places = {one: place for place, one in enumerate(key.tolist())}
        self._size = len(self._places)
        return np.arange(self._size, dtype=np.int32)

    def find(self, key: np.ndarray) -> np.ndarray:
        """The place of each, -1 if unknown."""
        different, which = np.unique(key, return_inverse=True)
        places = [self._places.get(one, -1) for one in different.tolist()]
        return np.array(places, np.int32)[which]

    def add(self, key: np.ndarray, cells: np.ndarray) -> None:
        """Keep new contents."""
        needed = self._size + len(key)
        if needed > len(self._store):
            room = np.zeros((max(needed, 2 * len(self._store)), *cells.shape[1:]), np.uint8)
            room[: self._size] = self._store[: self._size]
            self._store = room
        self._store[self._size : needed] = cells
        self._places |= {one: self._size + place for place, one in enumerate(key.tolist())}
        self._size = needed


class _Table:
    """Keys that are known, numbered in the order in which they were entered: open addressing."""

    def __init__(self) -> None:
        self._keys = np.zeros(1 << 16, np.uint64)
        self._ids = np.zeros(1 << 16, np.int32)
        self._size = 0

    def enter(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of keys, and the index of one occurrence of each that is new."""
        different, first, which = np.unique(keys, return_index=True, return_inverse=True)
        while 2 * (self._size + len(different)) > len(self._keys):
            self._grow()
        place, is_known = self._seek(different)
        new = np.flatnonzero(~is_known)
        # In the order of occurrence, which keeps numbers independent of the hashes.
        new = new[np.argsort(first[new])]
        self._ids[place[new]] = self._size + np.arange(len(new), dtype=np.int32)
        self._size += len(new)
        return self._ids[place][which], first[new]

    def _seek(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The place of each of some different keys, put there if it is new, and whether it is not."""
        mask = np.int64(len(self._keys) - 1)
        place = (keys >> np.uint64(20)).astype(np.int64) & mask
        is_known, open_ = np.zeros(len(keys), bool), np.arange(len(keys))
        while len(open_):
            at, wanted = place[open_], keys[open_]
            held = self._keys[at]
            is_free = held == 0
            self._keys[at[is_free]] = wanted[is_free]
            is_there = self._keys[at] == wanted
            is_known[open_] = is_there & ~is_free
            open_ = open_[~is_there]
            place[open_] = (place[open_] + 1) & mask
        return place, is_known

    def _grow(self) -> None:
        keys, ids = self._keys, self._ids
        self._keys = np.zeros(2 * len(keys), np.uint64)
        self._ids = np.zeros(2 * len(keys), np.int32)
        held = np.flatnonzero(keys)
        place, _ = self._seek(keys[held])
        self._ids[place] = ids[held]


def _key(pair: np.ndarray, level: np.ndarray) -> np.ndarray:
    """One number for a hash in two words and its level; never 0."""
    words = np.asarray(pair).astype(np.uint64)
    mixed = ((words[..., 0] << np.uint64(32)) | words[..., 1]) + (level.astype(np.uint64) * _MIX)
    return np.maximum(mixed, np.uint64(1))

"""Episodes to be watched: after a cycle the agent plays a handful of worlds, and what happened is kept as records.

Of a pool these are living worlds: take after take until each has been seen, as far as the time goes that this may cost,
and the rest at the end of the run. Of a method that chooses levels, they are levels that it would play next. Nothing
depends on it: with or without, and however many takes there was time for, a run has the same bits.
"""

import itertools
import sqlite3
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import OutOfMemory
from alpha_factory.curriculum import Pool, Selector
from alpha_factory.records import Episode
from alpha_factory.records import RunState as Doing
from alpha_factory.rollout import Film
from alpha_factory.runs.arenas import make_arena
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.camera import Camera
from alpha_factory.runs.evaluation import find_model
from alpha_factory.runs.files.episodes import EpisodeStore
from alpha_factory.runs.lessons import make_lesson
from alpha_factory.runs.machine.compiler import Compiler, Compiling
from alpha_factory.runs.machine.memory import estimate_pupil
from alpha_factory.runs.settings.config import POET, RunConfig
from alpha_factory.runs.state import Counters
from alpha_factory.runs.workshop.trace import draw, trace
from alpha_factory.worlds import GridLevel

_SHARE = 0.02
"""Of a run's time, that playing may cost."""
_CLOSING_SHARE = 0.2
"""Of the seconds kept for the closing, that worlds which were never seen may take."""
_WALLS = 25  # of the mazes that stand for those of a tutor


class Recorder:
    """Plays and keeps episodes of one run."""

    def __init__(
        self,
        config: RunConfig,
        path: Path,
        *,
        camera: Camera | None = None,
        compiling: Compiling = lambda name: None,
        warned: Callable[[str], None] = lambda message: None,
        event: Callable[[str, dict], None] = lambda kind, payload: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Open the file at `path`; nothing is compiled before the first episodes.

        Args:
            camera: None for a new one.
            compiling: called before levels are chosen by a program that has to be compiled.
            warned: called with what a person should know.
            event: called with what the ledger should know.
            clock: seconds since some moment.
        """
        self._config = config
        self._camera = camera or Camera(config, compiling)
        self._warned, self._event = warned, event
        self._path = path
        self._compiler = Compiler(None, compiling, partial(estimate_pupil, config))
        self._clock = clock
        self._since, self._left_s = clock(), 0.0
        self._is_off = False
        self._store: EpisodeStore | None = None
        self._try(lambda store: None)

    @property
    def compile_s(self) -> float:
        """Seconds spent compiling so far, the camera left out."""
        return self._compiler.compile_s

    @property
    def camera_s(self) -> float:
        """Seconds spent compiling what the films at the end of a run need, too."""
        return self._camera.compile_s

    def rewind(self, frames: int) -> None:
        """Forget what was played after so many frames: the run goes on from there."""
        self._try(lambda store: store.rewind(frames))

    def record(self, state: Any, counters: Counters, doing: Callable[[Doing, str], None]) -> None:
        """Play some worlds, if it is their turn and there is time. What goes wrong is said, and no more of it done.

        A take that took longer than there was time for is paid for by the next ones.

        Args:
            state: of the run, at the end of a cycle.
            counters: the cycles completed by then included.
        """
        every = self._config.playback.cycles
        if self._is_off or every is None or (counters.cycle - 1) % every:
            return
        now = self._clock()
        self._left_s = min(self._left_s, 0.0) + _SHARE * (now - self._since)
        self._since = now
        if self._left_s < 0:
            return
        doing("filming", "recording episodes")
        self._try(
            lambda store: self._play_all(store, state, counters, is_over=lambda: self._left_s < 0)
        )

    def complete(
        self,
        state: Any,
        counters: Counters,
        doing: Callable[[Doing, str], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        """Play the living worlds that were never seen, now that training is over, as far as its closing has time."""
        seconds = _CLOSING_SHARE * self._config.budget.closing_s
        if self._is_off or self._config.playback.cycles is None or seconds <= 0:
            return
        self._left_s = seconds

        def play(store: EpisodeStore) -> None:
            if self._has_unseen(store, state):
                doing("filming", "recording worlds that were never seen")
                self._play_all(
                    store, state, counters, is_over=lambda: self._left_s < 0 or is_stopping()
                )

        self._try(play)

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _play_all(
        self, store: EpisodeStore, state: Any, counters: Counters, is_over: Callable[[], bool]
    ) -> None:
        """One take, and more of them while a living world was never seen."""
        key = derive_key(self._config.seed, "playback", counters.cycle)
        for take in itertools.count():
            start = self._clock() - self.compile_s - self.camera_s
            episodes = self._play(store, state, counters, key=jax.random.fold_in(key, take))
            store.add(episodes)
            self._left_s -= self._clock() - self.compile_s - self.camera_s - start
            if is_over() or not self._has_unseen(store, state):
                return

    def _has_unseen(self, store: EpisodeStore, state: Any) -> bool:
        """Whether a living world has no episode and the file has room for one of each."""
        if self._config.curriculum.name != POET:
            return False
        size = int(state.pool.size)
        living = np.asarray(state.pool.world)[:size].tolist()
        return size <= self._config.playback.total and not {*living} <= {*store.last_seen()}

    def _play(
        self, store: EpisodeStore, state: Any, counters: Counters, *, key: PRNGKeyArray
    ) -> list[Episode]:
        config = self._config
        model = find_model(config, state)
        if config.curriculum.name == POET:
            chosen = self._choose(store, state.pool)
            numbers = np.asarray(state.pool.world)[chosen].tolist()
            levels = jax.tree.map(lambda leaf: leaf[chosen], jax.device_get(state.pool.level))
        else:
            levels = self._compiler.call("next levels", self._next_levels, state.selection, key)
            numbers = None
        levels = jax.device_get(levels)
        shot = self._camera.shoot(model, levels, key=key)
        return write_episodes(levels, shot, numbers, counters)

    def _choose(self, store: EpisodeStore, pool: Pool) -> list[int]:
        """Slots of living worlds, as many as are played: the newest not seen yet, then those not seen for longest."""
        seen, size = store.last_seen(), int(pool.size)
        world = np.asarray(pool.world)[:size].tolist()
        lanes = self._config.playback.worlds
        unseen = [slot for slot in range(size) if world[slot] not in seen]
        newest = sorted(unseen, key=lambda slot: -world[slot])[: (lanes + 1) // 2]
        rest = sorted(
            set(range(size)) - set(newest), key=lambda slot: (seen.get(world[slot], 0), world[slot])
        )
        # All shapes are the same: a pool of fewer worlds shows some of them more than once.
        return np.resize([*newest, *rest], lanes).tolist()

    def _next_levels(self, selection: Any, key: PRNGKeyArray) -> GridLevel:
        lanes, levels = self._config.playback.worlds, self._config.levels
        selector = make_lesson(self._config).selector
        if isinstance(selector, Selector):
            _, choice = selector.choose(selection, key=key)
            return jax.tree.map(lambda leaf: leaf[jnp.arange(lanes) % leaf.shape[0]], choice.level)
        keys = jax.random.split(key, lanes)  # a tutor's levels are built while it teaches
        walls, generator = levels.walls or _WALLS, levels.generator or "walls"
        arena = make_arena(levels, self._config.learner)
        return jax.vmap(lambda one: arena.draw(key=one, walls=walls, generator=generator))(keys)

    def _try(self, act: Callable[[EpisodeStore], None]) -> None:
        """Do something with the file. One that turns out damaged is put aside at the next time that it is opened."""
        if self._is_off:
            return
        try:
            if self._store is None:
                self._store = self._open()
            act(self._store)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # a reader at work passes; the rest does not
                self._end(error)
        except sqlite3.DatabaseError:
            self.close()
        except (OSError, sqlite3.Error, OutOfMemory) as error:
            self._end(error)

    def _open(self) -> EpisodeStore:
        playback = self._config.playback
        return EpisodeStore(
            self._path, kept=playback.kept, total=playback.total, put_aside=self._put_aside
        )

    def _put_aside(self, place: Path, reason: str) -> None:
        self._event("put aside", {"file": self._path.name, "now": place.name, "reason": reason})
        self._warned(f"{self._path.name} was no record of episodes ({reason}); it is {place} now.")

    def _end(self, error: Exception) -> None:
        self._is_off = True
        self._warned(f"No more episodes are recorded to be watched: {error}")


def write_episodes(
    levels: GridLevel, shot: Film, numbers: list[int] | None, counters: Counters
) -> list[Episode]:
    """The records of some episodes, on the host; a world that was played twice has one.

    Args:
        levels: stacked.
        numbers: under which the worlds are archived; None where they are not: then a number follows from
            what the level is, the same whenever it comes again.
    """
    episodes: dict[int, Episode] = {}
    for lane in range(levels.start.shape[0]):
        level = jax.tree.map(lambda leaf, at=lane: np.asarray(leaf)[at], levels)
        world = _number(level) if numbers is None else numbers[lane]
        steps = int(shot.score.steps[lane])
        states = jax.tree.map(
            lambda leaf, lane=lane, end=steps + 1: np.asarray(leaf)[:end, lane], shot.state
        )
        actions, rewards = (column[:steps, lane].tolist() for column in (shot.action, shot.reward))
        episodes[world] = Episode(
            id=0,
            world=world,
            cycle=max(counters.cycle - 1, 0),  # a run may be over before its first
            frames=counters.frames,
            player="generalist",
            is_solved=bool(shot.score.is_solved[lane]),
            total=float(shot.score.total[lane]),
            steps=steps,
            drawing=draw(level),
            trace=trace(level, states, actions, rewards),
        )
    return list(episodes.values())


def _number(level: GridLevel) -> int:
    return zlib.crc32(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(level)))

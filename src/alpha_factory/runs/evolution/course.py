"""POET's course: a student in a pool of worlds, and after some stretches a cycle that changes the pool."""

import dataclasses
import zlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.types import Level
from alpha_factory.genome import to_hex
from alpha_factory.learn import Losses, PpoLosses, Progress, Travels
from alpha_factory.records import CandidateAct, FeedbackAct, MetricRow, WorldCard
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.course import Check, Hooks
from alpha_factory.runs.evolution.achieved import Achieved
from alpha_factory.runs.evolution.cycle import evolve
from alpha_factory.runs.evolution.executor.jobs import Executor, InProcess
from alpha_factory.runs.evolution.guests import GuestList
from alpha_factory.runs.evolution.panel import MEMBERS, NEWCOMERS, lay_out, pick_panel, write_looks
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.evolution.row import make_row
from alpha_factory.runs.evolution.trouble import count_verdicts, find_trouble
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.directory import RunDirectory
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.state import Counters, RunState

_FIRST = 10
"""Accepted worlds that the last ones are compared with."""


class Evolution:
    """Train in the pool; score, propose, judge and let live after every `curriculum.chunks` stretches."""

    def __init__(
        self,
        directory: RunDirectory,
        programs: Programs,
        operators: tuple[str, ...],
        watched: Level,
        hooks: Hooks,
        executor: Executor | None = None,
    ) -> None:
        """A course at its beginning.

        Args:
            watched: levels that looks are taken at; nothing depends on them.
            executor: does the work of a cycle that can be done side by side; None for this process.
        """
        self.config = programs.config
        self.mesh = programs.mesh
        self.programs = programs
        self.counters = Counters()
        self.state: RunState = programs.begin()
        self._operators = operators
        self._watched = watched
        self._executor: Executor = executor or InProcess(programs)
        self._hooks = hooks
        # Training gives its student's buffers away.
        self._untrained = jax.tree.map(
            lambda leaf: jnp.copy(leaf) if eqx.is_array(leaf) else leaf,
            self.state.student.learner.model,
        )
        self._directory = directory
        self._archive = Archive(directory.worlds)
        self._guests = GuestList(self._archive, programs.guests)
        self._achieved = Achieved(self.config.curriculum)
        self._look: float | None = None
        self._progress: Progress | Travels | None = None
        self._tally = self.state.tally
        self._check: Check | None = None
        self._troubled: frozenset[str] = frozenset()

    @property
    def compile_s(self) -> float:
        """Seconds spent compiling so far."""
        return self.programs.compile_s + self._executor.compile_s

    def remember(self) -> dict[str, Any]:
        """The last look at the held-out levels."""
        return {"heldout_solve_rate": self._look}

    def recall(self, remembered: dict[str, Any]) -> None:
        """Take up what a checkpoint held."""
        self._look = remembered["heldout_solve_rate"]

    def rewind(self) -> None:
        """Bring the archive to where the counters are; a new one records the first world."""
        # Cycles are numbered from 0, so the last one completed is the one before.
        self._archive.rewind(self.counters.cycle - 1)
        if self.counters.cycle == 0:
            self._archive.record(worlds=[self._first_card()])
        self._achieved = Achieved(self.config.curriculum)
        self._achieved.add(self._archive.worlds(), self._archive.scores(), self._archive.trials())

    def train(self, check: Check) -> int:
        """One stretch of acting and updating in worlds of the pool."""
        key = derive_key(self.config.seed, "train", self.counters.chunk)
        student, progress = jax.block_until_ready(
            self.programs.train(self.state.student, self.state.pool, key=key)
        )

        def tell_world(slot: int) -> str:
            if isinstance(progress, Travels):
                return f"a world of lane {slot}"
            is_here = slot < self.config.curriculum.slots
            return f"world {int(self.state.pool.world[slot])}" if is_here else "a world that left"

        check(progress.losses, self.counters.student_updates, tell_world, "")
        self._check = check
        self._progress = progress
        self._tally = jax.tree.map(jnp.add, self.state.tally, progress.episodes)
        self.state = dataclasses.replace(self.state, student=student, tally=self._tally)
        frames, updates = int(progress.episodes.frames), progress.losses.value.size
        self.counters = self.counters.add(
            chunk=1,
            frames=frames,
            updates=updates,
            student_frames=frames,
            student_updates=updates,
        )
        return frames

    def turn(self) -> bool:
        """A cycle of the curriculum, if one is due."""
        if self.counters.chunk % self.config.curriculum.chunks:
            return False
        before = self.counters
        self._hooks.doing("judging", f"judging new worlds, cycle {before.cycle}")
        guests = self._guests.settle(before.cycle)
        self.state, self.counters = evolve(
            self.programs,
            self.state,
            self.counters,
            self._operators,
            self._archive,
            self._check_specialist,
            self._executor,
            guests,
        )
        cards = self._archive.last(self.counters.worlds - before.worlds)
        for card, guest in zip(cards[len(cards) - len(guests) :], guests, strict=True):
            told = {"id": guest.act.id, "cycle": before.cycle, "world": card.id}
            self._hooks.event("candidate", {**told, "verdict": card.verdict, "reason": ""})
        archive, cycle = self._archive, before.cycle
        self._achieved.add(
            archive.accepted([cycle]), archive.scores_in(cycle), archive.trials(cycle)
        )
        if self.counters.incidents > before.incidents:
            incident = self._archive.honeypots()[-1]
            self._hooks.event("incident", incident.model_dump())
        if before.cycle % self.config.curriculum.heldout_cycles == 0:
            self._take_look(before)
        accepted, verdicts = self.counters.accepted - before.accepted, count_verdicts(cards)
        self._hooks.event(
            "cycle", {"cycle": before.cycle, "accepted": accepted, "verdicts": verdicts}
        )
        self._tell_trouble(find_trouble(cards, living=int(self.state.pool.size)))
        return self.counters.cycle % self.config.checkpoint_cycles == 0

    def hear(self, act: CandidateAct | FeedbackAct) -> str | None:
        """A candidate waits for the next cycle that has room; what people think is noted."""
        if isinstance(act, CandidateAct):
            return self._guests.hear(act)
        known = self.counters.worlds
        return None if act.world < known else f"world {act.world} is not one of the {known} so far"

    def tell(self, frames_per_s: float) -> MetricRow:
        """The row after a stretch, and the cycle that followed it if one was due."""
        assert self._progress is not None
        return make_row(
            self.counters,
            self.state,
            self._progress,
            self._tally,
            learning=self.config.learning,
            frames_per_s=frames_per_s,
            heldout_solve_rate=self._look,
            achieved=self._achieved,
        )

    def checksum(self) -> int:
        """Of the genomes in the pool."""
        return zlib.crc32(np.asarray(self.state.pool.genome).tobytes())

    def sum_up(self) -> dict[str, Any]:
        """Median shortest plans of the first accepted worlds and of those alive now."""
        with Archive(self._directory.worlds, read_only=True) as archive:
            plans = [
                card.shortest_path
                for card in archive.worlds()
                if card.verdict == "accepted" and card.parents and card.shortest_path is not None
            ]
        pool = self.state.pool
        alive = np.asarray(pool.plan)[: int(pool.size)]
        return {
            "median_path_first": float(np.median(plans[:_FIRST])) if plans else None,
            "median_path_last": float(np.median(alive)),
        }

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()

    def _take_look(self, before: Counters) -> None:
        """Play the held-out levels once each, and the panel, on which nothing depends."""
        curriculum, cycle = self.config.curriculum, before.cycle
        panel = pick_panel(self._archive, cycle=cycle, every=curriculum.heldout_cycles)
        lanes = MEMBERS * curriculum.episodes
        is_solved = self.programs.look(
            self.state.student.learner.model,
            (self._watched, lay_out(panel.members, lanes=lanes)),
            self._untrained,
            lay_out(panel.newcomers, lanes=NEWCOMERS * curriculum.episodes),
            key=derive_key(self.config.seed, "look", cycle),
        )
        watched = jax.tree.leaves(self._watched)[0].shape[0]
        ours, members, fresh = np.split(np.asarray(is_solved), [watched, watched + lanes])
        self._look = float(ours.mean())
        looks = write_looks(panel, members, fresh, cycle=cycle, frames=before.frames)
        self._archive.record(looks=looks)

    def _check_specialist(self, losses: Losses | PpoLosses, updates: int, world: int) -> None:
        assert self._check is not None
        before = self.counters.updates + updates
        self._check(losses, before, lambda _: f"world {world}", " of a specialist")

    def _tell_trouble(self, troubles: dict[str, str]) -> None:
        """Once when it begins, not in every cycle while it lasts."""
        for kind, words in troubles.items():
            if kind not in self._troubled:
                self._hooks.warned(words)
                self._hooks.event("worlds", {"trouble": words})
        self._troubled = frozenset(troubles)

    def _first_card(self) -> WorldCard:
        return WorldCard(
            id=0,
            genome=to_hex(seed_genome()),
            parents=[],
            operator="seed",
            cycle=0,
            frames=0,
            verdict="accepted",
            shortest_path=int(self.state.pool.plan[0]),
        )

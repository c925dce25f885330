"""What is forgotten when worlds come and go: phases of worlds, one after the other, and what holds.

Each phase trains on worlds of its own and then retires them. After each phase every world of every
phase is played, so that a matrix of solve rates (worlds x time) says what was kept, what was lost,
and what the earlier worlds taught about the later ones.
"""

import dataclasses
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.core.types import Level
from alpha_factory.genome import random_genome
from alpha_factory.learn import (
    Losses,
    Practice,
    Student,
    keep,
    start_learner,
    start_student,
    train,
)
from alpha_factory.nets import Model
from alpha_factory.replay import cut
from alpha_factory.rollout import Score, play
from alpha_factory.runs.build import derive_key, make_policy, make_practice, make_untrained
from alpha_factory.runs.divergence import check_progress
from alpha_factory.runs.machine.memory import estimate_practice
from alpha_factory.runs.machine.shortage import explain_shortage
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.tasks.draws import draw_fitting
from alpha_factory.worlds import decode, make_grid, shortest_walk

EPISODES = 32
"""Played in each world at the end of each phase."""

_EASIEST, _HARDEST = 2, 8  # steps of the shortest plan of a world that takes part
_APART = 1000  # between the seeds of new networks
_AT_A_TIME = 512  # genomes looked at together for worlds that do


_draw = jax.jit(jax.vmap(lambda key: decode(random_genome(key=key))))
_measure = jax.jit(jax.vmap(shortest_walk))


class Means(NamedTuple):
    """What is done against forgetting."""

    summary: str
    is_new: bool  # a new network in each phase
    is_emptied: bool  # replay is emptied between phases
    is_kept: bool  # replay holds every phase, and batches are balanced over worlds
    is_consolidated: bool  # online EWC


MEANS: dict[str, Means] = {
    "none": Means("one network, the newest experience", False, False, False, False),
    "fine-tune": Means("experience of the present worlds alone", False, True, False, False),
    "replay": Means("experience of all worlds, balanced batches", False, False, True, False),
    "ewc": Means("none, with EWC", False, False, False, True),
    "ewc+replay": Means("replay, with EWC: the paper's", False, False, True, True),
    "scratch": Means("a new network in each phase", True, True, False, False),
}
"""By name; all get the same frames and updates."""


class Present(eqx.Module):
    """All worlds, and which of them are trained on now."""

    level: Level  # leading axis `worlds`
    first: Int[Array, ""]
    size: Int[Array, ""]


class Remembered(NamedTuple):
    """What one student could do, when."""

    solved: Float[np.ndarray, "times worlds"]  # before all phases, then after each
    worlds_a_phase: int

    @property
    def phases(self) -> int:
        """How many there were."""
        return len(self.solved) - 1

    def by_world(self) -> dict[str, Float[np.ndarray, " worlds"]]:
        """What the usual numbers (Lopez-Paz and Ranzato 2017) are means of: solve rates, a world each.

        Returns:
            `learned`: of all worlds at the end of their phase; `retired`: of those of all but the
            last phase at the end of all; `forgetting`: how much lower these are than at the end of
            their own phase; `forward_transfer`: of those of all but the first phase just before
            their own, above the untrained.
        """
        world = np.arange(self.solved.shape[1])
        own = world // self.worlds_a_phase
        learned, before = self.solved[own + 1, world], self.solved[own, world]
        is_past, is_later = own < self.phases - 1, own > 0
        return {
            "learned": learned,
            "retired": self.solved[-1][is_past],
            "forgetting": (learned - self.solved[-1])[is_past],
            "forward_transfer": (before - self.solved[0])[is_later],
        }

    def sum_up(self) -> dict[str, float]:
        """The means of `by_world`."""
        return {name: float(rates.mean()) for name, rates in self.by_world().items()}


def draw_present(source: Present, *, key: PRNGKeyArray) -> tuple[Array, Level]:
    """One of the worlds trained on now, each with the same chance."""
    slot = source.first + jax.random.randint(key, (), 0, source.size)
    return slot, jax.tree.map(lambda leaf: leaf[slot], source.level)


def find_worlds(count: int, *, seed: int) -> Level:
    """Levels of random genomes whose shortest plan has 2 to 8 steps, the first so many."""

    def is_fitting(levels: Level) -> np.ndarray:
        plans = np.asarray(_measure(levels))
        return (plans >= _EASIEST) & (plans <= _HARDEST)

    return draw_fitting(
        _draw,
        is_fitting,
        levels=count,
        at_a_time=_AT_A_TIME,
        key=jax.random.key(seed),
    )


class Course:
    """A sequence of phases; each of `MEANS` compiles its training once."""

    def __init__(self, config: RunConfig, *, phases: int, worlds: int, iterations: int) -> None:
        """A course of so many phases.

        Args:
            worlds: in each phase.
            iterations: rounds of acting and updating in each phase.
        """
        self.config, self.phases, self.worlds = config, phases, worlds
        self._iterations = iterations
        self._practices: dict[str, Practice] = {}
        self._train = eqx.filter_jit(self._train_phase)
        self._judge = eqx.filter_jit(self._play)
        self._keep = eqx.filter_jit(self._keep_phase)

    def follow(self, name: str, *, seed: int) -> Remembered:
        """Go through all phases with one of `MEANS`; the worlds follow from the seed alone.

        Raises:
            UsageError: there are no such means.
            Diverged: too many updates in a row had to be skipped.
            OutOfMemory: the device's memory did not suffice.
        """
        if name not in MEANS:
            raise unknown("means", name, MEANS)
        means, levels = MEANS[name], find_worlds(self.phases * self.worlds, seed=seed)
        # The same for every seed, or JAX would compile its training for each.
        practice = self._practices.setdefault(name, self._make_practice(means))
        source = Present(levels, jnp.int32(0), jnp.int32(self.worlds))
        estimate = partial(
            estimate_practice,
            self.config,
            practice,
            source,
            students=2,
            whose="a phase's training takes one and returns another",
        )
        with explain_shortage("continual", estimate):
            seen = self._go_through(means, practice, levels, seed=seed)
        return Remembered(np.stack(seen), self.worlds)

    def _go_through(
        self, means: Means, practice: Practice, levels: Level, *, seed: int
    ) -> list[np.ndarray]:
        """The solve rate of every world before all phases and after each."""
        key = derive_key(seed, "train", 0)
        student, seen = None, []
        for phase in range(self.phases):
            key_start, key_train, key_keep, key_play = jax.random.split(
                jax.random.fold_in(key, phase), 4
            )
            source = Present(levels, jnp.int32(phase * self.worlds), jnp.int32(self.worlds))
            if student is None or means.is_new:
                # Every seed has a network of its own, and every phase that starts with a new one.
                drawn = dataclasses.replace(self.config, seed=seed + _APART * phase)
                model = make_untrained(drawn)
                assert isinstance(model, Model)
                learner = start_learner(model, practice.recipe)
                student = start_student(practice, learner, source, key=key_start)
                if phase == 0:
                    seen.append(self._solve(student.learner.model, levels, key_play))
            else:
                fresh = start_student(practice, student.learner, source, key=key_start)
                ring = fresh.ring if means.is_emptied else cut(student.ring)
                student = Student(student.learner, ring, fresh.actors)
            student, losses = self._train(practice, student, source, key_train)
            # A learner that stands still forgets nothing.
            check_progress(
                losses,
                updates=phase * losses.value.size,
                tell_world=lambda number: f"world {number} of the course",
                checkpoint=None,
            )
            student = self._keep(practice, student, source, key_keep)
            seen.append(self._solve(student.learner.model, levels, key_play))
        return seen

    def _make_practice(self, means: Means) -> Practice:
        learning = self.config.learning
        every_row = self.phases * self._iterations * learning.steps
        changed = dataclasses.replace(
            learning,
            balance=means.is_kept,
            ewc_weight=learning.ewc_weight if means.is_consolidated else 0.0,
            replay_slots=every_row if means.is_kept else learning.replay_slots,
        )
        return make_practice(
            dataclasses.replace(self.config, learning=changed),
            draw_level=draw_present,
            slots=self.phases * self.worlds,
        )

    def _train_phase(
        self, practice: Practice, student: Student, source: Present, key: PRNGKeyArray
    ) -> tuple[Student, Losses]:
        student, progress = train(practice, student, source, iterations=self._iterations, key=key)
        return student, progress.losses

    def _keep_phase(
        self, practice: Practice, student: Student, source: Present, key: PRNGKeyArray
    ) -> Student:
        number = jnp.arange(practice.slots)
        is_past = (number >= source.first) & (number < source.first + source.size)
        learning = self.config.learning
        return keep(
            practice,
            student,
            is_past,
            sequences=learning.ewc_sequences,
            decay=learning.ewc_decay,
            key=key,
        )

    def _play(self, model: Model, levels: Level, key: PRNGKeyArray) -> Score:
        return play(make_grid(), make_policy(self.config), model, levels, key=key)

    def _solve(self, model: Model, levels: Level, key: PRNGKeyArray) -> np.ndarray:
        """Share of episodes solved in each world."""
        repeated = jax.tree.map(lambda leaf: jnp.repeat(leaf, EPISODES, axis=0), levels)
        solved = np.asarray(self._judge(model, repeated, key).is_solved, float)
        return solved.reshape(-1, EPISODES).mean(axis=1)

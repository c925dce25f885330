"""All that a run must keep to go on as if it had never stopped."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from alpha_factory.curriculum import (
    Embedding,
    Frontier,
    Pool,
    Roster,
    make_pool,
    start_embedding,
    start_frontier,
    start_roster,
)
from alpha_factory.learn import Student, Traveller
from alpha_factory.rollout import Episodes, no_episodes
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.settings.config import PATA_EC, RunConfig
from alpha_factory.runs.tuition import make_tuition
from alpha_factory.worlds import GridLevel, decode, shortest_walk


class RunState(eqx.Module):
    """The arrays of a run between two stretches of training."""

    student: Student | Traveller
    pool: Pool
    frontier: Frontier
    tally: Episodes  # what training episodes brought since the last cycle, by slot
    embedding: Embedding
    roster: Roster


@dataclass(frozen=True)
class Counters:
    """The numbers of a run. Python integers: a long run has more frames than 32 bits hold."""

    chunk: int = 0
    """Stretches of training completed; the next cycle of the curriculum follows from it."""
    cycle: int = 0
    frames: int = 0
    """Env steps of all whose play the run depends on, the student's among them."""
    updates: int = 0
    """Gradient steps of all that learn by playing, the student's among them."""
    student_frames: int = 0
    """Those that the student took while it trained."""
    student_updates: int = 0
    """Those of the student, without those of copies of it."""
    worlds: int = 1
    """Worlds ever proposed, the first one included: the number that the next one gets."""
    accepted: int = 0
    rejected: int = 0
    honeypots: int = 0
    """Accepted worlds that are honeypots."""
    ordinary: int = 0
    """Worlds accepted since the last of them."""
    incidents: int = 0
    """Times that one was found hacked."""
    wall_s: float = 0.0
    """Seconds at work in all processes of this run, compilation left out."""
    train_s: float = 0.0
    """Those of its stretches of training."""
    compile_s: float = 0.0

    def add(self, **changes: int) -> "Counters":
        """These counters with some of them increased."""
        return dataclasses.replace(
            self, **{name: getattr(self, name) + by for name, by in changes.items()}
        )

    def to_json(self) -> dict[str, Any]:
        """For a checkpoint's extra values."""
        return dataclasses.asdict(self)


def outline_state(config: RunConfig) -> RunState:
    """Shapes and types of a run's state, for what reads a checkpoint or estimates memory."""
    return eqx.filter_eval_shape(lambda: begin_state(config, decode(jnp.asarray(seed_genome()))))


def begin_state(config: RunConfig, level: GridLevel) -> RunState:
    """A run that has done nothing: an untrained student in a pool of the first world, whose level is given.

    Its genome is decoded outside, since a program of its own, which others need as well, compiles once.
    """
    genome = jnp.asarray(seed_genome())
    curriculum = config.curriculum
    slots, agents = curriculum.slots, curriculum.agents
    pool = make_pool(genome, level, shortest_walk(level), slots=slots)
    tuition = make_tuition(config)
    learner = tuition.begin()
    key = derive_key(config.seed, "begin", 0)
    return RunState(
        student=tuition.start(learner, pool, key=jax.random.fold_in(key, 1)),
        pool=pool,
        frontier=start_frontier(
            genome,
            kept=curriculum.remembered,
            agents=agents if curriculum.novelty == PATA_EC else None,
        ),
        tally=no_episodes(slots),
        embedding=start_embedding(key=jax.random.fold_in(key, 2)),
        roster=start_roster(learner.model, agents=agents),
    )

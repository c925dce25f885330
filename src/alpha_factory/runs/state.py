"""All that a run must keep to go on as if it had never stopped."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.curriculum import Frontier, Pool
from alpha_factory.rollout import Episodes
from alpha_factory.runs.programs import Student

STAGES = ("begin", "train", "propose", "judge", "specialise", "transfer", "look", "evaluate")


class RunState(eqx.Module):
    """The arrays of a run between two stretches of training."""

    student: Student
    pool: Pool
    frontier: Frontier
    tally: Episodes  # what training episodes brought since the last cycle, by slot


@dataclass(frozen=True)
class Counters:
    """The numbers of a run. Python integers: a long run has more frames than 32 bits hold."""

    chunk: int = 0
    """Stretches of training completed; the next cycle of the curriculum follows from it."""
    cycle: int = 0
    frames: int = 0
    updates: int = 0
    worlds: int = 1
    """Worlds ever proposed, the first one included: the number that the next one gets."""
    accepted: int = 0
    rejected: int = 0
    wall_s: float = 0.0
    """Seconds at work in all processes of this run, compilation left out."""
    compile_s: float = 0.0

    def add(self, **changes: float) -> "Counters":
        """These counters with some of them increased."""
        return dataclasses.replace(
            self, **{name: getattr(self, name) + by for name, by in changes.items()}
        )

    def to_json(self) -> dict[str, Any]:
        """For a checkpoint's extra values."""
        return dataclasses.asdict(self)


def derive_key(seed: int, stage: str, index: int) -> PRNGKeyArray:
    """The key of a stage's `index`-th turn. It follows from the seed alone, never from the past."""
    stages = jax.random.fold_in(jax.random.key(seed), STAGES.index(stage))
    return jax.random.fold_in(stages, index)

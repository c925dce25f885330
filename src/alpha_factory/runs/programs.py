"""The compiled programs of a run: the stages put together, a handful of jitted functions.

Each is compiled before its first call, so that compilation can be told apart from work, and so
that the whole run has as few programs as the shapes allow.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum import (
    NEVER_PLAYED,
    Candidates,
    Entry,
    Frontier,
    Mutator,
    Pool,
    advance_frontier,
    draw_level,
    enter,
    propose,
    quality_diversity,
)
from alpha_factory.learn import (
    Learner,
    Losses,
    update,
)
from alpha_factory.nets import Model
from alpha_factory.replay import insert
from alpha_factory.rollout import Episodes, Score, collect, play
from alpha_factory.runs.build import make_policy, make_recipe
from alpha_factory.runs.config import RunConfig
from alpha_factory.runs.state import RunState, Student, begin_state, restart_student
from alpha_factory.search import make_prior
from alpha_factory.worlds import count_matches, decode, make_grid, shortest_walk


class Progress(eqx.Module):
    """What a stretch of training brought. Leading axis of the losses: `iterations updates`."""

    losses: Losses
    episodes: Episodes
    policy_entropy: Float[Array, ""]  # nats, mean over the stretch


class Proposal(NamedTuple):
    """Children, and what can be said of them before they are played."""

    candidates: Candidates
    is_repeat: Bool[Array, " candidates"]  # the same level lives already or comes earlier
    is_held_out: Bool[Array, " candidates"]  # the level belongs to a suite
    qd: Float[Array, " candidates"]
    embedding: Float[Array, "candidates embedding"]


class Programs:
    """The programs of one config, compiled on first use.

    `compile_s` is the time spent compiling so far, `compiling` is called with a program's name
    before each compilation.
    """

    def __init__(
        self,
        config: RunConfig,
        mutator: Mutator,
        held_out: Level,
        compiling: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.config = config
        self.world = make_grid()
        self.recipe = make_recipe(config)
        self.planner = make_policy(config)
        self.compile_s = 0.0
        self._compiling = compiling
        self._mutator = mutator
        self._held_out = held_out
        self._compiled: dict[tuple[str, Any], Callable[..., Any]] = {}

    def begin(self) -> RunState:
        """The state of a run that has done nothing yet."""
        return self._call("begin", lambda: begin_state(self.config))

    def restart(self, learner: Learner, pool: Pool, *, key: PRNGKeyArray) -> Student:
        """A copy of a learner with empty experience, in worlds of the pool."""
        return self._call("restart", partial(restart_student, self.config), learner, pool, key)

    def train(self, student: Student, pool: Pool, *, key: PRNGKeyArray) -> tuple[Student, Progress]:
        """A stretch of acting, storing and updating. The student's buffers are given away."""
        return self._call("train", self._train, (pool, key), student, donate="all-except-first")

    def propose(
        self, pool: Pool, model: Model, frontier: Frontier, *, key: PRNGKeyArray
    ) -> Proposal:
        """A cycle's candidates."""
        return self._call("propose", self._propose, pool, model, frontier, self._held_out, key)

    def judge(self, model: Model, levels: Level, *, key: PRNGKeyArray) -> Score:
        """Play each level once with the policy head alone, without a search."""
        return self._call("judge", self._judge, model, levels, key)

    def accept(
        self,
        pool: Pool,
        frontier: Frontier,
        proposal: Proposal,
        *,
        slot: Int[Array, " candidates"],
        world: Int[Array, " candidates"],
        cycle: Int[Array, ""],
    ) -> tuple[Pool, Frontier]:
        """Put candidates into their slots; a slot beyond the pool stands for a rejection."""
        return self._call("accept", self._accept, pool, frontier, proposal, slot, world, cycle)

    def _train(self, kept: tuple[Pool, PRNGKeyArray], student: Student) -> tuple[Student, Progress]:
        (pool, key), learning = kept, self.config.learning
        arrays, static = eqx.partition(student, eqx.is_array)

        def iterate(arrays: Student, key_iteration: PRNGKeyArray) -> tuple[Student, Progress]:
            key_collect, key_update = jax.random.split(key_iteration)
            student = eqx.combine(arrays, static)
            collected = collect(
                self.world,
                self.planner,
                draw_level,
                student.learner.target,
                pool,
                student.actors,
                steps=learning.steps,
                slots=self.config.curriculum.slots,
                key=key_collect,
            )
            ring = insert(student.ring, collected.trajectory, window=self.recipe.window)
            student = Student(student.learner, ring, collected.actors)

            def improve(arrays: Student, key_batch: PRNGKeyArray) -> tuple[Student, Losses]:
                student = eqx.combine(arrays, static)
                learner, ring, losses = update(
                    self.recipe, student.learner, student.ring, key=key_batch
                )
                improved = Student(learner, ring, student.actors)
                return eqx.filter(improved, eqx.is_array), losses

            arrays, losses = jax.lax.scan(
                improve,
                eqx.filter(student, eqx.is_array),
                jax.random.split(key_update, learning.updates),
            )
            policy = collected.trajectory.policy
            entropy = -jnp.mean(jnp.sum(jax.scipy.special.xlogy(policy, policy), axis=-1))
            return arrays, Progress(losses, collected.episodes, entropy)

        keys = jax.random.split(key, self.config.curriculum.iterations)
        arrays, progress = jax.lax.scan(iterate, arrays, keys)
        episodes = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), progress.episodes)
        entropy = jnp.mean(progress.policy_entropy)
        return eqx.combine(arrays, static), Progress(progress.losses, episodes, entropy)

    def _judge(self, model: Model, levels: Level, key: PRNGKeyArray) -> Score:
        return play(self.world, make_prior(), model, levels, key=key)

    def _propose(
        self, pool: Pool, model: Model, frontier: Frontier, held_out: Level, key: PRNGKeyArray
    ) -> Proposal:
        curriculum = self.config.curriculum
        key_propose, key_reset = jax.random.split(key)
        candidates = propose(
            pool,
            self._mutator,
            decode,
            shortest_walk,
            parents=curriculum.parents,
            children=curriculum.children,
            mutations=curriculum.mutations,
            key=key_propose,
        )
        levels = candidates.level

        def embed(level: Level) -> Array:
            start = self.world.reset(level, key=key_reset)
            return model.representation(self.world.observe(level, start).astype(jnp.float32))

        embedding = jax.vmap(embed)(levels)
        return Proposal(
            candidates=candidates,
            is_repeat=count_matches(levels, pool.level) + _count_earlier(levels) > 0,
            is_held_out=count_matches(levels, held_out, is_plan_only=True) > 0,
            qd=quality_diversity(
                candidates.genome, embedding, frontier, novelty_weight=curriculum.novelty_weight
            ),
            embedding=embedding,
        )

    def _accept(
        self,
        pool: Pool,
        frontier: Frontier,
        proposal: Proposal,
        slot: Int[Array, " candidates"],
        world: Int[Array, " candidates"],
        cycle: Int[Array, ""],
    ) -> tuple[Pool, Frontier]:
        candidates = proposal.candidates
        entry = Entry(
            candidates.genome,
            candidates.level,
            world,
            candidates.plan,
            jnp.full(slot.shape, NEVER_PLAYED),
        )
        frontier = advance_frontier(
            frontier,
            candidates.genome,
            proposal.embedding,
            slot < self.config.curriculum.slots,
            proposal.qd,
            rate=self.config.curriculum.frontier_rate,
        )
        return enter(pool, entry, slot, cycle), frontier

    def _call(
        self,
        name: str,
        function: Callable[..., Any],
        *args: Any,
        donate: Literal["none", "all-except-first"] = "none",
    ) -> Any:
        shapes = jax.tree.map(
            lambda leaf: (leaf.shape, str(leaf.dtype)) if eqx.is_array(leaf) else None, args
        )
        kind = (name, str(jax.tree.leaves(shapes)))
        if kind not in self._compiled:
            self._compiling(name)
            start = time.perf_counter()
            jitted: Any = eqx.filter_jit(function, donate=donate)
            self._compiled[kind] = jitted.lower(*args).compile()
            self.compile_s += time.perf_counter() - start
        return self._compiled[kind](*args)


def _count_earlier(levels: Level) -> Int[Array, " candidates"]:
    """How many of the levels before it are the same."""
    count = jax.tree.leaves(levels)[0].shape[0]
    return count_matches(levels, levels, is_counted=jnp.tri(count, k=-1, dtype=bool))

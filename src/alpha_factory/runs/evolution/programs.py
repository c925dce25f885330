"""The compiled programs of a run: the stages put together, a handful of jitted functions.

Each is compiled before its first call, so that compilation can be told apart from work, and so
that the whole run has as few programs as the shapes allow.
"""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum import (
    NEVER_PLAYED,
    Autoencoder,
    Candidates,
    Embedding,
    Entry,
    Frontier,
    Guests,
    Mutator,
    Pool,
    advance_frontier,
    embed,
    enter,
    has_genes,
    hide_goal,
    learn_embedding,
    no_guests,
    propose,
    quality_diversity,
)
from alpha_factory.learn import (
    Learner,
    PpoLearner,
    Practice,
    Progress,
    Student,
    Traveller,
    Travels,
)
from alpha_factory.rollout import Score, play
from alpha_factory.runs.evolution.contest import Contest
from alpha_factory.runs.evolution.panel import play_both
from alpha_factory.runs.machine.compiler import Compiler, Compiling
from alpha_factory.runs.machine.devices import check_split, spread_practice
from alpha_factory.runs.machine.memory import estimate_run
from alpha_factory.runs.machine.shortage import Estimate
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.settings.config import EMBEDDING, RunConfig
from alpha_factory.runs.state import RunState, begin_state
from alpha_factory.runs.tuition import make_tuition
from alpha_factory.runs.workshop.source import decode_genome
from alpha_factory.worlds import count_matches, decode, shortest_walk

_STRANGE = 0.5
"""The quality diversity of a level that no genome says: eq. (3) puts a random genome about there."""


class Proposal(NamedTuple):
    """Children, and what can be said of them before they are played."""

    candidates: Candidates
    is_repeat: Bool[Array, " candidates"]  # the same level lives already or comes earlier
    is_held_out: Bool[Array, " candidates"]  # the level belongs to a suite
    qd: Float[Array, " candidates"]
    solved: Float[Array, "candidates agents"] | None = None  # by the roster; None: not played


class Programs:
    """The programs of one config, compiled on first use.

    `compiling` is called with a program's name before each compilation. Students are spread over
    the mesh, if there is one; all else that goes in and comes out is on one device.
    """

    def __init__(
        self,
        config: RunConfig,
        mutator: Mutator,
        held_out: Level,
        compiling: Compiling = lambda name: None,
        mesh: Mesh | None = None,
    ) -> None:
        self.config = config
        self.mesh = mesh
        self._tuition = tuition = make_tuition(config, self._spread)
        self._compiler = Compiler(mesh, compiling, self._estimate)
        self.contest = Contest(config.curriculum, tuition.world, tuition.player, self._compiler)
        self._mutator = mutator
        self._held_out = held_out

    @property
    def compiled(self) -> list[str]:
        """Names of the programs so far, each as often as it was compiled."""
        return self._compiler.compiled

    def begin(self) -> RunState:
        """The state of a run that has done nothing yet."""
        level = decode_genome(seed_genome())
        return self._compiler.call_spread("begin", partial(begin_state, self.config), level)

    def restart(
        self, learner: Learner | PpoLearner, pool: Pool, *, key: PRNGKeyArray
    ) -> Student | Traveller:
        """A copy of a learner with empty experience, in worlds of the pool."""
        return self._compiler.call_spread("restart", self._restart, learner, pool, key)

    def train(
        self, student: Student | Traveller, pool: Pool, *, key: PRNGKeyArray
    ) -> tuple[Student | Traveller, Progress | Travels]:
        """A stretch of acting and updating. The student's buffers are given away."""
        return self._compiler.call_spread(
            "train", self._train, (pool, key), student, donate="all-except-first"
        )

    def retire(
        self, student: Student | Traveller, is_leaving: Bool[Array, " slots"], *, key: PRNGKeyArray
    ) -> Student | Traveller:
        """Consolidate what the worlds in these slots taught, then let their slots go."""
        return self._compiler.call_spread("retire", self._retire, student, is_leaving, key)

    def propose(
        self,
        pool: Pool,
        net: Autoencoder,
        frontier: Frontier,
        guests: Guests | None = None,
        *,
        key: PRNGKeyArray,
    ) -> Proposal:
        """A cycle's candidates, ranked by quality diversity; guests are among them."""
        if guests is None:
            guests = no_guests(jax.tree.map(lambda leaf: leaf[0], pool.level), guests=self.guests)
        return self._compiler.call(
            "propose", self._propose, pool, net, frontier, guests, self._held_out, key
        )

    def judge(self, model: eqx.Module, levels: Level, *, key: PRNGKeyArray) -> Score:
        """Play each level once with the policy head alone, without a search."""
        return self._compiler.call("judge", self._judge, model, levels, key)

    def look(
        self,
        model: eqx.Module,
        levels: tuple[Level, ...],
        untrained: eqx.Module,
        fresh: Level,
        *,
        key: PRNGKeyArray,
    ) -> Bool[Array, " lanes"]:
        """Whether `model` solves each of the levels, and `untrained` each of the fresh ones after them."""
        return self._compiler.call("look", self._look, model, levels, untrained, fresh, key)

    def accept(
        self,
        pool: Pool,
        frontier: Frontier,
        embedding: Embedding,
        proposal: Proposal,
        *,
        slot: Int[Array, " candidates"],
        world: Int[Array, " candidates"],
        cycle: Int[Array, ""],
        key: PRNGKeyArray,
    ) -> tuple[Pool, Frontier, Embedding]:
        """Put candidates into their slots and learn from all of them; a slot beyond the pool is a rejection."""
        return self._compiler.call(
            "accept", self._accept, pool, frontier, embedding, proposal, slot, world, cycle, key
        )

    @property
    def guests(self) -> int:
        """How many guests a cycle has room for."""
        curriculum = self.config.curriculum
        return min(curriculum.guests, curriculum.parents * curriculum.children)

    @property
    def compile_s(self) -> float:
        """Seconds spent compiling so far."""
        return self._compiler.compile_s

    def need(self, name: str) -> int:
        """Bytes on each device that the program of a method needs; one that has been called."""
        return self._compiler.need(name)

    def _spread(self, practice: Practice) -> Practice:
        check_split(self.mesh.size if self.mesh else 1, practice)
        return spread_practice(self.mesh, practice)

    def _train(
        self, kept: tuple[Pool, PRNGKeyArray], student: Student | Traveller
    ) -> tuple[Student | Traveller, Progress | Travels]:
        pool, key = kept
        return self._tuition.train(student, pool, key=key)

    def _restart(
        self, learner: Learner | PpoLearner, pool: Pool, key: PRNGKeyArray
    ) -> Student | Traveller:
        return self._tuition.start(learner, pool, key=key)

    def _retire(
        self, student: Student | Traveller, is_leaving: Bool[Array, " slots"], key: PRNGKeyArray
    ) -> Student | Traveller:
        return self._tuition.retire(student, is_leaving, key=key)

    def _judge(self, model: eqx.Module, levels: Level, key: PRNGKeyArray) -> Score:
        return play(self._tuition.world, self._tuition.player, model, levels, key=key)

    def _look(
        self,
        model: eqx.Module,
        levels: tuple[Level, ...],
        untrained: eqx.Module,
        fresh: Level,
        key: PRNGKeyArray,
    ) -> Bool[Array, " lanes"]:
        world, player = self._tuition.world, self._tuition.player
        return play_both(world, player, model, levels, untrained, fresh, key=key)

    def _propose(
        self,
        pool: Pool,
        net: Autoencoder,
        frontier: Frontier,
        guests: Guests,
        held_out: Level,
        key: PRNGKeyArray,
    ) -> Proposal:
        curriculum = self.config.curriculum
        candidates = propose(
            pool,
            self._mutator,
            decode,
            shortest_walk,
            parents=curriculum.parents,
            children=curriculum.children,
            mutations=curriculum.mutations,
            guests=guests,
            key=key,
        )
        levels = candidates.level
        # A child of a honeypot's level is a repeat of it, too.
        none = jnp.zeros(pool.world.shape, bool)
        qd = quality_diversity(
            candidates.genome,
            frontier,
            partial(embed, net),
            novelty_weight=curriculum.novelty_weight,
        )
        return Proposal(
            candidates=candidates,
            is_repeat=count_matches(levels, hide_goal(pool.level, none)) + _count_earlier(levels)
            > 0,
            is_held_out=count_matches(levels, held_out, is_plan_only=True) > 0,
            qd=jnp.where(has_genes(candidates.genome), qd, _STRANGE),
        )

    def _accept(
        self,
        pool: Pool,
        frontier: Frontier,
        embedding: Embedding,
        proposal: Proposal,
        slot: Int[Array, " candidates"],
        world: Int[Array, " candidates"],
        cycle: Int[Array, ""],
        key: PRNGKeyArray,
    ) -> tuple[Pool, Frontier, Embedding]:
        candidates, curriculum = proposal.candidates, self.config.curriculum
        is_bred = has_genes(candidates.genome)
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
            (slot < curriculum.slots) & is_bred,
            proposal.qd,
            proposal.solved,
            rate=curriculum.frontier_rate,
        )
        if curriculum.novelty == EMBEDDING:
            embedding = learn_embedding(
                embedding,
                jnp.concatenate([frontier.genome, candidates.genome]),
                jnp.append(frontier.is_kept, is_bred),
                updates=curriculum.embedding_updates,
                key=key,
            )
        return enter(pool, entry, slot, cycle), frontier, embedding

    def _estimate(self, work: int | None) -> Estimate:
        return estimate_run(self.config, devices=self.mesh.size if self.mesh else 1, work=work)


def _count_earlier(levels: Level) -> Int[Array, " candidates"]:
    """How many of the levels before it are the same."""
    count = jax.tree.leaves(levels)[0].shape[0]
    return count_matches(levels, levels, is_counted=jnp.tri(count, k=-1, dtype=bool))

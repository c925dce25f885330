"""What is new: candidates and the worlds accepted before in, their quality diversity out (paper, section 4.4)."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from alpha_factory.genome import BITS, WORDS, hamming

Embed = Callable[[UInt32[Array, "worlds 16"]], Float[Array, "worlds features"]]
"""`embed(genome)`: a point for each world, in a space of any scale."""

_STRANGERS = 256  # genomes that say how far apart any two are


class Frontier(eqx.Module):
    """What novelty is measured against: the worlds accepted last, living or not.

    They are kept as genomes and not as points of the embedding, which drifts as it is learned. Slots
    that nothing has been put in have weight 0.
    """

    champion: UInt32[Array, "16"]  # the accepted world that ranked first most recently
    genome: UInt32[Array, "kept 16"]
    weight: Float[Array, " kept"]  # of each in the moving mean
    solved: Float[Array, "kept agents"] | None  # by each agent of the roster; None: not needed
    total: Int[Array, ""]  # worlds ever put in; the oldest make room

    @property
    def is_kept(self) -> Bool[Array, " kept"]:
        """Which slots hold a world."""
        return jnp.arange(self.weight.shape[0]) < self.total


def start_frontier(genome: UInt32[Array, "16"], *, kept: int, agents: int | None) -> Frontier:
    """A frontier that knows one world, which no agent has played.

    Args:
        kept: worlds that can be remembered at a time.
        agents: in the roster; None if nothing is kept of how they play.
    """
    return Frontier(
        champion=genome,
        genome=jnp.zeros((kept, WORDS), jnp.uint32).at[0].set(genome),
        weight=jnp.zeros(kept).at[0].set(1.0),
        solved=None if agents is None else jnp.zeros((kept, agents)),
        total=jnp.int32(1),
    )


def quality_diversity(
    genome: UInt32[Array, "candidates 16"],
    frontier: Frontier,
    embed: Embed,
    *,
    novelty_weight: float,
) -> Float[Array, " candidates"]:
    """Eq. (3), both terms in the same unit so that the weight means what it says.

    The unit is twice what a random genome is away: from the champion, half of the bits; in the
    embedding, the root mean square distance of random genomes to their mean. So a space that is
    turned, shifted or scaled gives the same numbers, and those of early and late cycles compare.

    Args:
        novelty_weight: lambda_nov, the share of Hamming novelty.
    """
    bits = hamming(genome, jnp.broadcast_to(frontier.champion, genome.shape)) / BITS
    strangers = embed(jax.random.bits(jax.random.key(0), (_STRANGERS, WORDS), jnp.uint32))
    spread = jnp.sqrt(jnp.mean(_square_distance(strangers, jnp.mean(strangers, axis=0))))
    away = jnp.sqrt(_square_distance(embed(genome), find_mean(frontier, embed)))
    # A space that has collapsed tells nothing apart.
    latent = jnp.where(spread > 0.0, away / jnp.maximum(2.0 * spread, 1e-30), 0.0)
    return novelty_weight * bits + (1.0 - novelty_weight) * jnp.minimum(latent, 1.0)


def find_mean(frontier: Frontier, embed: Embed) -> Float[Array, " features"]:
    """mu of eq. (3): the moving mean over accepted worlds, all of them embedded as of now."""
    return (frontier.weight @ embed(frontier.genome)) / jnp.sum(frontier.weight)


def advance_frontier(
    frontier: Frontier,
    genome: UInt32[Array, "candidates 16"],
    is_accepted: Bool[Array, " candidates"],
    score: Float[Array, " candidates"],
    solved: Float[Array, "candidates agents"] | None,
    *,
    rate: float,
) -> Frontier:
    """The frontier after these worlds were accepted; unchanged if none was.

    Args:
        score: by which they are ranked.
        solved: by each agent of the roster; None where the frontier keeps none of it.
        rate: share of the mean that the newly accepted worlds replace.
    """
    kept = frontier.weight.shape[0]
    any_accepted = jnp.any(is_accepted)
    best = jnp.argmax(jnp.where(is_accepted, score, -jnp.inf))
    entered = jnp.sum(is_accepted.astype(jnp.int32))
    share = rate / jnp.maximum(entered, 1).astype(jnp.float32)
    place = (frontier.total + jnp.cumsum(is_accepted.astype(jnp.int32)) - 1) % kept
    slot = jnp.where(is_accepted, place, kept)

    def put(stored: Array, new: Array) -> Array:
        return stored.at[slot].set(new, mode="drop")

    weight = frontier.weight * jnp.where(any_accepted, 1.0 - rate, 1.0)
    return Frontier(
        champion=jnp.where(any_accepted, genome[best], frontier.champion),
        genome=put(frontier.genome, genome),
        weight=put(weight, jnp.broadcast_to(share, slot.shape)),
        solved=None if solved is None or frontier.solved is None else put(frontier.solved, solved),
        total=frontier.total + entered,
    )


def _square_distance(
    point: Float[Array, "worlds features"], other: Float[Array, " features"]
) -> Float[Array, " worlds"]:
    return jnp.sum((point - other[None]) ** 2, axis=1)

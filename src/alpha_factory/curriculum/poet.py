"""One turn of POET's outer loop as pure functions (paper, section 4, Algorithm 3).

Propose children of living worlds, keep those the agent can neither ignore nor has solved, and merge
a specialist's weights. How the others are ranked is `frontier` and `performance`.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt32

from alpha_factory.core.types import Level
from alpha_factory.curriculum.pool import Pool
from alpha_factory.genome import WORDS, Genome


class Mutator(NamedTuple):
    """A way to make a child: the value of the extension slot `Mutator`."""

    mutate: Callable[..., tuple[Genome, Int[Array, ""]]]
    """`mutate(genome, *, key) -> (child, index into operators)`."""
    operators: tuple[str, ...]


class Candidates(eqx.Module):
    """Children that have not been judged yet."""

    genome: UInt32[Array, "candidates 16"]
    level: Level
    parent: Int[Array, " candidates"]  # slot in the pool
    operator: Int[Array, "candidates mutations"]  # in the order applied; -1 for none
    plan: Int[Array, " candidates"]  # actions of the shortest plan, or a negative number


class Guests(eqx.Module):
    """Worlds that are nobody's children, to be candidates. Entries where nobody `is_there` are padding."""

    genome: UInt32[Array, "guests 16"]  # all zeros where no genome says the level
    level: Level  # leading axis `guests`
    is_there: Bool[Array, " guests"]


def no_guests(level: Level, *, guests: int) -> Guests:
    """Room for so many levels like this one, and nobody there."""
    return Guests(
        genome=jnp.zeros((guests, WORDS), jnp.uint32),
        level=jax.tree.map(lambda leaf: jnp.repeat(leaf[None], guests, axis=0), level),
        is_there=jnp.zeros(guests, bool),
    )


def has_genes(genome: UInt32[Array, "worlds 16"]) -> Bool[Array, " worlds"]:
    """Whether a genome says the level. One of all zeros stands for a level that was drawn by hand."""
    return jnp.any(genome != 0, axis=1)


def propose(
    pool: Pool,
    mutator: Mutator,
    decode: Callable[[Genome], Level],
    shortest_walk: Callable[[Level], Int[Array, ""]],
    *,
    parents: int,
    children: int,
    mutations: int,
    guests: Guests | None = None,
    key: PRNGKeyArray,
) -> Candidates:
    """`children` mutants of each of `parents` living worlds.

    The parents are different worlds as far as there are so many; a world that no genome says can't be
    one. A child is changed by 1 to `mutations` operators in turn, the number drawn uniformly.

    Args:
        guests: who take the place of the last children, one each. They have no operators, and their
            parent means nothing.
    """
    key_parents, key_count, key_mutate = jax.random.split(key, 3)
    # Padding slots come last in a random order of the living ones, and then wrap around them.
    slots = pool.world.shape[0]
    is_barren = (jnp.arange(slots) >= pool.size) | ~has_genes(pool.genome)
    order = jax.random.uniform(key_parents, (slots,)) + jnp.where(is_barren, 1.0, 0.0)
    # Were all of them barren, the children of any would be as good as those of another.
    fertile = jnp.maximum(slots - jnp.sum(is_barren, dtype=jnp.int32), 1)
    chosen = jnp.argsort(order)[jnp.arange(parents) % fertile]
    parent = jnp.repeat(chosen, children)
    count = jax.random.randint(key_count, parent.shape, 1, mutations + 1)

    def mutate(genome: Array, turn: Array) -> tuple[Array, Array]:
        keys = jax.random.split(jax.random.fold_in(key_mutate, turn), parents * children)
        changed, operator = jax.vmap(lambda one, key_one: mutator.mutate(one, key=key_one))(
            genome, keys
        )
        is_applied = turn < count
        genome = jnp.where(is_applied[:, None], changed, genome)
        return genome, jnp.where(is_applied, operator, -1)

    genome, operator = jax.lax.scan(mutate, pool.genome[parent], jnp.arange(mutations))
    level, operator = jax.vmap(decode)(genome), operator.T
    if guests is not None:
        genome, level, operator = _seat(guests, genome, level, operator)
    return Candidates(genome, level, parent, operator, jax.vmap(shortest_walk)(level))


def meets_criterion(
    score: Float[Array, " candidates"], *, lowest: float, highest: float
) -> Bool[Array, " candidates"]:
    """Eq. (2): neither out of reach nor already solved."""
    return (score > lowest) & (score < highest)


def merge(model: eqx.Module, specialist: eqx.Module, *, share: float) -> eqx.Module:
    """Polyak averaging (paper, section 4.5): (1 - share) of the model and `share` of the other."""
    return jax.tree.map(
        lambda own, other: (
            (1.0 - share) * own + share * other if eqx.is_inexact_array(own) else own
        ),
        model,
        specialist,
    )


def _seat(
    guests: Guests, genome: Array, level: Level, operator: Array
) -> tuple[Array, Level, Array]:
    """The candidates with the guests who are there in the last places."""
    first = genome.shape[0] - guests.is_there.shape[0]

    def seat(children: Array, came: Array) -> Array:
        is_there = guests.is_there.reshape(-1, *(1,) * (children.ndim - 1))
        return children.at[first:].set(jnp.where(is_there, came, children[first:]))

    return (
        seat(genome, guests.genome),
        jax.tree.map(seat, level, guests.level),
        seat(operator, jnp.full_like(operator[first:], -1)),
    )

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
from alpha_factory.genome import Genome


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


def propose(
    pool: Pool,
    mutator: Mutator,
    decode: Callable[[Genome], Level],
    shortest_walk: Callable[[Level], Int[Array, ""]],
    *,
    parents: int,
    children: int,
    mutations: int,
    key: PRNGKeyArray,
) -> Candidates:
    """`children` mutants of each of `parents` living worlds.

    The parents are different worlds as far as there are so many. A child is changed by 1 to
    `mutations` operators in turn, the number drawn uniformly.
    """
    key_parents, key_count, key_mutate = jax.random.split(key, 3)
    # Padding slots come last in a random order of the living ones, and then wrap around them.
    slots = pool.world.shape[0]
    is_padding = jnp.arange(slots) >= pool.size
    order = jax.random.uniform(key_parents, (slots,)) + jnp.where(is_padding, 1.0, 0.0)
    chosen = jnp.argsort(order)[jnp.arange(parents) % pool.size]
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
    level = jax.vmap(decode)(genome)
    return Candidates(genome, level, parent, operator.T, jax.vmap(shortest_walk)(level))


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

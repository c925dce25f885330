"""Domain randomisation as a baseline: a "child" is 512 fresh bits and inherits nothing."""

import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from alpha_factory.curriculum import Mutator
from alpha_factory.genome import Genome, random_genome


def draw_fresh(genome: Genome, *, key: PRNGKeyArray) -> tuple[Genome, Int[Array, ""]]:
    """A random genome, whatever the parent is."""
    del genome
    return random_genome(key=key), jnp.int32(0)


METHOD = {"Mutator": {"random": Mutator(draw_fresh, ("fresh",))}}

__all__ = ["METHOD", "draw_fresh"]

"""How far genomes are apart."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32


def hamming(
    left: UInt32[Array, "*worlds 16"], right: UInt32[Array, "*worlds 16"]
) -> Int[Array, "*worlds"]:
    """Number of differing bits, 0 to 512, by popcount."""
    return jnp.sum(jax.lax.population_count(left ^ right).astype(jnp.int32), axis=-1)

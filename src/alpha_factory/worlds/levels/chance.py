"""Numbers drawn from a genome's seeds, cell by cell.

Not `jax.random`: a genome must mean the same level in every version of JAX. Whole numbers
throughout, so that a compiled decoder and one that runs step by step agree to the bit.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Int32, UInt32

ONE = 1 << 16
"""A share of 1, as `share` counts."""


def draw(seed: Int[Array, ""], index: Int[Array, "*any"]) -> UInt32[Array, "*any"]:
    """A 32-bit number for each index: Murmur3's finaliser over seed and index."""
    mixed = seed.astype(jnp.uint32) * jnp.uint32(0x9E3779B9) + index.astype(jnp.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = (mixed ^ (mixed >> jnp.uint32(shift))) * jnp.uint32(factor)
    return mixed ^ (mixed >> jnp.uint32(16))


def share(seed: Int[Array, ""], index: Int[Array, "*any"]) -> Int32[Array, "*any"]:
    """A number from 0 to 65535 for each index."""
    return (draw(seed, index) >> jnp.uint32(16)).astype(jnp.int32)


def amount(value: Int32[Array, ""], percent: int) -> Int32[Array, ""]:
    """What an 8-bit field says in the table's word "amount", times a percentage, out of `ONE`."""
    return jnp.maximum(value - 192, 0) * (percent * ONE // 6300)


def falls(
    seed: Int[Array, ""], index: Int[Array, "*any"], chance: Int32[Array, ""]
) -> Bool[Array, "*any"]:
    """Whether each index is drawn, with a chance out of `ONE`."""
    return share(seed, index) < chance

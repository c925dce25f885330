"""Which levels are the same: by content, bit by bit, over all that they hold."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, UInt32

from alpha_factory.core.types import Level

NOWHERE = -1
"""The slot of a level that is not among those searched."""


def find_slots(
    levels: Level, stored: Level, is_there: Bool[Array, " slots"]
) -> Int32[Array, " levels"]:
    """The first slot that holds each level, or NOWHERE.

    Only levels of the same digest are compared number by number, one after the other: nearly always
    none, or the right one at once.
    """
    stored_digest = _digest(stored)

    def find(level: Level, digest: Array) -> Array:
        def is_searching(carry: tuple[Array, Array]) -> Array:
            is_candidate, is_found = carry
            return jnp.any(is_candidate) & ~is_found

        def look(carry: tuple[Array, Array]) -> tuple[Array, Array]:
            is_candidate, _ = carry
            slot = jnp.argmax(is_candidate)
            is_found = _is_same(jax.tree.map(lambda leaf: leaf[slot], stored), level)
            return is_candidate.at[slot].set(is_found), is_found

        first = (is_there & (stored_digest == digest), jnp.bool_(False))
        is_candidate, is_found = jax.lax.while_loop(is_searching, look, first)
        return jnp.where(is_found, jnp.argmax(is_candidate), NOWHERE).astype(jnp.int32)

    return jax.vmap(find)(levels, _digest(levels))


def find_firsts(levels: Level) -> Int32[Array, " levels"]:
    """For each level of a batch the number of the first that is the same, which may be itself."""
    is_same = jax.vmap(lambda one: jax.vmap(lambda other: _is_same(one, other))(levels))(levels)
    return jnp.argmax(is_same, axis=1).astype(jnp.int32)


def _is_same(level: Level, other: Level) -> Bool[Array, ""]:
    """Of bits, so that what is not a number equals itself."""
    pairs = zip(jax.tree.leaves(level), jax.tree.leaves(other), strict=True)
    return jnp.all(jnp.stack([jnp.all(_bits(one) == _bits(two)) for one, two in pairs]))


def _digest(levels: Level) -> UInt32[Array, " levels"]:
    """A number for each level that is the same for the same content, and rarely for another."""
    parts, draw = [], np.random.default_rng(0)
    for leaf in jax.tree.leaves(levels):
        bits = _bits(leaf).reshape(leaf.shape[0], -1)
        factor = jnp.asarray(draw.integers(2**32, size=(1, bits.shape[1]), dtype=np.uint32))
        parts.append(jnp.sum(bits * factor, axis=1, dtype=jnp.uint32))
    return jnp.sum(jnp.stack(parts), axis=0, dtype=jnp.uint32)


def _bits(leaf: Array) -> UInt32[Array, "..."]:
    """Numbers as words of the same bits."""
    leaf = leaf.astype(jnp.uint8) if leaf.dtype == jnp.bool_ else leaf
    unsigned = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32, 8: jnp.uint32}[leaf.dtype.itemsize]
    return jax.lax.bitcast_convert_type(leaf, unsigned).astype(jnp.uint32)

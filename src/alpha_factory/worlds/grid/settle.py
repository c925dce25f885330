"""Keep small results from being computed again for every cell that uses them."""

from typing import TypeVar

import jax
import jax.numpy as jnp

Tree = TypeVar("Tree")


def settle(tree: Tree) -> Tree:
    """The same values, computed once.

    XLA fuses cheap scalar operations into each loop over cells that reads them and repeats them for
    every cell; measured, that made a step a hundred times slower. It does not fuse across a loop, so
    one of two rounds is put in between. `jax.lax.optimization_barrier` is gone before XLA fuses.
    """
    kept = jax.tree.map(jnp.zeros_like, tree)
    return jax.lax.fori_loop(0, 2, lambda _, kept: jax.tree.map(jnp.bitwise_or, kept, tree), kept)

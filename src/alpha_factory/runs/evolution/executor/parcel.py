"""Trees as lists of NumPy arrays and back: what is sent to a worker, which knows all the rest itself."""

from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

Tree = TypeVar("Tree")


def pack(tree: Any) -> list[np.ndarray]:
    """The arrays of a tree, on the host."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_array))]


def unpack(like: Tree, arrays: list[np.ndarray]) -> Tree:
    """The tree that the arrays were packed from.

    Args:
        like: a tree of its structure, with arrays or their shapes; functions are taken from it.
    """
    held, rest = eqx.partition(like, _is_array)
    # Copied: Ray's arrays lie in memory that it shares and counts.
    own = [jnp.array(array) for array in arrays]
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(held), own), rest)


def _is_array(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)

"""Networks whose every weight counts, made without compiling how they are initialised."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest


@pytest.fixture(scope="session")
def draw():
    """A function that makes a network, its weights drawn by NumPy.

    Norms start at 1 and 0, which would hide whether they are used, and each shape of a weight
    takes a program to draw.
    """

    def fill(make):
        source = np.random.default_rng(0)

        def draw_leaf(leaf):
            if not isinstance(leaf, jax.ShapeDtypeStruct):
                return leaf
            noise = source.normal(0, 0.3, leaf.shape)
            # A scalar divides.
            return jnp.asarray(noise if leaf.shape else 2 + noise, leaf.dtype)

        return jax.tree.map(draw_leaf, eqx.filter_eval_shape(make))

    return fill

"""The real engine, jitted once for all tests that only need to run it."""

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.worlds import SIDE, decode, make_grid, shortest_walk

STEPS = 128
WORLD = make_grid()
DECODE = jax.jit(jax.vmap(decode))
PLAN = jax.jit(jax.vmap(shortest_walk))


@jax.jit
def run(level, actions, key):
    """States (the start first), their observations, and outcomes of `STEPS` given actions."""
    first = WORLD.reset(level, key=key)

    def act(state, step):
        action, key_step = step
        state, outcome = WORLD.step(level, state, action, key=key_step)
        return state, (state, outcome)

    _, (rest, outcomes) = jax.lax.scan(act, first, (actions, jax.random.split(key, STEPS)))
    states = jax.tree.map(lambda head, tail: jnp.concatenate([head[None], tail]), first, rest)
    return states, jax.vmap(lambda state: WORLD.observe(level, state))(states), outcomes


def pad_actions(plan) -> jnp.ndarray:
    """A plan followed by left turns."""
    assert len(plan) <= STEPS
    return jnp.array([*plan, *[0] * (STEPS - len(plan))], jnp.int32)


def take(levels, index):
    """One level of a batch."""
    return jax.tree.map(lambda leaf: leaf[index], levels)


def draw_cells(tile) -> list[str]:
    """The rows of a tile array as text."""
    assert np.shape(tile) == (SIDE, SIDE)
    return ["".join(".#GKDT'"[kind] for kind in row) for row in np.asarray(tile)]

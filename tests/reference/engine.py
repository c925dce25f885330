"""The real engine, jitted once for all tests that only need to run it."""

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.worlds import decode, make_grid, shortest_walk
from alpha_factory.worlds.grid import engine as grid
from alpha_factory.worlds.grid.controls import CONTROLS, Controls
from alpha_factory.worlds.grid.view import show_all, show_view
from alpha_factory.worlds.levels import tiles

STEPS = 64
VIEW = 7
WORLD = make_grid()
DECODE = jax.jit(jax.vmap(decode))
PLAN = jax.jit(jax.vmap(shortest_walk))


@jax.jit
def play(level, actions, is_slipping, is_sprung, is_compass):
    """`STEPS` given actions with given chances.

    Returns:
        States (the start first), the three kinds of observation of each, and outcomes.
    """
    first = grid.reset(level, key=jax.random.key(0))

    def obey(*given):
        """One program for both control schemes."""
        compass, turn = (CONTROLS[name].obey(*given) for name in ("compass", "turn"))
        return jax.tree.map(lambda *pair: jnp.where(is_compass, *pair), compass, turn)

    def act(state, step):
        action, *chance = step
        state, outcome = grid.advance(
            level, state, action, grid.Chance(*chance), controls=Controls((), obey)
        )
        return state, (state, outcome)

    _, (rest, outcomes) = jax.lax.scan(act, first, (actions, is_slipping, is_sprung))
    states = jax.tree.map(lambda head, tail: jnp.concatenate([head[None], tail]), first, rest)
    seen = jax.vmap(
        lambda state: (
            WORLD.observe(level, state),
            show_view(level, state, VIEW),
            show_all(level, state),
        )
    )(states)
    return states, seen, outcomes


def run(level, actions):
    """As `play`, chance left out: nothing slips or everything, traps fire never or always.

    Returns:
        States (the start first), their symbolic observations, and outcomes.
    """
    assert float(level.physics.slip) in (0, 1)
    assert float(level.trap_odds) in (0, 1)
    always = jnp.ones(STEPS, bool)
    chance = (always & (level.physics.slip == 1), always & (level.trap_odds == 1))
    states, (obs, _, _), outcomes = play(level, pad_actions(actions), *chance, jnp.bool_(False))
    return states, obs, outcomes


def pad_actions(plan) -> jnp.ndarray:
    """A plan followed by left turns."""
    assert len(plan) <= STEPS
    return jnp.array([*plan, *[0] * (STEPS - len(plan))], jnp.int32)


def take(levels, index):
    """One level of a batch."""
    return jax.tree.map(lambda leaf: leaf[index], levels)


def draw_cells(tile) -> list[str]:
    """The rows of a tile array as text."""
    return ["".join(tiles.SYMBOLS[kind] for kind in row) for row in np.asarray(tile)]

"""Steps that were not taken: what the same action would have brought, had what is hidden been drawn by the true odds.

A curriculum chooses levels, and with them what they hide, so what is experienced on them does not have the true odds.
SAMPLR (Jiang et al. 2022) therefore learns from steps taken beside the real ones: the hidden part is drawn from its
posterior, given all that the episode has shown, the simulator is stepped from the present state, and the real episode
goes on as if nothing had happened.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Level, Params, Player, World, WorldState

Posterior = Callable[..., Level]
"""`posterior(level, state, *, key) -> level`: with what it hides drawn by the true odds, given what has shown."""


class Fiction(eqx.Module):
    """What the steps beside the real ones brought, a row a step; a single row has no `time` axis."""

    reward: Float[Array, "*time lanes"]
    value: Float[
        Array, "*time lanes"
    ]  # of the state that it led to, by who remembers the real past
    is_terminated: Bool[Array, "*time lanes"]
    is_truncated: Bool[Array, "*time lanes"]
    is_real: Bool[Array, "*time lanes"]  # it led to the state that the real step led to


def imagine(
    world: World,
    player: Player,
    params: Params | None,
    posterior: Posterior,
    level: Level,
    state: WorldState,
    action: Int[Array, " lanes"],
    *,
    stepped: WorldState,
    carry: Any,
    key_world: PRNGKeyArray,
    key: PRNGKeyArray,
) -> Fiction:
    """A step beside the real one in every lane.

    Args:
        action: the one that was taken.
        stepped: the state that the real step led to.
        carry: what the player remembers of all up to the present row.
        key_world: of the real step, whose other chances are shared.
        key: of the draw from the posterior, and of who judges what the step led to.
    """
    lanes = action.shape[0]
    drawn = jax.vmap(lambda level, state, one: posterior(level, state, key=one))(
        level, state, jax.random.split(key, lanes)
    )
    other, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
        drawn, state, action, jax.random.split(key_world, lanes)
    )
    obs = jax.vmap(world.observe)(drawn, other)
    is_first, key_judge = jnp.zeros(lanes, bool), jax.random.fold_in(key, lanes)
    plan, _ = player.act(params, obs, is_first, carry, key=key_judge)
    return Fiction(
        reward=outcome.reward,
        value=plan.value,
        is_terminated=outcome.is_terminated,
        is_truncated=outcome.is_truncated,
        is_real=_is_same(other, stepped),
    )


def _is_same(state: WorldState, other: WorldState) -> Bool[Array, " lanes"]:
    pairs = zip(jax.tree.leaves(state), jax.tree.leaves(other), strict=True)
    return jnp.all(
        jnp.stack([jnp.all(one == two, axis=tuple(range(1, one.ndim))) for one, two in pairs]),
        axis=0,
    )

"""Many agents in the same worlds, side by side in one program: models and levels in, solve rates out."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from alpha_factory.core.types import Level, Plan, World
from alpha_factory.rollout import play
from alpha_factory.search import make_prior


def play_all(
    world: World, models: eqx.Module, levels: Level, *, episodes: int, key: PRNGKeyArray
) -> Float[Array, "worlds agents"]:
    """Share of so many episodes of each world that each model's policy head solves, without a search.

    Args:
        models: whose arrays have a leading axis `agents`.
    """
    act = make_prior()
    arrays, static = eqx.partition(models, eqx.is_array)
    agents, worlds = (jax.tree.leaves(tree)[0].shape[0] for tree in (arrays, levels))
    lane = jnp.tile(jnp.repeat(jnp.arange(worlds), episodes), agents)

    def act_all(params: Any, obs: Array, *, key: PRNGKeyArray) -> Plan:
        def act_one(own: Any, seen: Array, key_one: PRNGKeyArray) -> Plan:
            return act(eqx.combine(own, static), seen, key=key_one)

        shares = obs.reshape(agents, -1, *obs.shape[1:])
        plans = jax.vmap(act_one)(params, shares, jax.random.split(key, agents))
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), plans)

    each = jax.tree.map(lambda leaf: leaf[lane], levels)
    is_solved = play(world, act_all, arrays, each, key=key).is_solved
    return jnp.mean(is_solved.reshape(agents, worlds, episodes), axis=2).T

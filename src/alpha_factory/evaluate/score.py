"""Any policy on any levels: episodes in, solved and return of each out."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, Shaped

from alpha_factory.core.types import Level, Params, Plan, Player, Policy, World
from alpha_factory.rollout import Score, play


class Episodes(NamedTuple):
    """What was played, shape `levels episodes` each."""

    is_solved: np.ndarray
    total: np.ndarray
    steps: np.ndarray


class Scorer:
    """Plays levels with one policy, with a memory or without; compiled once for all sets of `lanes` levels.

    Sets of another size are repeated or cut to fit, so that every suite shares the program.
    """

    def __init__(self, world: World, policy: Policy | Player, *, lanes: int = 256) -> None:
        self._lanes = lanes
        self._play = eqx.filter_jit(
            lambda params, levels, key: play(world, policy, params, levels, key=key)
        )

    def score(self, params: Params, levels: Level, *, episodes: int, key: PRNGKeyArray) -> Episodes:
        """Play every level `episodes` times."""
        count = jax.tree.leaves(levels)[0].shape[0]
        order = np.repeat(np.arange(count), episodes)
        played: list[Score] = []
        for turn, first in enumerate(range(0, order.size, self._lanes)):
            # The last set wraps around; what is played twice is dropped below.
            chosen = order[(first + np.arange(self._lanes)) % order.size]
            batch = jax.tree.map(lambda leaf, at=chosen: leaf[at], levels)
            played.append(self._play(params, batch, jax.random.fold_in(key, turn)))
        joined = jax.tree.map(lambda *leaves: np.concatenate(leaves)[: order.size], *played)
        shape = (count, episodes)
        return Episodes(
            joined.is_solved.reshape(shape),
            joined.total.reshape(shape),
            joined.steps.reshape(shape),
        )


def make_random(actions: int) -> Policy:
    """The baseline that draws every action uniformly; it takes no parameters."""

    def act(params: None, obs: Shaped[Array, "worlds ..."], *, key: PRNGKeyArray) -> Plan:
        del params
        worlds = obs.shape[0]
        action = jax.random.randint(key, (worlds,), 0, actions)
        return Plan(action, jnp.full((worlds, actions), 1.0 / actions), jnp.zeros(worlds))

    return act

"""Any policy on any levels: episodes in, solved and return of each out."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, Shaped

from alpha_factory.core.types import Level, Params, Plan, Player, Policy, World
from alpha_factory.rollout import begin, is_over, relay


class Episodes(NamedTuple):
    """What was played, shape `levels episodes` each."""

    is_solved: np.ndarray
    total: np.ndarray
    steps: np.ndarray


_STRETCH = 32
"""Steps between two looks at which episodes are over. Fewer wait less, and look more often."""


class Scorer:
    """Plays levels with one policy, with a memory or without; compiled once for all sets of levels.

    `lanes` episodes are played side by side, and where one is over the next begins, so that few wait for the longest.
    """

    def __init__(self, world: World, policy: Policy | Player, *, lanes: int = 256) -> None:
        self._lanes = lanes
        self._begin = eqx.filter_jit(partial(begin, world, policy))
        self._relay = eqx.filter_jit(partial(relay, world, policy, steps=_STRETCH))

    def score(self, params: Params, levels: Level, *, episodes: int, key: PRNGKeyArray) -> Episodes:
        """Play every level `episodes` times."""
        count = jax.tree.leaves(levels)[0].shape[0]
        order = np.repeat(np.arange(count), episodes)
        told = Episodes(*(np.zeros(order.size, kind) for kind in (bool, np.float32, np.int32)))
        episode = np.arange(self._lanes)  # in each lane; from the last on, a lane has none
        is_new, following, turn, going = np.ones(self._lanes, bool), self._lanes, 0, None
        while (episode < order.size).any():
            if is_new.any():
                # A lane without an episode holds any level, where nothing happens or nobody looks.
                chosen = order[episode % order.size]
                batch = jax.tree.map(lambda leaf, at=chosen: leaf[at], levels)
            if going is None:
                going = self._begin(params, batch, key=key)
            going = self._relay(
                params, batch, going, jnp.asarray(is_new), key=jax.random.fold_in(key, turn)
            )
            ended, score = jax.device_get((is_over(going.state), going.score))
            is_new = ended & (episode < order.size)
            for kept, found in zip(told, (score.is_solved, score.total, score.steps), strict=True):
                kept[episode[is_new]] = found[is_new]
            episode[is_new] = following + np.arange(is_new.sum())
            following, turn = following + is_new.sum(), turn + 1
            is_new &= episode < order.size
        return Episodes(*(kept.reshape(count, episodes) for kept in told))


def make_random(actions: int) -> Policy:
    """The baseline that draws every action uniformly; it takes no parameters."""

    def act(params: None, obs: Shaped[Array, "worlds ..."], *, key: PRNGKeyArray) -> Plan:
        del params
        worlds = obs.shape[0]
        action = jax.random.randint(key, (worlds,), 0, actions)
        return Plan(action, jnp.full((worlds, actions), 1.0 / actions), jnp.zeros(worlds))

    return act

"""Who plays a world better: the generalist and specialists in, the greatest gains out, in both directions.

Where one gains most is found in one set of episodes and the gain is measured in another, since the largest of many
noisy gains is always too large.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum import Pool, isolate
from alpha_factory.rollout import Score
from alpha_factory.runs.evolution.executor.jobs import Exam, Executor, count_steps, play_all


class Gain(NamedTuple):
    """How much more one earns than another, as a share of the most that there is."""

    place: int  # a slot of the pool, or a policy: 0 for the generalist, 1 + i for specialist i
    gain: float


def seek_worlds(
    executor: Executor,
    pool: Pool,
    generalist: eqx.Module,
    specialists: Sequence[eqx.Module],
    *,
    block: int,
    key: PRNGKeyArray,
) -> tuple[list[Gain], int]:
    """Of each specialist the world of the pool where it gains most on the generalist; and the env steps of it all."""
    key_seek, key_gain = jax.random.split(key)
    ours, *theirs = play_all(
        executor,
        [Exam(model, pool.level, key_seek) for model in [generalist, *specialists]],
        block=block,
    )
    # What a honeypot pays in training is no sign of skill.
    is_sign = (np.arange(len(pool.world)) < int(pool.size)) & ~np.asarray(
        pool.level.reward.is_hidden
    )
    gained = [np.where(is_sign, _returns(one) - _returns(ours), -np.inf) for one in theirs]
    slots = [int(np.argmax(gain)) for gain in gained]
    pairs = [
        (generalist, model, isolate(pool, jnp.int32(slot)).level)
        for model, slot in zip(specialists, slots, strict=True)
    ]
    gains, steps = _measure(executor, pairs, block=block, key=key_gain)
    found = [Gain(slot, gain) for slot, gain in zip(slots, gains, strict=True)]
    return found, steps + count_steps([ours, *theirs])


def seek_policies(
    executor: Executor,
    homes: Sequence[Level],
    generalist: eqx.Module,
    specialists: Sequence[eqx.Module],
    *,
    block: int,
    key: PRNGKeyArray,
) -> tuple[list[Gain], int]:
    """Of each specialist who gains most on it on its own world, of all others; and the env steps of it all.

    Args:
        homes: each specialist's world, as many times as it is to be played.
    """
    key_seek, key_gain = jax.random.split(key)
    policies = [generalist, *specialists]
    rivals, steps = [0] * len(specialists), 0  # with a single specialist, nobody else is there
    if len(specialists) > 1:
        played = play_all(
            executor,
            [
                Exam(model, home, jax.random.fold_in(key_seek, number))
                for number, home in enumerate(homes)
                for model in policies
            ],
            block=block,
        )
        steps = count_steps(played)
        earned = np.array([_returns(one).mean() for one in played]).reshape(len(homes), -1)
        earned[np.arange(len(homes)), 1 + np.arange(len(homes))] = -np.inf  # but not itself
        rivals = [int(place) for place in np.argmax(earned, axis=1)]
    pairs = [
        (own, policies[rival], home)
        for own, rival, home in zip(specialists, rivals, homes, strict=True)
    ]
    gains, more = _measure(executor, pairs, block=block, key=key_gain)
    return [Gain(rival, gain) for rival, gain in zip(rivals, gains, strict=True)], steps + more


def _measure(
    executor: Executor,
    pairs: Sequence[tuple[eqx.Module, eqx.Module, Level]],
    *,
    block: int,
    key: PRNGKeyArray,
) -> tuple[list[float], int]:
    """Of each pair what the second gains on the first, in episodes that start alike; and the env steps."""
    played = play_all(
        executor,
        [
            Exam(model, levels, jax.random.fold_in(key, number))
            for number, (one, other, levels) in enumerate(pairs)
            for model in (one, other)
        ],
        block=block,
    )
    gains = [
        float(_returns(other).mean() - _returns(one).mean())
        for one, other in zip(played[::2], played[1::2], strict=True)
    ]
    return gains, count_steps(played)


def _returns(score: Score) -> np.ndarray:
    return np.clip(np.asarray(score.total), 0.0, 1.0)

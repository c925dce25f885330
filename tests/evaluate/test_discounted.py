import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.types import Outcome, World
from alpha_factory.evaluate import Scorer, discount_rewards, make_random

DISCOUNT = 0.75


class Clock(eqx.Module):
    """Pays 1 a step until its level's mark, in the last step twice as much."""

    time: jax.Array
    is_terminated: jax.Array
    is_truncated: jax.Array


def reset(level, *, key):
    del level, key
    return Clock(jnp.int32(0), jnp.bool_(False), jnp.bool_(False))


def step(level, state, action, *, key):
    del action, key
    is_over = state.is_terminated | state.is_truncated
    is_end = (state.time + 1 >= level["mark"]) & ~is_over
    following = Clock(state.time + 1, is_over | is_end, jnp.bool_(False))
    reward = jnp.where(is_over, 0.0, jnp.where(is_end, 2.0, 1.0))
    return following, Outcome(reward, following.is_terminated, following.is_truncated, is_end)


WORLD = World(reset, step, lambda level, state: jnp.zeros(8, bool), actions=3, features=8)


def test_return_of_a_discounted_world_is_the_discounted_one():
    scorer = Scorer(discount_rewards(WORLD, DISCOUNT), make_random(3), lanes=4)
    marks = jnp.array([1, 2, 5], jnp.int32)
    played = scorer.score(None, {"mark": marks}, episodes=2, key=jax.random.key(0))
    wanted = [sum(DISCOUNT**t for t in range(n - 1)) + 2 * DISCOUNT ** (n - 1) for n in (1, 2, 5)]
    np.testing.assert_allclose(played.total, np.repeat([[w] for w in wanted], 2, axis=1), rtol=1e-6)
    assert played.is_solved.all()
    assert played.steps[:, 0].tolist() == [1, 2, 5]


def test_world_keeps_what_it_is():
    world = discount_rewards(WORLD, DISCOUNT)
    assert (world.actions, world.features) == (3, 8)
    state = world.reset({"mark": jnp.int32(1)}, key=jax.random.key(0))
    assert not state.is_terminated
    assert world.observe({}, state).shape == (8,)
    first, paid = world.step({"mark": jnp.int32(3)}, state, jnp.int32(0), key=jax.random.key(0))
    _, later = world.step({"mark": jnp.int32(3)}, first, jnp.int32(0), key=jax.random.key(0))
    assert (float(paid.reward), float(later.reward)) == pytest.approx((1.0, DISCOUNT))

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.core.types import Outcome, Plan, Player, World
from alpha_factory.evaluate import Scorer, make_random

LANES = 4


class Clock(eqx.Module):
    """A world that pays its level's mark and a bit of chance in its last step, after `mark` steps."""

    time: jax.Array
    is_terminated: jax.Array
    is_truncated: jax.Array


def reset(level, *, key):
    del level, key
    return Clock(jnp.int32(0), jnp.bool_(False), jnp.bool_(False))


def step(level, state, action, *, key):
    del action
    is_over = state.is_terminated | state.is_truncated
    time = state.time + 1
    is_end = (time >= level["mark"]) & ~is_over
    chance = 0.5 * jax.random.uniform(key)
    following = Clock(jnp.where(is_over, state.time, time), is_over | is_end, jnp.bool_(False))
    reward = jnp.where(is_end, level["mark"].astype(jnp.float32) + chance, 0.0)
    is_solved = is_end & (level["mark"] % 2 == 1)
    return following, Outcome(reward, following.is_terminated, following.is_truncated, is_solved)


def observe(level, state):
    del level, state
    return jnp.zeros(8, bool)


CLOCKS = World(reset, step, observe, actions=3, features=8)


@pytest.fixture(scope="module")
def scorer():
    return Scorer(CLOCKS, make_random(3), lanes=LANES)


@pytest.mark.parametrize(("count", "episodes"), [(1, 1), (3, 3), (4, 2), (5, 1), (7, 3), (2, 9)])
def test_every_level_is_played_as_often_as_asked(scorer, count, episodes):
    """Also where the episodes neither fill the lanes nor divide over them."""
    marks = np.arange(1, count + 1)
    got = scorer.score(
        None, {"mark": jnp.asarray(marks, jnp.int32)}, episodes=episodes, key=jax.random.key(0)
    )
    assert got.total.shape == got.is_solved.shape == got.steps.shape == (count, episodes)
    wanted = np.repeat(marks[:, None], episodes, axis=1)
    np.testing.assert_array_equal(np.floor(got.total), wanted)
    np.testing.assert_array_equal(got.steps, wanted)
    np.testing.assert_array_equal(got.is_solved, wanted % 2 == 1)
    # No episode is another one counted again.
    chances = (got.total - wanted).ravel()
    assert len(np.unique(np.round(chances, 6))) == chances.size


def test_same_key_plays_the_same_and_another_key_another(scorer):
    levels = {"mark": jnp.array([1, 2, 3], jnp.int32)}
    first, again, other = (
        scorer.score(None, levels, episodes=2, key=jax.random.key(seed)).total for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_who_remembers_forgets_when_the_next_episode_begins():
    """Episodes shorter and longer than a stretch, in few lanes; each step that is counted rightly pays."""

    def start(params, worlds):
        del params
        return jnp.zeros(worlds, jnp.int32)

    def act(params, obs, is_first, steps, *, key):
        del params, key
        steps = jnp.where(is_first, 0, steps)
        worlds = obs.shape[0]
        return Plan(steps, jnp.ones((worlds, 1)), jnp.zeros(worlds)), steps + 1

    def pay(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        is_right = (action == state.time) & ~(state.is_terminated | state.is_truncated)
        return following, dataclasses.replace(outcome, reward=is_right.astype(jnp.float32))

    marks = np.array([1, 31, 32, 33, 70, 2, 100])
    scorer = Scorer(CLOCKS._replace(step=pay), Player(start, act), lanes=3)
    got = scorer.score(
        None, {"mark": jnp.asarray(marks, jnp.int32)}, episodes=3, key=jax.random.key(0)
    )
    wanted = np.repeat(marks[:, None], 3, axis=1)
    np.testing.assert_array_equal(got.steps, wanted)
    np.testing.assert_array_equal(got.total, wanted)


def test_random_policy_draws_actions_uniformly():
    plan = jax.jit(make_random(3))(None, jnp.zeros((6000, 8), bool), key=jax.random.key(0))
    assert stats.chisquare(np.bincount(np.asarray(plan.action), minlength=3)).pvalue > 1e-3
    np.testing.assert_allclose(plan.policy, 1 / 3)
    assert not plan.value.any()

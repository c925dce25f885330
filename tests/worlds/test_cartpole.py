import dataclasses

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.testing import check_world
from alpha_factory.worlds import cartpole_level, make_cartpole

KEY = jax.random.key(0)
WORLD = make_cartpole()
EDGES = np.array([2.4, np.inf, 12 * 2 * np.pi / 360, np.inf])
BALANCE = np.array(
    [0.1, 0.5, 1.5, 1.0]
)  # pushes to where the pole leans, and keeps the cart near the middle
OTHER = {"gravity": 3.7, "cart_mass": 0.6, "pole_mass": 0.4, "half_length": 1.3, "force": 6.0}

STEP = jax.jit(
    jax.vmap(lambda level, state, action: WORLD.step(level, state, action, key=KEY), (None, 0, 0))
)


def make_gym(constants):
    """Gymnasium's environment, with other constants in place of its own."""
    env = gymnasium.make("CartPole-v1")
    names = {
        "gravity": "gravity",
        "cart_mass": "masscart",
        "pole_mass": "masspole",
        "half_length": "length",
        "force": "force_mag",
    }
    inner = env.unwrapped
    for name, value in constants.items():
        setattr(inner, names[name], value)
    inner.total_mass = inner.masscart + inner.masspole
    inner.polemass_length = inner.masspole * inner.length
    return env


def play_gym(env, seed, choose):
    """The states of an episode in 64 bits, its actions and rewards, and how it ended."""
    env.reset(seed=seed)
    states, actions, rewards, is_over = [np.array(env.unwrapped.state)], [], [], False
    while not is_over:
        actions.append(int(choose(states[-1])))
        _, reward, is_terminated, is_truncated, _ = env.step(actions[-1])
        states.append(np.array(env.unwrapped.state))
        rewards.append(reward)
        is_over = is_terminated or is_truncated
    return np.array(states), np.array(actions), np.array(rewards), is_terminated, is_truncated


def random_episodes(env, episodes):
    """Actions at random, in every other episode each kept up for a while."""
    draw = np.random.default_rng(0)
    for seed in range(episodes):
        turns = draw.random(600) < (0.1 if seed % 2 else 0.5)
        held = iter(turns.cumsum() % 2)
        yield play_gym(env, seed, lambda _, held=held: next(held))


def begin(motion, time=0):
    worlds = len(motion)
    state = jax.vmap(lambda key: WORLD.reset(cartpole_level(), key=key))(
        jax.random.split(KEY, worlds)
    )
    return dataclasses.replace(
        state,
        motion=jnp.asarray(motion, jnp.float32),
        time=jnp.broadcast_to(jnp.asarray(time, jnp.int32), (worlds,)),
    )


def is_close_call(states, tolerance):
    """Whether rounding can decide if an episode ends here."""
    return (np.abs(np.abs(states) - EDGES) < tolerance).any(axis=-1)


@pytest.mark.parametrize("constants", [{}, OTHER], ids=["standard", "other"])
def test_step_is_gymnasiums_from_every_state_met(constants):
    env = make_gym(constants)
    episodes = list(random_episodes(env, 60))
    if not constants:
        episodes += [play_gym(env, seed, lambda state: state @ BALANCE > 0) for seed in range(2)]
        assert any(is_truncated for *_, is_truncated in episodes)
    before = np.concatenate([states[:-1] for states, *_ in episodes])
    after = np.concatenate([states[1:] for states, *_ in episodes])
    action = np.concatenate([actions for _, actions, *_ in episodes])
    reward = np.concatenate([rewards for _, _, rewards, *_ in episodes])
    time = np.concatenate([np.arange(len(actions)) for _, actions, *_ in episodes])
    is_end = np.concatenate([np.arange(1, len(one[1]) + 1) == len(one[1]) for one in episodes])
    is_cut = np.zeros(len(action), bool)
    is_cut[np.flatnonzero(is_end)] = [one[4] and not one[3] for one in episodes]

    level = cartpole_level(**constants)
    state, outcome = STEP(level, begin(before, time), jnp.asarray(action, jnp.int32))
    np.testing.assert_allclose(state.motion, after, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(outcome.reward, reward)
    np.testing.assert_array_equal(outcome.is_truncated, is_cut)
    is_wrong = np.asarray(outcome.is_terminated) != (is_end & ~is_cut)
    assert not (is_wrong & ~is_close_call(after, 1e-6)).any()
    assert len(action) > 1000


def test_episode_ends_at_the_step_at_which_gymnasiums_does():
    episodes = list(random_episodes(make_gym({}), 200))
    longest = max(len(actions) for _, actions, *_ in episodes)
    action = np.zeros((longest, len(episodes)), np.int32)
    for number, (_, actions, *_) in enumerate(episodes):
        action[: len(actions), number] = actions
    level = cartpole_level()

    @jax.jit
    def play(state, action):
        def go(state, action):
            state, outcome = STEP(level, state, action)
            return state, (state, outcome)

        return jax.lax.scan(go, state, action)[1]

    first = begin(np.stack([states[0] for states, *_ in episodes]))
    state, outcome = play(first, jnp.asarray(action))
    steps = np.asarray(outcome.reward).sum(axis=0)
    for number, (states, actions, rewards, *_) in enumerate(episodes):
        took = int(min(steps[number], len(actions)))
        motion = np.asarray(state.motion)[:took, number]
        # The pole magnifies a difference a hundredfold in a second; an episode takes one or two.
        np.testing.assert_allclose(motion, states[1 : took + 1], rtol=0, atol=1e-4)
        if not is_close_call(states[took], 1e-4):
            assert steps[number] == len(actions) == rewards.sum()
    assert np.asarray(outcome.is_terminated)[-1].all()
    # Close calls are few, so the ends were looked at.
    assert sum(steps[number] != len(one[1]) for number, one in enumerate(episodes)) <= 1


def test_pole_kept_up_is_cut_at_the_step_limit_with_a_reward_each_step():
    levels = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), cartpole_level(), cartpole_level(step_limit=20)
    )

    @jax.jit
    def play(levels):
        def go(state, _):
            action = (state.motion @ jnp.asarray(BALANCE, jnp.float32) > 0).astype(jnp.int32)
            state, outcome = jax.vmap(lambda *args: WORLD.step(*args, key=KEY))(
                levels, state, action
            )
            return state, outcome

        state = jax.vmap(lambda level: WORLD.reset(level, key=KEY))(levels)
        return jax.lax.scan(go, state, length=510)[1]

    outcome = play(levels)
    assert outcome.reward.sum(axis=0).tolist() == [500.0, 20.0]
    assert outcome.is_truncated.argmax(axis=0).tolist() == [499, 19]
    assert outcome.is_truncated[-1].tolist() == [True, True]
    assert not outcome.is_terminated.any()
    assert not outcome.is_solved.any()


def test_pole_that_falls_at_the_step_limit_has_fallen():
    falling, standing = (0.0, 0.0, 0.2, 3.0), (0.0, 0.0, 0.0, 0.0)
    _, outcome = STEP(cartpole_level(), begin([falling, standing], 499), jnp.ones(2, jnp.int32))
    assert outcome.is_terminated.tolist() == [True, False]
    assert outcome.is_truncated.tolist() == [False, True]


def test_starts_are_drawn_evenly_from_gymnasiums_range():
    state = jax.vmap(lambda key: WORLD.reset(cartpole_level(), key=key))(
        jax.random.split(KEY, 20_000)
    )
    motion = np.asarray(jax.vmap(WORLD.observe, (None, 0))(cartpole_level(), state))
    share = np.stack([np.histogram(one, bins=10, range=(-0.05, 0.05))[0] for one in motion.T])
    assert share.sum() == motion.size  # none lies outside
    assert np.abs(share / 20_000 - 0.1).max() < 0.01  # 5 standard deviations
    assert np.abs(np.corrcoef(motion.T) - np.eye(4)).max() < 0.04


def test_cartpole_keeps_the_promises_of_a_world():
    levels = [cartpole_level(), cartpole_level(step_limit=9), cartpole_level(**OTHER)]
    levels = jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)
    check_world(WORLD, levels, steps=100, lowest=0.0, key=KEY)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cart_mass": 0.0}, r"cart_mass must be above 0; got 0\.0"),
        ({"pole_mass": -1.0}, r"pole_mass must be above 0; got -1\.0"),
        ({"half_length": 0.0}, r"half_length must be above 0; got 0\.0"),
        ({"step_limit": 0}, "step_limit must be above 0; got 0"),
        ({"gravity": float("nan")}, "gravity must be finite; got nan"),
        ({"force": float("inf")}, "force must be finite; got inf"),
    ],
)
def test_cartpole_level_names_what_it_can_not_have(changes, message):
    with pytest.raises(InvalidLevel, match=message):
        cartpole_level(**changes)

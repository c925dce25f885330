import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.nets import Model
from alpha_factory.search import make_planner, make_prior

STATES, ACTIONS, DISCOUNT = 5, 3, 0.9
WORLDS = 256
KINDS = ("gumbel", "puct")
RANGE = (-1.0, 1.0)


class Moves(eqx.Module):
    following: jax.Array  # states actions
    reward: jax.Array  # states actions

    def __call__(self, latent, action):
        here = jnp.argmax(latent)
        latent = jax.nn.one_hot(self.following[here, action], STATES)
        return latent, self.reward[here, action]


class Guesses(eqx.Module):
    logits: jax.Array  # states actions
    value: jax.Array  # states

    def __call__(self, latent):
        here = jnp.argmax(latent)
        return self.logits[here], self.value[here]


class Table(Model):
    """A small decision process as a model: the latent is a state, one-hot, and so is the observation."""

    def __init__(self, *, following=None, reward=None, logits=None, value=None):
        nothing = np.zeros((STATES, ACTIONS), np.float32)

        def table(given, kind=jnp.float32):
            return jnp.asarray(nothing if given is None else given, kind)

        self.representation = eqx.nn.Lambda(lambda obs: obs.astype(jnp.float32))
        self.dynamics = Moves(table(following, jnp.int32), table(reward))
        self.prediction = Guesses(table(logits), table(nothing[:, 0] if value is None else value))
        self.dtype = "float32"


def at(state, worlds=WORLDS):
    """Observations of `worlds` agents in a state."""
    return jnp.broadcast_to(jax.nn.one_hot(state, STATES, dtype=bool), (worlds, STATES))


@eqx.filter_jit
def search(kind, simulations, scale, noise, depth, model, obs, key):
    planner = make_planner(
        kind,
        simulations=simulations,
        discount=DISCOUNT,
        value_range=RANGE,
        c_scale=scale * (RANGE[1] - RANGE[0]) / 50,
        logit_noise=noise,
        depth=depth,
    )
    return planner(model, obs, key=key)


def plan(kind, model, *, key=0, noise=0.0, simulations=16, scale=8.0, depth=None):
    """What `WORLDS` agents in state 0 plan; a value of 1 is worth `scale` logits before any visit."""
    return search(kind, simulations, scale, noise, depth, model, at(0), jax.random.key(key))


LOGITS = np.tile(np.array([1.0, 0.0, -1.0], np.float32), (STATES, 1))
PRIOR = np.exp(LOGITS[0]) / np.exp(LOGITS[0]).sum()


def pays(action, amount=1.0, logits=LOGITS):
    """A model in which one action in state 0 pays; all ways lead to state 4, where nothing does."""
    reward = np.zeros((STATES, ACTIONS), np.float32)
    reward[0, action] = amount
    return Table(reward=reward, following=np.full((STATES, ACTIONS), 4), logits=logits)


@pytest.mark.parametrize("kind", KINDS)
def test_plan_is_legal(kind):
    got = plan(kind, pays(1), noise=0.1)
    assert got.action.shape == (WORLDS,)
    assert set(got.action.tolist()) <= {0, 1, 2}
    assert float(got.policy.min()) >= 0
    np.testing.assert_allclose(got.policy.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", range(ACTIONS))
def test_action_that_pays_is_preferred(kind, action):
    # Against an even prior: PUCT weighs a lopsided one more than 16 simulations.
    got = plan(kind, pays(action, logits=None))
    assert np.argmax(got.policy, axis=1).tolist() == [action] * WORLDS
    assert float(jnp.mean(got.action == action)) > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_reward_two_steps_ahead_is_found(kind):
    """Action 2 leads to state 1, where action 0 pays 1; everything else leads nowhere."""
    following = np.full((STATES, ACTIONS), 4)
    following[0, 2] = 1
    reward = np.zeros((STATES, ACTIONS))
    reward[1, 0] = 1.0
    got = plan(kind, Table(following=following, reward=reward))
    assert np.mean(np.argmax(got.policy, axis=1) == 2) > (0.99 if kind == "gumbel" else 0.6)


@pytest.mark.parametrize(("depth", "worth"), [(1, 0.0), (2, DISCOUNT)])
def test_depth_is_how_many_steps_it_looks_ahead(depth, worth):
    """Action 2 leads to state 1, where action 0 pays 1: two steps away."""
    following = np.full((STATES, ACTIONS), 4)
    following[0, 2] = 1
    reward = np.zeros((STATES, ACTIONS))
    reward[1, 0] = 1.0
    got = plan("gumbel", Table(following=following, reward=reward), depth=depth)
    assert float(got.value.max()) <= worth + 1e-6
    assert (np.asarray(got.value) > 0).all() == (worth > 0)


def test_gumbel_leaves_the_prior_as_it_was_when_all_values_are_equal():
    got = plan("gumbel", Table(logits=LOGITS))
    np.testing.assert_allclose(got.policy, np.tile(PRIOR, (WORLDS, 1)), atol=1e-5)


@pytest.mark.parametrize("simulations", [8, 16])
@pytest.mark.parametrize("worth", [0.0, 0.9])
def test_puct_divides_visits_by_the_prior_when_all_values_are_equal(worth, simulations):
    """Whatever they are worth: few simulations would else go to the action that was taken first."""
    model = Table(
        reward=np.full((STATES, ACTIONS), worth * (1 - DISCOUNT)),
        value=[worth] * STATES,
        logits=LOGITS,
    )
    got = plan("puct", model, simulations=simulations)
    visits = simulations * np.asarray(got.policy)
    assert np.abs(visits - simulations * PRIOR[None]).max() <= 1


def test_gumbel_hardly_moves_for_a_tiny_difference_in_value():
    """Rescaled by the tree's own extremes, a thousandth would count as much as a whole reward."""
    got = plan("gumbel", pays(1, 1e-3))
    assert float(np.abs(got.policy - PRIOR[None]).max()) < 0.01


def test_gumbel_policy_is_the_prior_tilted_by_value():
    """With every action visited: softmax(logits + (50 + most visits) / 50 * scale * q)."""
    scale = 2.0
    got = plan("gumbel", pays(1, 0.5), scale=scale, simulations=6)
    # Six visits of three actions by sequential halving: two a piece, then ... the most is 2 or 3.
    tilted = [
        np.exp(LOGITS[0] + (50 + visits) / 50 * scale * np.array([0.0, 0.5, 0.0]))
        for visits in (2, 3, 4)
    ]
    wanted = [weights / weights.sum() for weights in tilted]
    for policy in np.asarray(got.policy):
        assert min(np.abs(policy - one).max() for one in wanted) < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_value_is_the_greatest_of_the_visited_actions(kind):
    """All lead to state 4, which pays 0.05 for ever and is worth 0.05 / (1 - 0.9) = 0.5."""
    reward = np.full((STATES, ACTIONS), 0.05)
    reward[0] = [-0.2, 0.3, 0.1]
    model = Table(reward=reward, following=np.full((STATES, ACTIONS), 4), value=[0.0, 0, 0, 0, 0.5])
    got = plan(kind, model)
    np.testing.assert_allclose(got.value, 0.3 + DISCOUNT * 0.5, atol=1e-5)


def test_value_ignores_actions_without_a_visit():
    """Every visit costs 1; an action never visited has Q = 0 in the tree, which must not count."""
    model = Table(
        reward=np.full((STATES, ACTIONS), -1.0),
        following=np.full((STATES, ACTIONS), 4),
        logits=np.tile(np.array([50.0, -50.0, -50.0]), (STATES, 1)),
    )
    got = plan("puct", model, simulations=1)
    np.testing.assert_allclose(got.value, -1.0, atol=1e-5)


def test_logit_noise_spreads_the_policy_as_much_as_asked():
    got = plan("gumbel", Table(logits=LOGITS), noise=0.1)
    logits = np.log(np.asarray(got.policy, float))
    noise = (logits[:, 0] - logits[:, 1]) - 1.0
    # The difference of two normal draws; 256 of them.
    assert noise.std() == pytest.approx(0.1 * 2**0.5, rel=0.2)
    assert abs(noise.mean()) < 0.03


def test_same_key_gives_the_same_plan():
    first, again, other = (plan("gumbel", pays(1, 0.1), key=key) for key in (3, 3, 4))
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first.action, other.action)


def test_unknown_kind_is_refused_with_the_choices():
    with pytest.raises(UsageError, match=r"(?s)astar.*gumbel.*puct"):
        make_planner(
            "astar", simulations=1, discount=1.0, value_range=None, c_scale=1.0, logit_noise=0.0
        )


def test_prior_draws_from_the_policy_head_without_a_search():
    act = eqx.filter_jit(lambda model, obs, key: make_prior()(model, obs, key=key))
    model = Table(logits=LOGITS, value=[0.25] * STATES, reward=np.ones((STATES, ACTIONS)))
    got = act(model, at(0, 4096), jax.random.key(0))
    np.testing.assert_allclose(got.policy, np.tile(PRIOR, (4096, 1)), atol=1e-5)
    np.testing.assert_allclose(got.value, 0.25)
    shares = np.bincount(np.asarray(got.action), minlength=ACTIONS) / 4096
    np.testing.assert_allclose(shares, PRIOR, atol=0.03)

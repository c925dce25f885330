"""Elastic weight consolidation against formulas worked out by hand and in NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.learn import consolidate, drift, estimate_fisher
from alpha_factory.learn.ewc import start_consolidation
from alpha_factory.nets import Model, Support
from alpha_factory.replay import Window
from alpha_factory.rollout import Targets

pytestmark = pytest.mark.implicit_promotion

FEATURES, ACTIONS, BATCH, STEPS = 8, 3, 4096, 1


@pytest.fixture(scope="module")
def model():
    return Model(FEATURES, ACTIONS, widths=(), latent=4, head=3, key=jax.random.key(0))


def weights(model):
    return eqx.filter(model, eqx.is_inexact_array)


def test_drift_is_the_weighted_square_of_the_distance(model):
    held = start_consolidation(model)
    assert float(drift(held, weights(model))) == 0.0
    ones = jax.tree.map(jnp.ones_like, weights(model))
    held = consolidate(held, weights(model), ones, decay=0.5)
    moved = jax.tree.map(lambda leaf: leaf + 0.1, weights(model))
    size = sum(leaf.size for leaf in jax.tree.leaves(ones))
    assert float(drift(held, moved)) == pytest.approx(size * 0.1**2 / 2, rel=1e-4)


def test_fisher_information_is_a_decayed_sum_and_the_anchor_the_newest(model):
    held = start_consolidation(model)
    twos = jax.tree.map(lambda leaf: jnp.full_like(leaf, 2.0), weights(model))
    moved = jax.tree.map(lambda leaf: leaf + 1.0, weights(model))
    held = consolidate(held, weights(model), twos, decay=0.5)
    held = consolidate(held, moved, twos, decay=0.5)
    assert all((leaf == 3.0).all() for leaf in jax.tree.leaves(held.fisher))
    assert float(drift(held, moved)) == 0.0


def make_windows():
    """The same window many times over, so that the estimate's mean over it is an expectation."""
    obs = jnp.tile(jnp.arange(FEATURES) % 2 == 0, (BATCH, 1))
    none = jnp.zeros((STEPS, BATCH))
    return Window(
        obs=obs,
        action=jnp.ones((STEPS, BATCH), jnp.int32),
        reward=none,
        is_terminated=none.astype(bool),
        is_last=none.astype(bool),
        policy=jnp.zeros((STEPS, BATCH, ACTIONS)),
        value=none,
    )


def make_targets(*, value=False, reward=False, policy=False):
    """Which outcomes are known; at the root alone."""
    shape = (STEPS + 1, BATCH)
    at_root = jnp.zeros(shape, bool).at[0].set(True)
    return Targets(
        value=jnp.zeros(shape),
        reward=jnp.zeros((STEPS, BATCH)),
        is_value_known=at_root & value,
        is_reward_known=jnp.full((STEPS, BATCH), reward),
        is_policy_known=at_root & policy,
    )


@eqx.filter_jit
def estimate(model, targets, window):
    return estimate_fisher(
        model, window, targets, reward_weight=0.5, at_a_time=512, key=jax.random.key(1)
    )


def squares(model, read):
    """The square of a scalar's gradient in the weights, leaf by leaf."""
    arrays, static = eqx.partition(model, eqx.is_inexact_array)
    gradient = jax.grad(lambda arrays: read(eqx.combine(arrays, static)))(arrays)
    return [np.asarray(leaf, float) ** 2 for leaf in jax.tree.leaves(gradient)]


def check(got, wanted):
    """An average of 4,096 draws is near what it estimates, leaf by leaf and as a whole."""
    got = [np.asarray(leaf, float) for leaf in jax.tree.leaves(got)]
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.15, atol=1e-7)


def look(model):
    return model.representation(make_windows().obs[0])


def test_fisher_of_a_value_is_twice_its_squared_gradient(model):
    """A normal of variance 1/2 has twice the information on its mean; averaged over K + 1 steps."""
    got = estimate(model, make_targets(value=True), make_windows())
    wanted = squares(model, lambda model: model.prediction(look(model))[1])
    check(got, [2 * leaf / (STEPS + 1) for leaf in wanted])


def test_fisher_of_a_reward_is_weighed_as_its_loss_is(model):
    got = estimate(model, make_targets(reward=True), make_windows())
    wanted = squares(model, lambda model: model.dynamics(look(model), jnp.int32(1))[1])
    check(got, [2 * 0.5 * leaf / (STEPS + 1) for leaf in wanted])


def test_fisher_of_a_policy_is_the_mean_square_of_its_scores(model):
    got = estimate(model, make_targets(policy=True), make_windows())
    chances = np.asarray(jax.nn.softmax(model.prediction(look(model))[0]), float)
    wanted = [0.0] * len(jax.tree.leaves(weights(model)))
    for action, chance in enumerate(chances):
        scores = squares(
            model, lambda model, at=action: jax.nn.log_softmax(model.prediction(look(model))[0])[at]
        )
        wanted = [sum_ + chance * leaf for sum_, leaf in zip(wanted, scores, strict=True)]
    check(got, [leaf / (STEPS + 1) for leaf in wanted])


BINS = 4


@pytest.fixture(scope="module")
def binned():
    """A model whose values and rewards are distributions over four bins, each as likely."""
    support = Support(BINS, -1.0, 1.0)
    made = Model(
        FEATURES, ACTIONS, widths=(), latent=4, head=3, support=support, key=jax.random.key(2)
    )

    def last(model):
        heads = (model.prediction.value, model.dynamics.reward)
        return [
            leaf
            for head in heads
            for leaf in (head.mlp.layers[-1].weight, head.mlp.layers[-1].bias)
        ]

    return eqx.tree_at(last, made, [jnp.zeros_like(leaf) for leaf in last(made)])


def test_fisher_of_even_bins_is_that_of_a_softmax(binned):
    """p (1 - p) in a logit, so as much in its bias, and as much times h^2 in the weight of h."""
    got = estimate(binned, make_targets(value=True), make_windows()).prediction.value.mlp.layers[-1]
    wanted = 1 / BINS * (1 - 1 / BINS) / (STEPS + 1)
    np.testing.assert_allclose(got.bias, wanted, rtol=0.15)
    hidden = np.asarray(jax.nn.silu(binned.prediction.value.mlp.layers[0](look(binned))), float)
    np.testing.assert_allclose(got.weight, np.tile(wanted * hidden**2, (BINS, 1)), rtol=0.15)


def test_fisher_of_a_categorical_reward_is_the_mean_square_of_its_scores(binned):
    mlp = binned.dynamics.reward.mlp
    weight = jax.random.normal(jax.random.key(3), mlp.layers[-1].weight.shape)
    uneven = eqx.tree_at(lambda model: model.dynamics.reward.mlp.layers[-1].weight, binned, weight)
    got = estimate(uneven, make_targets(reward=True), make_windows())

    def tell(model):
        following = model.dynamics.advance(look(model), jnp.int32(1))
        return jax.nn.log_softmax(model.dynamics.reward.mlp(following))

    wanted = [0.0] * len(jax.tree.leaves(weights(uneven)))
    for place, chance in enumerate(np.exp(np.asarray(tell(uneven), float))):
        scores = squares(uneven, lambda model, at=place: tell(model)[at])
        wanted = [sum_ + chance * leaf for sum_, leaf in zip(wanted, scores, strict=True)]
    # Its loss counts half.
    check(got, [0.5 * leaf / (STEPS + 1) for leaf in wanted])


def test_nothing_known_holds_nothing(model):
    assert all(
        (leaf == 0).all()
        for leaf in jax.tree.leaves(estimate(model, make_targets(), make_windows()))
    )


def test_batch_that_does_not_divide_is_refused(model):
    with pytest.raises(ValueError, match="at_a_time=3 must divide the batch of 4096"):
        estimate_fisher(
            model,
            make_windows(),
            make_targets(),
            reward_weight=1.0,
            at_a_time=3,
            key=jax.random.key(0),
        )

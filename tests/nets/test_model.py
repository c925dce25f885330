import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.nets import Dynamics, Model, Prediction, Torso
from reference import model as slow

FEATURES, ACTIONS, LATENT = 24, 3, 6
STEP = eqx.filter_jit(lambda model, latent, action: model.dynamics(latent, action))


@pytest.fixture(scope="module")
def model():
    key = jax.random.key(0)
    made = Model(FEATURES, ACTIONS, widths=(10, 8), latent=LATENT, head=7, key=key)
    # Layer norms start at 1 and 0, which would hide whether they are used.
    draw = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: (
            leaf + jnp.asarray(draw.normal(0, 0.3, leaf.shape), jnp.float32)
            if eqx.is_array(leaf)
            else leaf
        ),
        made,
    )


@pytest.fixture(scope="module")
def obs():
    return jax.random.normal(jax.random.key(1), (FEATURES,))


def test_representation_is_that_of_numpy(model, obs):
    got = eqx.filter_jit(lambda model, obs: model.representation(obs))(model, obs)
    assert got.shape == (LATENT,)
    np.testing.assert_allclose(got, slow.represent(model, obs), atol=1e-5)


@pytest.mark.parametrize("action", range(ACTIONS))
def test_dynamics_is_a_gru_driven_by_the_action(model, obs, action):
    latent = slow.represent(model, obs)
    following, reward = STEP(model, jnp.asarray(latent, jnp.float32), jnp.int32(action))
    slow_following, slow_reward = slow.imagine(model, latent, action)
    np.testing.assert_allclose(following, slow_following, atol=1e-5)
    assert float(reward) == pytest.approx(slow_reward, abs=1e-5)


def test_prediction_is_that_of_numpy(model, obs):
    latent = slow.represent(model, obs)
    predict = eqx.filter_jit(lambda model, latent: model.prediction(latent))
    logits, value = predict(model, jnp.asarray(latent, jnp.float32))
    slow_logits, slow_value = slow.predict(model, latent)
    np.testing.assert_allclose(logits, slow_logits, atol=1e-5)
    assert float(value) == pytest.approx(slow_value, abs=1e-5)


def test_latents_stay_in_the_range_of_tanh_for_ever(model, obs):
    latent = model.representation(100.0 * obs)
    assert float(jnp.max(jnp.abs(latent))) <= 1.0
    for step in range(20):
        latent, _ = STEP(model, latent, jnp.int32(step % ACTIONS))
    assert float(jnp.max(jnp.abs(latent))) <= 1.0


def test_networks_start_from_different_keys():
    parts = [
        Torso(LATENT, (LATENT,), LATENT, key=jax.random.key(0)).layers[1].weight,
        Dynamics(LATENT, LATENT, LATENT, key=jax.random.key(0)).cell.weight_hh[:LATENT],
        Prediction(LATENT, LATENT, LATENT, key=jax.random.key(0)).policy.layers[0].weight,
    ]
    one = Model(
        LATENT, ACTIONS, widths=(LATENT,), latent=LATENT, head=LATENT, key=jax.random.key(0)
    )
    layers = [layer.weight for layer in one.representation.layers]
    assert not jnp.array_equal(layers[0], layers[1])
    heads = [one.prediction.policy, one.prediction.value, one.dynamics.reward]
    first = [head.layers[0].weight for head in heads]
    assert not any(jnp.array_equal(first[a], first[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert all(part.shape == (LATENT, LATENT) for part in parts)

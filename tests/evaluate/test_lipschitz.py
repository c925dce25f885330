"""Slopes of maps whose slope is known, and the GRU cell between what is found and what its weights allow."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_factory.evaluate import limit_gru, sample_slopes
from alpha_factory.evaluate.lipschitz import spectral_norms
from alpha_factory.nets import Dynamics

KEY = jax.random.key(0)
LATENT, ACTIONS = 5, 3


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (2, 5)], ids=str)
def test_slope_of_a_linear_map_is_its_spectral_norm(shape):
    weight = jnp.asarray(np.random.default_rng(1).normal(size=shape), jnp.float32)
    points = jax.random.normal(jax.random.key(3), (7, shape[1]))
    got = jax.jit(lambda points: spectral_norms(lambda x: weight @ x, points, key=KEY))(points)
    wanted = np.linalg.norm(np.asarray(weight), 2)
    assert (got <= wanted * (1 + 1e-5)).all()
    np.testing.assert_allclose(got, wanted, rtol=1e-2)


def test_slope_of_a_bent_map_is_that_of_its_jacobian():
    weight = jnp.asarray(np.random.default_rng(2).normal(size=(4, 4)), jnp.float32)

    def bend(x):
        return jnp.tanh(weight @ x)

    points = jax.random.normal(jax.random.key(3), (20, 4))
    got = jax.jit(lambda points: spectral_norms(bend, points, key=KEY))(points)
    outer = 1 - np.tanh(np.asarray(points) @ np.asarray(weight).T) ** 2
    jacobians = outer[:, :, None] * np.asarray(weight)[None]
    wanted = np.linalg.norm(jacobians, 2, axis=(1, 2))
    assert (got <= wanted * (1 + 1e-5)).all()
    np.testing.assert_allclose(got, wanted, rtol=0.05)


def test_slope_of_a_constant_is_0():
    points = jnp.ones((3, 4))
    got = jax.jit(lambda points: spectral_norms(lambda x: 0 * x + 1, points, key=KEY))(points)
    assert got.tolist() == [0.0, 0.0, 0.0]


@eqx.filter_jit
def apart(dynamics, one, other, first, second):
    ends = dynamics.advance(one, first), dynamics.advance(other, second)
    return jnp.linalg.norm(ends[0] - ends[1]), jnp.linalg.norm(one - other)


def make(seed, scale=3.0):
    dynamics = Dynamics(LATENT, ACTIONS, 4, key=jax.random.key(seed))
    return jax.tree.map(lambda leaf: scale * leaf if eqx.is_array(leaf) else leaf, dynamics)


@settings(max_examples=10)
@given(st.integers(0, 1000), st.floats(0.1, 6.0))
def test_slopes_found_are_within_what_the_weights_allow(seed, scale):
    dynamics = make(seed, scale)
    points = jax.random.uniform(jax.random.key(seed), (32, LATENT), minval=-1.0, maxval=1.0)
    found, limit = sample_slopes(dynamics, points, steps=2, key=KEY), limit_gru(dynamics.cell)
    assert 0 < found.latent <= limit.latent
    assert 0 < found.action <= limit.action
    assert found.greatest == max(found.latent, found.action)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(0, ACTIONS - 1), st.integers(0, ACTIONS - 1))
def test_no_two_latents_are_carried_farther_apart_than_the_limit(seed, first, second):
    """Finite differences: the assumption A1 itself, for the upper of the two constants."""
    dynamics = make(seed)
    greatest = limit_gru(dynamics.cell).greatest
    one, other = jax.random.uniform(jax.random.key(seed + 1), (2, LATENT), minval=-1.0, maxval=1.0)
    ends, begins = apart(dynamics, one, other, jnp.int32(first), jnp.int32(second))
    assert float(ends) <= greatest * (float(begins) + (first != second)) * (1 + 1e-5)


def test_slope_of_actions_is_the_greatest_distance_of_where_they_lead():
    dynamics = make(5)
    points = jax.random.uniform(KEY, (4, LATENT), minval=-1.0, maxval=1.0)
    found = sample_slopes(dynamics, points, steps=1, key=KEY)
    ends = np.stack(
        [
            [np.asarray(dynamics.advance(point, jnp.int32(action))) for action in range(ACTIONS)]
            for point in points
        ]
    )
    least = np.linalg.norm(ends[:, :, None] - ends[:, None], axis=-1).max()
    assert found.action >= least - 1e-6  # imagined latents add to those given


def test_limit_of_a_cell_with_one_unit_worked_out_by_hand():
    cell = eqx.nn.GRUCell(2, 1, key=KEY)
    weights = {  # r, z, n
        "weight_hh": jnp.array([[2.0], [-1.0], [3.0]]),
        "weight_ih": jnp.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.25]]),
        "bias_n": jnp.array([-1.0]),
    }
    cell = eqx.tree_at(
        lambda tree: [getattr(tree, name) for name in weights], cell, list(weights.values())
    )
    limit = limit_gru(cell)
    # c = 3 + 1; ‖N'‖ <= 3 + ¼ 4 2 = 5.
    assert limit.latent == pytest.approx(np.sqrt(26) + 0.5)
    # 0.25 + ¼ 4 1 + ½ 1
    assert limit.action == pytest.approx(1.75)
    frozen = eqx.tree_at(lambda tree: tree.weight_ih, cell, 100 * cell.weight_ih)
    assert limit_gru(frozen).action == 2.0  # no two states are farther apart

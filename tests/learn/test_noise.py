import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.learn.noise import Noise, measure_noise, to_lanes

MEASURE = jax.jit(measure_noise)


def test_spread_and_signal_of_two_lanes_are_those_worked_by_hand():
    """Gradients (1, 0) and (3, 0): mean (2, 0), variance 2, squared mean 4 less half of that."""
    noise = MEASURE({"a": jnp.array([[1.0], [3.0]]), "b": jnp.zeros((2, 1, 1))})
    assert [float(noise.spread), float(noise.signal)] == pytest.approx([2.0, 3.0])
    assert float(to_lanes(noise)) == pytest.approx(2 / 3)


def test_estimates_are_right_on_average():
    draw = np.random.default_rng(0)
    truth = draw.normal(size=5)
    gradients = truth + 2 * draw.normal(size=(4000, 6, 5))
    noise = jax.jit(jax.vmap(measure_noise))(jnp.asarray(gradients, jnp.float32))
    assert float(jnp.mean(noise.spread)) == pytest.approx(5 * 4, rel=0.02)
    assert float(jnp.mean(noise.signal)) == pytest.approx((truth**2).sum(), rel=0.05)
    assert float(to_lanes(noise)) == pytest.approx(20 / (truth**2).sum(), rel=0.05)


def test_no_signal_takes_infinitely_many_lanes():
    assert to_lanes(Noise(jnp.float32(1.0), jnp.float32(-0.1))) == np.inf


def test_single_lane_shows_no_noise():
    noise = MEASURE({"a": jnp.array([[1.0]])})
    assert np.isnan([noise.spread, noise.signal, to_lanes(noise)]).all()

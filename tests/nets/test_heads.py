import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alpha_factory.core.errors import UsageError
from alpha_factory.nets import CategoricalHead, ScalarHead, Support
from alpha_factory.nets.heads import make_head
from alpha_factory.nets.support import invert, transform
from reference import model as slow

LATENT = 4
SUPPORT = Support(bins=13, low=-3.0, high=50.0)
TWO_HOT = jax.jit(SUPPORT.two_hot)
MEAN = jax.jit(SUPPORT.mean)
ROUND_TRIP = jax.jit(lambda x: invert(transform(x)))
COMPARE = eqx.filter_jit(lambda head, latent, target: head.compare(latent, target))
LATENTS = jnp.array([0.3, -0.9, 0.1, 0.5])


def make(draw, **settings):
    settings = {"support": None, **settings}
    return draw(lambda: make_head(LATENT, 6, **settings, key=jax.random.key(0)))


@given(st.floats(-1e4, 1e4, width=32))
@example(0.0)
@example(-1e-6)
def test_transform_is_undone_by_its_inverse(x):
    assert float(ROUND_TRIP(jnp.float32(x))) == pytest.approx(x, rel=1e-4, abs=1e-6)
    assert float(transform(jnp.float32(x))) == pytest.approx(slow.transform(x), rel=1e-5, abs=1e-6)


@given(st.floats(-3, 50, width=32))
@example(-3.0)
@example(50.0)
@example(0.0)
def test_two_hot_is_told_back_as_its_number(target):
    shares = np.asarray(TWO_HOT(jnp.float32(target)))
    np.testing.assert_allclose(shares, slow.two_hot(SUPPORT, target), atol=1e-5)
    assert np.count_nonzero(shares) <= 2
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    said = float(MEAN(jnp.log(jnp.asarray(shares) + 1e-30)))
    assert said == pytest.approx(target, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("target", "end"), [(-1e6, 0), (-3.1, 0), (50.5, -1), (jnp.inf, -1)])
def test_target_beyond_the_range_counts_as_its_end(target, end):
    wanted = np.zeros(SUPPORT.bins)
    wanted[end] = 1
    np.testing.assert_allclose(TWO_HOT(jnp.float32(target)), wanted, atol=1e-5)


def test_target_that_is_not_a_number_stays_none():
    assert np.isnan(TWO_HOT(jnp.float32(jnp.nan))).all()


@pytest.mark.parametrize(
    "settings", [{}, {"scale": 5.0}, {"support": SUPPORT}], ids=["plain", "scaled", "categorical"]
)
def test_head_and_its_loss_are_those_of_numpy(draw, settings):
    head = make(draw, **settings)
    latent = np.asarray(LATENTS, np.float64)
    loss, number = COMPARE(head, LATENTS, jnp.float32(7.3))
    assert float(number) == pytest.approx(float(head(LATENTS)), rel=1e-6)
    assert float(number) == pytest.approx(slow.number(head, latent), rel=1e-4)
    assert float(loss) == pytest.approx(slow.compare(head, latent, 7.3), rel=1e-4)


def test_gradient_of_the_categorical_loss_is_probability_less_two_hot(draw):
    head = make(draw, support=SUPPORT)
    target = jnp.float32(2.7)
    slope = jax.grad(lambda bias: COMPARE(_with_bias(head, bias), LATENTS, target)[0])
    share = jax.nn.softmax(head.mlp(LATENTS))
    wanted = share - jnp.asarray(slow.two_hot(SUPPORT, 2.7), jnp.float32)
    np.testing.assert_allclose(slope(head.mlp.layers[-1].bias), wanted, atol=1e-5)


def test_gradient_of_the_scalar_loss_is_twice_the_error_and_reaches_the_scale(draw):
    head = make(draw, scale=5.0)
    weights, fixed = eqx.partition(head, eqx.is_inexact_array)
    found = jax.grad(
        lambda weights: COMPARE(eqx.combine(weights, fixed), LATENTS, jnp.float32(2.0))[0]
    )(weights)
    sigma, out = np.exp(float(head.log_scale)), float(head.mlp(LATENTS))
    error = out / sigma - 2.0
    assert float(found.mlp.layers[-1].bias[0]) == pytest.approx(2 * error / sigma, rel=1e-4)
    # dv / dlog(sigma) = -v, and nothing of the target's.
    assert float(found.log_scale) == pytest.approx(-2 * error * out / sigma, rel=1e-4)


@pytest.mark.parametrize("settings", [{}, {"support": SUPPORT}], ids=["plain", "categorical"])
def test_last_sums_of_a_head_in_bfloat16_are_float32(draw, settings):
    """Of float32 sums hardly one is a bfloat16 number; summed in bfloat16 every one would be."""
    last = jax.tree.map(
        lambda leaf: leaf.astype(jnp.bfloat16), make(draw, **settings).mlp.layers[-1]
    )
    hidden = jax.random.normal(jax.random.key(1), (64, 6), jnp.bfloat16)
    sums = jax.jit(jax.vmap(lambda one: last(one)))(hidden).reshape(64, -1)
    assert sums.dtype == jnp.float32
    wide, weight, bias = (np.asarray(leaf, float) for leaf in (hidden, last.weight, last.bias))
    np.testing.assert_allclose(sums, wide @ weight.T + bias, atol=1e-5)
    assert np.mean(sums == sums.astype(jnp.bfloat16).astype(jnp.float32)) < 0.05


def test_scale_divides_the_number_and_starts_as_asked():
    plain, scaled = (
        make_head(LATENT, 6, support=None, scale=scale, key=jax.random.key(0))
        for scale in (None, 5.0)
    )
    assert isinstance(scaled, ScalarHead)
    assert plain.log_scale is None
    assert float(jnp.exp(scaled.log_scale)) == pytest.approx(5.0)
    assert float(scaled(LATENTS)) == pytest.approx(float(plain(LATENTS)) / 5)


def test_support_makes_a_head_categorical():
    head = make_head(LATENT, 6, support=SUPPORT, key=jax.random.key(0))
    assert isinstance(head, CategoricalHead)
    assert SUPPORT.low <= float(head(LATENTS)) <= SUPPORT.high


@pytest.mark.parametrize(
    "change",
    [{"bins": 1}, {"low": 50.0}, {"high": float("inf")}, {"low": float("nan")}],
    ids=["one-bin", "empty", "endless", "nan"],
)
def test_support_needs_bins_and_a_range(change):
    with pytest.raises(UsageError, match="give at least 2, and a finite range"):
        dataclasses.replace(SUPPORT, **change)


def _with_bias(head, bias):
    return eqx.tree_at(lambda head: head.mlp.layers[-1].bias, head, bias)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.learn.mirror import make_clip, make_dpo
from reference.mirror import dpo

DRIFTS = {"clip": make_clip(0.2), "dpo": make_dpo()}
NUMBERS = st.floats(-3, 3, width=32)
RUN = {name: jax.jit(drift) for name, drift in DRIFTS.items()}
SLOPE = {name: jax.jit(jax.grad(drift)) for name, drift in DRIFTS.items()}


@given(NUMBERS, NUMBERS)
def test_clip_gives_the_smaller_of_the_ratio_and_the_clipped_one(log_ratio, advantage):
    ratio = np.exp(log_ratio)
    wanted = min(ratio * advantage, np.clip(ratio, 0.8, 1.2) * advantage)
    got = ratio * advantage - RUN["clip"](jnp.float32(log_ratio), jnp.float32(advantage))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@given(NUMBERS, NUMBERS)
def test_dpo_is_its_formula(log_ratio, advantage):
    got = RUN["dpo"](jnp.float32(log_ratio), jnp.float32(advantage))
    np.testing.assert_allclose(got, dpo(log_ratio, advantage), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", DRIFTS)
@given(advantage=NUMBERS, log_ratio=NUMBERS)
def test_drift_is_nowhere_below_0_and_flat_where_nothing_changed(name, advantage, log_ratio):
    assert float(RUN[name](jnp.float32(log_ratio), jnp.float32(advantage))) >= 0
    assert float(RUN[name](jnp.float32(0), jnp.float32(advantage))) == 0
    assert float(SLOPE[name](jnp.float32(0), jnp.float32(advantage))) == 0


def test_dpo_has_a_slope_where_the_clip_has_given_up():
    """Far beyond the clip the objective of PPO is flat; DPO's turns back."""
    ratio, advantage = jnp.log(jnp.float32(4.0)), jnp.float32(2.0)
    kept = {name: 4.0 * 2.0 - float(SLOPE[name](ratio, advantage)) for name in DRIFTS}
    assert kept["clip"] == pytest.approx(0, abs=1e-4)
    assert 0 < kept["dpo"] < 1


def test_dpo_stays_finite_for_actions_that_became_impossible():
    got = SLOPE["dpo"](jnp.float32(-1e4), jnp.float32(-1.0))
    assert np.isfinite(got)

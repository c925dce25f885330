"""Every parameter of every kind of network is moved by its gradient, kept or made again."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from alpha_factory.learn import Consolidation, Recipe, fit, make_optimiser, start_learner
from alpha_factory.nets import Model, Sizes, Support
from alpha_factory.replay import Sample, Window

pytestmark = pytest.mark.implicit_promotion

ACTIONS, BATCH = 3, 16
SIZES = Sizes(embed=8, layers=1, heads=2, token=8, channels=4)
RECIPE = Recipe(
    optimiser=make_optimiser(
        learning_rate=1e-2,
        decay_updates=100,
        final_share=1.0,
        weight_decay=0.0,
        clip=5.0,
        is_centralised=True,
    ),
    batch=BATCH,
    unroll=1,
    horizon=1,
    discount=0.9,
    reward_weight=1.0,
    target_period=3,
    alpha=0.6,
    beta=0.4,
)
NETWORKS = {
    "transformer, value scale": ((32,), {"encoder": "transformer", "value_scale": 5.0}),
    "convolutions, bins": ((16, 16, 3), {"support": Support(5, -2.0, 2.0)}),
}


def make_model(obs, **settings):
    settings = {"widths": (8,), "latent": 6, "head": 5, "sizes": SIZES, **settings}
    # In one program, where each shape of a weight would have its own.
    return eqx.filter_jit(lambda: Model(obs, ACTIONS, **settings, key=jax.random.key(0)))()


def draw_batch(obs, window):
    """Random sequences in which no episode ends."""
    rng, shape = np.random.default_rng(0), (window, BATCH)
    nothing, first = jnp.zeros(shape, bool), jnp.zeros(BATCH, jnp.int32)
    seen = rng.integers(0, 256, (BATCH, *obs)) if len(obs) == 3 else rng.random((BATCH, *obs)) < 0.5
    rows = Window(
        obs=jnp.asarray(seen, jnp.uint8 if len(obs) == 3 else bool),
        action=jnp.asarray(rng.integers(0, ACTIONS, shape), jnp.int32),
        reward=jnp.asarray(rng.normal(size=shape), jnp.float32),
        is_terminated=nothing,
        is_last=nothing,
        policy=jnp.asarray(rng.dirichlet(np.ones(ACTIONS), shape), jnp.float32),
        value=jnp.asarray(rng.normal(size=shape), jnp.float32),
    )
    return Sample(rows, (first, first), first, jnp.ones(BATCH))


@pytest.mark.parametrize(("obs", "settings"), NETWORKS.values(), ids=NETWORKS)
def test_ten_updates_move_every_parameter(obs, settings):
    """Without weight decay, so that whatever moves is moved by its gradient."""
    model, drawn = make_model(obs, **settings), draw_batch(obs, RECIPE.window)
    learner = start_learner(model, RECIPE)
    update = eqx.filter_jit(lambda learner: fit(RECIPE, learner, drawn)[0])
    for _ in range(10):
        learner = update(learner)
    assert int(learner.skipped) == 0
    weights, moved = (eqx.filter(one, eqx.is_inexact_array) for one in (model, learner.model))
    pairs = zip(jax.tree_util.tree_leaves_with_path(weights), jax.tree.leaves(moved), strict=True)
    for (path, before), after in pairs:
        still = np.mean(np.asarray(before) == np.asarray(after))
        assert still == 0, f"{jax.tree_util.keystr(path)}: {still:.0%} stood still"


def test_forward_passes_made_again_give_the_same_gradient_with_bins_and_ewc():
    recipe = RECIPE._replace(optimiser=optax.sgd(1.0), unroll=2, ewc_weight=3.0)
    model = make_model((16,), support=Support(5, -2.0, 2.0))
    drawn = draw_batch((16,), recipe.window)
    weights = eqx.filter(model, eqx.is_inexact_array)
    ones = jax.tree.map(jnp.ones_like, weights)
    held = Consolidation(ones, jax.tree.map(lambda leaf: leaf + 0.01, weights))
    fitted = []
    for is_remade in (False, True):
        one = recipe._replace(is_remade=is_remade)
        learner = eqx.tree_at(lambda tree: tree.consolidation, start_learner(model, one), held)
        learner, losses, _ = eqx.filter_jit(fit)(one, learner, drawn)
        assert float(losses.ewc) > 0
        assert int(learner.skipped) == 0
        fitted.append(eqx.filter(learner.model, eqx.is_inexact_array))
    for before, one, other in zip(*map(jax.tree.leaves, (weights, *fitted)), strict=True):
        assert (before != one).any()
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)

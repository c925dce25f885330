"""Who acts while a student learns, and what is kept of worlds that leave."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.types import Plan, Trajectory
from alpha_factory.learn import (
    Consolidation,
    Practice,
    Student,
    keep,
    start_learner,
    start_student,
    train,
)
from alpha_factory.nets import Model
from alpha_factory.replay import insert, make_ring
from learn.test_craft import LIMITS, RECIPE, WORLD

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

LANES, STEPS, WORLDS = 3, 12, 2


def say_bias(model, obs, *, key):
    """A planner whose value tells which network it was given."""
    del key
    count = len(obs)
    policy = jnp.full((count, WORLD.actions), 1 / WORLD.actions)
    return Plan(jnp.zeros(count, jnp.int32), policy, jnp.full(count, tell(model)))


def tell(model):
    return model.prediction.value.mlp.layers[0].bias[0]


def draw_model(seed):
    return Model((64,), WORLD.actions, widths=(8,), latent=8, head=8, key=jax.random.key(seed))


def make_practice(recipe):
    return Practice(
        world=WORLD,
        planner=say_bias,
        draw_level=lambda source, *, key: (jnp.int32(0), source[0]),
        recipe=recipe,
        lanes=LANES,
        steps=STEPS,
        updates=1,
        replay_slots=2 * STEPS,
        slots=WORLDS,
    )


def test_worlds_are_played_by_the_target_and_not_by_what_is_trained():
    practice, (model, target) = make_practice(RECIPE), map(draw_model, (0, 1))
    learner = eqx.tree_at(lambda tree: tree.target, start_learner(model, RECIPE), target)
    student = start_student(practice, learner, LIMITS, key=jax.random.key(0))
    after, _ = eqx.filter_jit(train)(practice, student, LIMITS, iterations=1, key=jax.random.key(1))
    np.testing.assert_allclose(after.ring.value[:, :STEPS], tell(target))
    assert tell(after.learner.model) != tell(model)
    assert tell(after.learner.target) == tell(target)


@pytest.fixture(scope="module")
def held(quick_compilation):
    """A student that holds a little of everything; whatever is drawn of world 1 spoils the outcome."""
    recipe = RECIPE._replace(ewc_weight=1.0)
    ring = make_ring(
        lanes=LANES,
        slots=2 * STEPS,
        obs=jax.ShapeDtypeStruct((64,), jnp.float32),
        actions=WORLD.actions,
        worlds=WORLDS,
    )
    shape = (STEPS, LANES)
    world = jnp.broadcast_to(jnp.arange(STEPS)[:, None] // (STEPS // 2), shape)
    seen = jax.random.uniform(jax.random.key(3), (*shape, 64))
    none = jnp.zeros(shape)
    rows = Trajectory(
        slot=world,
        obs=jnp.where(world[..., None] == 1, jnp.nan, seen),
        action=none.astype(jnp.int32),
        reward=none,
        is_terminated=none.astype(bool),
        is_last=none.astype(bool),
        policy=jnp.full((*shape, WORLD.actions), 0.5),
        value=none,
    )
    learner = start_learner(draw_model(0), recipe)
    actors = start_student(make_practice(recipe), learner, LIMITS, key=jax.random.key(0)).actors
    # What is held is what is trained: the target, which acts, would spoil the outcome, too.
    spoilt = jax.tree.map(
        lambda leaf: leaf * jnp.nan if eqx.is_array(leaf) else leaf, learner.target
    )
    learner = eqx.tree_at(lambda tree: tree.target, learner, spoilt)
    student = Student(learner, insert(ring, rows, window=recipe.window), actors)
    weights = eqx.filter(learner.model, eqx.is_inexact_array)

    def fill(number):
        return jax.tree.map(lambda leaf: jnp.full_like(leaf, number), weights)

    @eqx.filter_jit
    def go(before, is_past):
        held = eqx.tree_at(lambda tree: tree.learner.consolidation, student, before)
        how = {"sequences": 16, "decay": 0.5, "key": jax.random.key(4)}
        return keep(make_practice(recipe), held, is_past, **how).learner.consolidation

    return weights, lambda fisher, is_past: go(
        Consolidation(fill(fisher), fill(7.0)), jnp.array(is_past)
    )


def leaves(tree):
    return list(map(np.asarray, jax.tree.leaves(tree)))


def test_only_worlds_that_leave_are_consolidated_where_the_weights_are_now(held):
    weights, go = held
    fresh, more = (go(fisher, [True, False]) for fisher in (0.0, 2.0))
    assert all(np.isfinite(leaf).all() for leaf in leaves(fresh))
    for part in (fresh.fisher.prediction, fresh.fisher.dynamics.reward):
        assert sum(leaf.sum() for leaf in leaves(part)) > 0
    for one, other in zip(leaves(fresh.fisher), leaves(more.fisher), strict=True):
        np.testing.assert_allclose(other, one + 0.5 * 2.0, rtol=1e-5)
    for one, other in zip(leaves(fresh.anchor), leaves(weights), strict=True):
        np.testing.assert_array_equal(one, other)
    spoilt = go(0.0, [False, True])
    assert not all(np.isfinite(leaf).all() for leaf in leaves(spoilt.fisher))


def test_world_of_which_nothing_is_known_changes_nothing(held):
    _, go = held
    kept = go(2.0, [False, False])
    assert all((leaf == 2.0).all() for leaf in leaves(kept.fisher))
    assert all((leaf == 7.0).all() for leaf in leaves(kept.anchor))

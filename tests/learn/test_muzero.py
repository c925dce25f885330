import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from alpha_factory.core.types import Trajectory
from alpha_factory.learn import (
    Recipe,
    fit,
    make_optimiser,
    start_learner,
    unrolled_loss,
    update,
)
from alpha_factory.nets import Model
from alpha_factory.replay import insert, make_ring, sample
from alpha_factory.rollout import unroll_targets
from reference import model as slow_model
from reference import targets as slow_targets

pytestmark = pytest.mark.implicit_promotion

FEATURES, ACTIONS, LATENT = 16, 3, 6
WORLDS, SLOTS, BATCH, PERIOD = 4, 40, 8, 3
REWARD_WEIGHT = 0.5


def make_recipe(optimiser):
    return Recipe(
        optimiser=optimiser,
        batch=BATCH,
        unroll=2,
        horizon=3,
        discount=0.9,
        reward_weight=REWARD_WEIGHT,
        target_period=PERIOD,
        alpha=0.6,
        beta=0.4,
    )


ADAM = make_optimiser(
    learning_rate=1e-2, decay_updates=100, final_share=0.1, weight_decay=0.0, clip=5.0
)
RECIPE = make_recipe(ADAM)
# One step of this moves the model by minus its gradient.
DESCENT = make_recipe(optax.sgd(1.0))
UPDATE = eqx.filter_jit(lambda learner, ring, key: update(RECIPE, learner, ring, key=key))
FIT = eqx.filter_jit(lambda learner, drawn: fit(DESCENT, learner, drawn))


@pytest.fixture(scope="module")
def ring():
    """Random rows of short episodes, some of them ended truly and some by the limit."""
    draw = np.random.default_rng(0)
    shape = (SLOTS, WORLDS)
    is_last = draw.random(shape) < 0.2
    is_last[1:] &= ~is_last[:-1]
    is_before_last = np.concatenate([is_last[1:], np.zeros((1, WORLDS), bool)])
    policy = draw.dirichlet(np.ones(ACTIONS), shape).astype(np.float32)
    rows = Trajectory(
        obs=jnp.asarray(draw.random((*shape, FEATURES)) < 0.5),
        action=jnp.asarray(draw.integers(0, ACTIONS, shape), jnp.int32),
        reward=jnp.asarray(np.where(is_last, 0, draw.normal(size=shape)), jnp.float32),
        is_terminated=jnp.asarray(is_before_last & (draw.random(shape) < 0.5)),
        is_last=jnp.asarray(is_last),
        policy=jnp.asarray(policy),
        value=jnp.asarray(draw.normal(size=shape), jnp.float32),
    )
    blocks = 4
    ring = make_ring(worlds=WORLDS, slots=SLOTS, features=FEATURES, actions=ACTIONS)
    for block in range(blocks):
        part = slice(block * SLOTS // blocks, (block + 1) * SLOTS // blocks)
        ring = insert(
            ring, jax.tree.map(lambda leaf, at=part: leaf[at], rows), window=RECIPE.window
        )
    return ring


@pytest.fixture(scope="module")
def model():
    return Model(FEATURES, ACTIONS, widths=(8,), latent=LATENT, head=5, key=jax.random.key(0))


@pytest.fixture(scope="module")
def learner(model):
    return start_learner(model, RECIPE)


@pytest.fixture(scope="module")
def drawn(ring):
    """A batch in which every kind of ending occurs, with a different weight for each window."""
    drawn = sample(ring, batch=BATCH, window=RECIPE.window, beta=0.4, key=jax.random.key(1))
    is_last, is_terminated = map(np.asarray, (drawn.window.is_last, drawn.window.is_terminated))
    ends = [np.flatnonzero(column)[:1] for column in is_last[: RECIPE.unroll + 1].T]
    truly = {bool(is_terminated[end[0] - 1, at]) for at, end in enumerate(ends) if end.size}
    assert truly == {False, True}
    return drawn._replace(weight=jnp.linspace(0.2, 1.0, BATCH))


def slow_loss(model, drawn):
    """Loss, terms and priorities of a batch, by the references alone."""
    window = jax.tree.map(np.asarray, drawn.window)
    batch = len(drawn.weight)
    columns = ("reward", "is_terminated", "is_last", "value")
    targets = [
        slow_targets.unroll(
            [
                slow_targets.Row(*(getattr(window, name)[row, index].item() for name in columns))
                for row in range(RECIPE.window)
            ],
            unroll=RECIPE.unroll,
            horizon=RECIPE.horizon,
            discount=RECIPE.discount,
        )
        for index in range(batch)
    ]
    return slow_model.unrolled_loss(
        model,
        window.obs,
        window.action.T.tolist(),
        window.policy.transpose(1, 0, 2),
        np.asarray(drawn.weight, float).tolist(),
        targets,
        reward_weight=REWARD_WEIGHT,
    )


def arrays(tree):
    return jax.tree.leaves(eqx.filter(tree, eqx.is_array))


def is_same(one, other):
    pairs = zip(arrays(one), arrays(other), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


def test_loss_and_its_terms_are_those_of_numpy(model, drawn):
    _, losses, error = FIT(start_learner(model, DESCENT), drawn)
    _, terms, errors = slow_loss(model, drawn)
    got = [float(losses.value), float(losses.policy), float(losses.reward)]
    np.testing.assert_allclose(got, terms, rtol=1e-4)
    np.testing.assert_allclose(error, errors, rtol=1e-3, atol=1e-5)
    assert bool(losses.is_finite)


def test_total_weighs_the_reward_term(model, drawn):
    window = drawn.window
    targets = unroll_targets(
        window.reward,
        window.is_terminated,
        window.is_last,
        window.value,
        unroll=RECIPE.unroll,
        horizon=RECIPE.horizon,
        discount=RECIPE.discount,
    )
    total, _ = unrolled_loss(RECIPE, model, drawn, targets)
    assert float(total) == pytest.approx(slow_loss(model, drawn)[0], rel=1e-4)


def test_step_is_down_the_gradient_with_targets_held_fixed(model, drawn):
    """In random directions, the slope of the NumPy loss, whose targets are plain numbers."""
    fitted, losses, _ = FIT(start_learner(model, DESCENT), drawn)
    shape = jax.tree.structure(eqx.filter(model, eqx.is_inexact_array))
    before, after = (arrays(one) for one in (model, fitted.model))
    gradient = [np.subtract(old, new, dtype=float) for old, new in zip(before, after, strict=True)]
    norm = np.sqrt(sum((leaf**2).sum() for leaf in gradient))
    assert float(losses.gradient_norm) == pytest.approx(norm, rel=1e-3)
    draw = np.random.default_rng(2)
    for _ in range(3):
        direction = [draw.normal(size=leaf.shape) for leaf in gradient]

        def loss_at(distance, direction=direction):
            moved = [
                np.asarray(leaf, float) + distance * way
                for leaf, way in zip(before, direction, strict=True)
            ]
            whole = eqx.combine(jax.tree.unflatten(shape, moved), model)
            return slow_loss(whole, drawn)[0]

        slope = (loss_at(1e-4) - loss_at(-1e-4)) / 2e-4
        along = sum((leaf * way).sum() for leaf, way in zip(gradient, direction, strict=True))
        assert along == pytest.approx(slope, rel=2e-2, abs=1e-3)


def test_ten_updates_move_every_parameter_of_all_three_networks(learner, ring):
    """Without weight decay, so that whatever moves is moved by its gradient."""
    trained, key = learner, jax.random.key(3)
    for number in range(10):
        trained, ring, losses = UPDATE(trained, ring, jax.random.fold_in(key, number))
        assert bool(losses.is_finite)
    for name in ("representation", "dynamics", "prediction"):
        before, after = (arrays(getattr(one.model, name)) for one in (learner, trained))
        assert len(before) >= 4
        for old, new in zip(before, after, strict=True):
            assert (np.asarray(old) != np.asarray(new)).all(), name
    assert int(trained.updates) == 10


def test_target_is_copied_exactly_every_period(learner, ring):
    key, target = jax.random.key(4), learner.model
    for number in range(1, 8):
        learner, ring, _ = UPDATE(learner, ring, jax.random.fold_in(key, number))
        if number % PERIOD == 0:
            target = learner.model
        assert is_same(learner.target, target)
        assert is_same(learner.model, target) == (number % PERIOD == 0)


def test_update_gives_the_batch_its_new_priorities(model, learner, ring):
    key = jax.random.key(5)
    drawn = sample(ring, batch=BATCH, window=RECIPE.window, beta=0.4, key=key)
    _, updated, _ = UPDATE(learner, ring, key)
    _, _, errors = slow_loss(model, drawn)
    places = list(zip(*(place.tolist() for place in drawn.place), strict=True))
    wanted = np.asarray(ring.priority).copy()
    for place, error in zip(places, errors, strict=True):
        wanted[place] = (error + 1e-3) ** 0.6
    np.testing.assert_allclose(updated.priority, wanted, rtol=1e-3)


@pytest.mark.parametrize("poison", [jnp.nan, jnp.inf])
@pytest.mark.parametrize("field", ["reward", "value"])
def test_input_that_is_not_finite_is_told(model, drawn, field, poison):
    window = drawn.window._replace(**{field: getattr(drawn.window, field).at[:].set(poison)})
    _, losses, _ = FIT(start_learner(model, DESCENT), drawn._replace(window=window))
    assert not bool(losses.is_finite)


def test_weights_that_are_not_finite_are_told(model, drawn):
    broken = eqx.tree_at(
        lambda tree: tree.prediction.value.layers[0].bias, model, jnp.full(5, jnp.nan)
    )
    _, losses, _ = FIT(start_learner(broken, DESCENT), drawn)
    assert not bool(losses.is_finite)


def test_same_key_gives_the_same_bits(learner, ring):
    first, again, other = (UPDATE(learner, ring, jax.random.key(seed)) for seed in (6, 6, 7))
    assert is_same(first, again)
    assert not is_same(first[0].model, other[0].model)


def test_learner_starts_with_a_target_that_shares_no_buffer(model, learner):
    assert is_same(learner.model, learner.target)
    assert int(learner.updates) == 0
    for one, other in zip(arrays(learner.model), arrays(learner.target), strict=True):
        assert one.unsafe_buffer_pointer() != other.unsafe_buffer_pointer()
    del model


def test_learning_rate_falls_along_a_cosine_and_stays_at_its_share():
    """Adam's first steps on a constant gradient are as long as the learning rate."""
    optimiser = make_optimiser(
        learning_rate=0.1, decay_updates=4, final_share=0.5, weight_decay=0.0, clip=1e9
    )
    parameter = jnp.zeros(1)
    state, steps = optimiser.init(parameter), []
    for _ in range(7):
        change, state = optimiser.update(jnp.ones(1), state, parameter)
        steps.append(-float(change[0]))
    share = [0.5 + 0.5 * (1 + np.cos(np.pi * min(time, 4) / 4)) / 2 for time in range(7)]
    np.testing.assert_allclose(steps, 0.1 * np.array(share), rtol=1e-3)


def test_weight_decay_is_decoupled():
    """Without a gradient a parameter shrinks by learning rate times decay, whatever Adam scales."""
    optimiser = make_optimiser(
        learning_rate=0.1, decay_updates=100, final_share=1.0, weight_decay=0.5, clip=1.0
    )
    parameter = jnp.array([2.0])
    change, _ = optimiser.update(jnp.zeros(1), optimiser.init(parameter), parameter)
    assert float(change[0]) == pytest.approx(-0.1 * 0.5 * 2.0)

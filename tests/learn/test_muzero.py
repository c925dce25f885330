import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from alpha_factory.core.types import Plan, Trajectory
from alpha_factory.learn import (
    Consolidation,
    Recipe,
    fit,
    make_optimiser,
    start_learner,
    update,
)
from alpha_factory.learn.muzero import make_targets, reanalyse, refresh, weigh
from alpha_factory.learn.optimiser import is_weight
from alpha_factory.nets import Model, Support
from alpha_factory.replay import insert, make_ring, read_observations, sample
from alpha_factory.search import make_prior
from reference import model as slow_model
from reference import targets as slow_targets

pytestmark = pytest.mark.implicit_promotion

FEATURES, ACTIONS, LATENT = 16, 3, 6
WORLDS, SLOTS, BATCH, PERIOD, POOL = 4, 40, 8, 3, 3
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
        slot=jnp.asarray(draw.integers(0, POOL, shape), jnp.int32),
        obs=jnp.asarray(draw.random((*shape, FEATURES)) < 0.5),
        action=jnp.asarray(draw.integers(0, ACTIONS, shape), jnp.int32),
        reward=jnp.asarray(np.where(is_last, 0, draw.normal(size=shape)), jnp.float32),
        is_terminated=jnp.asarray(is_before_last & (draw.random(shape) < 0.5)),
        is_last=jnp.asarray(is_last),
        policy=jnp.asarray(policy),
        value=jnp.asarray(draw.normal(size=shape), jnp.float32),
    )
    blocks = 4
    obs = jax.ShapeDtypeStruct((FEATURES,), jnp.bool_)
    ring = make_ring(lanes=WORLDS, slots=SLOTS, obs=obs, actions=ACTIONS, worlds=POOL)
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
    drawn = sample(ring, batch=BATCH, window=RECIPE.window, beta=0.4, key=jax.random.key(3))
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


def trained(model):
    return eqx.filter(model, eqx.is_inexact_array)


def is_same(one, other):
    pairs = zip(arrays(one), arrays(other), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


def test_loss_and_its_terms_are_those_of_numpy(model, drawn):
    _, losses, error = FIT(start_learner(model, DESCENT), drawn)
    _, terms, errors = slow_loss(model, drawn)
    got = [float(losses.value), float(losses.policy), float(losses.reward)]
    np.testing.assert_allclose(got, terms, rtol=1e-4)
    np.testing.assert_allclose(error, errors, rtol=1e-3, atol=1e-5)
    assert not bool(losses.is_skipped)


def test_total_weighs_the_reward_term(model, drawn):
    total, _ = weigh(RECIPE, model, trained(model), None, drawn, make_targets(RECIPE, drawn))
    assert float(total) == pytest.approx(slow_loss(model, drawn)[0], rel=1e-4)


def test_categorical_loss_is_that_of_numpy(drawn):
    categorical = Model(
        FEATURES,
        ACTIONS,
        widths=(8,),
        latent=LATENT,
        head=5,
        support=Support(7, -2.0, 2.0),
        key=jax.random.key(1),
    )
    _, losses, error = FIT(start_learner(categorical, DESCENT), drawn)
    _, terms, errors = slow_loss(categorical, drawn)
    got = [float(losses.value), float(losses.policy), float(losses.reward)]
    np.testing.assert_allclose(got, terms, rtol=1e-4)
    np.testing.assert_allclose(error, errors, rtol=1e-3, atol=1e-5)


def test_decay_is_told_and_has_no_gradient(model, drawn):
    recipe = DESCENT._replace(weight_decay=0.5)
    fitted, losses, _ = eqx.filter_jit(fit)(recipe, start_learner(model, recipe), drawn)
    squares = sum((np.asarray(leaf, float) ** 2).sum() for leaf in arrays(trained(model)))
    assert float(losses.decay) == pytest.approx(0.5 * squares, rel=1e-4)
    assert is_same(fitted.model, FIT(start_learner(model, DESCENT), drawn)[0].model)


def test_consolidation_pulls_to_its_anchor_as_its_formula_says(model, drawn):
    recipe = DESCENT._replace(ewc_weight=3.0)
    free = FIT(start_learner(model, DESCENT), drawn)[0].model
    learner = start_learner(model, recipe)
    anchor = jax.tree.map(lambda leaf: leaf + 0.01, trained(model))
    twos = jax.tree.map(lambda leaf: jnp.full_like(leaf, 2.0), anchor)
    held = eqx.tree_at(lambda tree: tree.consolidation, learner, Consolidation(twos, anchor))
    fitted, losses, _ = eqx.filter_jit(fit)(recipe, held, drawn)
    size = sum(leaf.size for leaf in arrays(anchor))
    assert float(losses.ewc) == pytest.approx(3.0 * size * 2 / 2 * 0.01**2, rel=1e-3)
    # Its gradient is 3 * 2 * (theta - theta*), so one plain step adds 0.06 to every weight.
    for pulled, unpulled in zip(arrays(trained(fitted.model)), arrays(trained(free)), strict=True):
        np.testing.assert_allclose(pulled - unpulled, 0.06, rtol=1e-3)


def test_remade_forward_passes_change_nothing_but_memory(model, drawn):
    plain = FIT(start_learner(model, DESCENT), drawn)[0].model
    remade = DESCENT._replace(is_remade=True)
    again = eqx.filter_jit(fit)(remade, start_learner(model, remade), drawn)[0].model
    for one, other in zip(arrays(plain), arrays(again), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_loss_is_that_of_the_model_in_its_precision(model, drawn):
    half = Model(
        FEATURES,
        ACTIONS,
        widths=(8,),
        latent=LATENT,
        head=5,
        dtype="bfloat16",
        key=jax.random.key(0),
    )
    told, cast, whole = (
        float(weigh(RECIPE, one, trained(one), None, drawn, make_targets(RECIPE, drawn))[0])
        for one in (half, half.in_precision(), model)
    )
    assert told == cast != whole
    assert told == pytest.approx(whole, rel=0.05)


def test_sequence_that_is_farthest_off_names_its_world(model, drawn):
    worlds = jnp.arange(BATCH, dtype=jnp.int32) + 100
    spiked = drawn.window._replace(reward=drawn.window.reward.at[0, 5].set(50.0))
    spiked = drawn._replace(window=spiked, world=worlds)
    assert int(FIT(start_learner(model, DESCENT), spiked)[1].world) == 105


def test_reanalysed_targets_are_those_of_a_new_search(model, ring):
    """The first sequences get the planner's policies and values of every row, the others keep theirs."""

    def plan(model, obs, *, key):
        told = jnp.sum(obs, axis=1).astype(jnp.float32)
        policy = jax.nn.softmax(told[:, None] * jnp.arange(ACTIONS, dtype=jnp.float32)[None] / 8)
        return Plan(jnp.zeros(len(obs), jnp.int32), policy, told)

    recipe = RECIPE._replace(planner=plan, reanalysed=3)
    drawn = sample(ring, batch=BATCH, window=recipe.window, beta=0.4, key=jax.random.key(3))
    fresh = reanalyse(recipe, model, ring, drawn, key=jax.random.key(0))
    seen = np.asarray(read_observations(ring, drawn.place, window=recipe.window)).sum(axis=2)
    np.testing.assert_array_equal(fresh.window.value[:, :3], seen[:, :3])
    np.testing.assert_array_equal(fresh.window.value[:, 3:], drawn.window.value[:, 3:])
    np.testing.assert_array_equal(fresh.window.policy[:, 3:], drawn.window.policy[:, 3:])
    chance = np.exp(seen[:, :3, None] * np.arange(ACTIONS) / 8)
    chance /= chance.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(fresh.window.policy[:, :3], chance, rtol=1e-5)


def test_update_draws_as_its_recipe_says_and_reanalyses_with_the_target(model, ring):
    """Balanced, with weights that correct in full, and by a network that is not the one in training."""

    def plan(model, obs, *, key):
        told = jnp.full(len(obs), 10.0 * model.prediction.value.mlp.layers[0].bias[0])
        return Plan(jnp.zeros(len(obs), jnp.int32), jnp.full((len(obs), ACTIONS), 1 / 3), told)

    recipe = RECIPE._replace(planner=plan, reanalysed=3, is_balanced=True, beta=1.0)
    other = Model(FEATURES, ACTIONS, widths=(8,), latent=LATENT, head=5, key=jax.random.key(9))
    learner = eqx.tree_at(lambda tree: tree.target, start_learner(model, recipe), other)

    key = jax.random.key(2)
    _, _, losses = eqx.filter_jit(update)(recipe, learner, ring, key=key)
    assert not bool(losses.is_skipped)
    key_draw, key_plan = jax.random.split(key)
    how = {"batch": BATCH, "window": recipe.window, "beta": 1.0, "is_balanced": True}
    drawn = reanalyse(recipe, other, ring, sample(ring, **how, key=key_draw), key=key_plan)
    _, (wanted, _) = weigh(recipe, model, trained(model), None, drawn, make_targets(recipe, drawn))
    assert float(losses.value) == pytest.approx(float(wanted.value), rel=1e-4)


def test_refreshed_targets_bootstrap_with_what_the_network_says_of_each_row(model, ring):
    drawn = sample(ring, batch=BATCH, window=RECIPE.window, beta=0.4, key=jax.random.key(3))
    fresh = refresh(make_prior(), model, ring, drawn, key=jax.random.key(0))
    obs = read_observations(ring, drawn.place, window=RECIPE.window)
    for row in range(RECIPE.window):
        for column in range(BATCH):
            said = model.prediction(model.representation(obs[row, column]))[1]
            assert float(fresh.window.value[row, column]) == pytest.approx(float(said), rel=1e-5)
    assert not np.allclose(fresh.window.value, drawn.window.value)
    kept = drawn.window._replace(value=fresh.window.value)
    assert jax.tree.all(
        jax.tree.map(lambda one, other: bool(jnp.all(one == other)), kept, fresh.window)
    )


def test_update_refreshes_with_the_target_and_reanalysis_goes_beyond_it(model, ring):
    def plan(model, obs, *, key):
        return Plan(
            jnp.zeros(len(obs), jnp.int32),
            jnp.full((len(obs), ACTIONS), 1 / 3),
            jnp.full(len(obs), 7.0),
        )

    recipe = RECIPE._replace(planner=plan, reanalysed=3, refresher=make_prior())
    other = Model(FEATURES, ACTIONS, widths=(8,), latent=LATENT, head=5, key=jax.random.key(9))
    learner = eqx.tree_at(lambda tree: tree.target, start_learner(model, recipe), other)
    key = jax.random.key(2)
    _, _, losses = eqx.filter_jit(update)(recipe, learner, ring, key=key)
    key_draw, key_plan = jax.random.split(key)
    drawn = sample(ring, batch=BATCH, window=recipe.window, beta=recipe.beta, key=key_draw)
    drawn = refresh(make_prior(), other, ring, drawn, key=key_plan)
    drawn = reanalyse(recipe, other, ring, drawn, key=key_plan)
    assert np.all(drawn.window.value[:, :3] == 7.0)
    assert not np.any(drawn.window.value[:, 3:] == 7.0)
    _, (wanted, _) = weigh(recipe, model, trained(model), None, drawn, make_targets(recipe, drawn))
    assert float(losses.value) == pytest.approx(float(wanted.value), rel=1e-4)


def test_reanalysis_without_a_planner_is_refused(model, ring, drawn):
    with pytest.raises(ValueError, match="reanalysed=3 sequences, but the recipe has no planner"):
        reanalyse(RECIPE._replace(reanalysed=3), model, ring, drawn, key=jax.random.key(0))


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
    later, key = learner, jax.random.key(3)
    for number in range(10):
        later, ring, losses = UPDATE(later, ring, jax.random.fold_in(key, number))
        assert not bool(losses.is_skipped)
    for name in ("representation", "dynamics", "prediction"):
        before, after = (arrays(getattr(one.model, name)) for one in (learner, later))
        assert len(before) >= 4
        for old, new in zip(before, after, strict=True):
            assert (np.asarray(old) != np.asarray(new)).all(), name
    assert int(later.updates) == 10


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
    key_draw, _ = jax.random.split(key)
    drawn = sample(ring, batch=BATCH, window=RECIPE.window, beta=0.4, key=key_draw)
    _, updated, _ = UPDATE(learner, ring, key)
    _, _, errors = slow_loss(model, drawn)
    places = list(zip(*(place.tolist() for place in drawn.place), strict=True))
    wanted = np.asarray(ring.priority).copy()
    for place, error in zip(places, errors, strict=True):
        wanted[place] = (error + 1e-3) ** 0.6
    np.testing.assert_allclose(updated.priority, wanted, rtol=1e-3)


def poison(drawn, field, value):
    window = drawn.window._replace(**{field: getattr(drawn.window, field).at[:].set(value)})
    return drawn._replace(window=window)


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf, 1e4])
@pytest.mark.parametrize("field", ["reward", "value"])
def test_update_that_cannot_be_trusted_is_skipped_and_counted(model, drawn, field, value):
    """Not finite, or a gradient with a norm above 100: nothing moves, the next good update does."""
    learner = start_learner(model, DESCENT)
    kept, losses, error = FIT(learner, poison(drawn, field, value))
    assert bool(losses.is_skipped)
    assert not float(losses.gradient_norm) <= 100
    assert np.isnan(error).all()
    assert is_same(kept.model, learner.model)
    assert is_same(kept.optimiser, learner.optimiser)
    assert [int(kept.updates), int(kept.skipped), int(kept.in_a_row)] == [1, 1, 1]
    made, losses, _ = FIT(kept, drawn)
    assert not bool(losses.is_skipped)
    assert not is_same(made.model, learner.model)
    assert [int(made.updates), int(made.skipped), int(made.in_a_row)] == [2, 1, 0]


def test_step_that_is_too_long_is_skipped_though_its_gradient_is_sound(model, drawn):
    recipe = make_recipe(optax.sgd(1e38))
    kept, losses, _ = eqx.filter_jit(fit)(recipe, start_learner(model, recipe), drawn)
    assert float(losses.gradient_norm) <= 100
    assert bool(losses.is_skipped)
    assert is_same(kept.model, model)


def test_after_ten_skipped_in_a_row_nothing_more_is_learned(model, drawn):
    learner = start_learner(model, DESCENT)
    bad = poison(drawn, "reward", jnp.nan)
    for number in range(1, 11):
        learner, losses, _ = FIT(learner, bad)
        assert int(losses.in_a_row) == number
    stopped, losses, _ = FIT(learner, drawn)
    assert bool(losses.is_skipped)
    assert int(losses.in_a_row) == 11
    assert is_same(stopped.model, model)


def test_skipped_update_leaves_priorities_alone(model, ring):
    broken = eqx.tree_at(
        lambda tree: tree.prediction.value.mlp.layers[0].bias, model, jnp.full(5, jnp.nan)
    )
    _, after, losses = UPDATE(start_learner(broken, RECIPE), ring, jax.random.key(0))
    assert bool(losses.is_skipped)
    np.testing.assert_array_equal(after.priority, ring.priority)


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


def test_steps_are_those_of_clipped_adamw_by_hand():
    """Gradients that change in size and sign, so that both betas (0.9, 0.95) and the clip show."""
    rate, decay, clip = 0.1, 0.5, 1.0
    optimiser = make_optimiser(
        learning_rate=rate, decay_updates=100, final_share=1.0, weight_decay=decay, clip=clip
    )
    by_hand, first, second = np.array([2.0, -1.0]), np.zeros(2), np.zeros(2)
    weights = jnp.asarray(by_hand, jnp.float32)
    state = optimiser.init(weights)
    for step, given in enumerate(([3.0, 4.0], [0.1, -0.2], [-6.0, 8.0], [0.3, 0.0]), start=1):
        change, state = optimiser.update(jnp.array(given), state, weights)
        weights = weights + change
        gradient = np.array(given) * min(1.0, clip / np.linalg.norm(given))
        first = 0.9 * first + 0.1 * gradient
        second = 0.95 * second + 0.05 * gradient**2
        way = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.95**step)) + 1e-8)
        by_hand = by_hand - rate * (way + decay * by_hand)
        np.testing.assert_allclose(weights, by_hand, rtol=1e-4)


def test_weight_decay_is_decoupled():
    """Without a gradient a parameter shrinks by learning rate times decay, whatever Adam scales."""
    optimiser = make_optimiser(
        learning_rate=0.1, decay_updates=100, final_share=1.0, weight_decay=0.5, clip=1.0
    )
    parameter = jnp.array([2.0])
    change, _ = optimiser.update(jnp.zeros(1), optimiser.init(parameter), parameter)
    assert float(change[0]) == pytest.approx(-0.1 * 0.5 * 2.0)


def test_centralised_gradients_have_no_mean_in_any_row():
    """Yong et al. 2020; a first step of Adam hides sizes, so the chain is looked at before it."""
    optimiser = make_optimiser(
        learning_rate=1.0,
        decay_updates=100,
        final_share=1.0,
        weight_decay=0.0,
        clip=1e9,
        is_centralised=True,
    )
    weights = jnp.zeros((2, 3))
    gradient = jnp.array([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]])
    change, _ = optimiser.update(gradient, optimiser.init(weights), weights)
    np.testing.assert_allclose(change, [[1.0, 1.0, -1.0], [0.0, 0.0, 0.0]], atol=1e-4)


def test_biases_of_tokens_are_not_centralised():
    """They are a matrix, a bias for each token, and no row of features."""
    weights = {"weight": jnp.zeros((2, 3)), "bias": jnp.zeros((2, 3))}
    ones = jax.tree.map(jnp.ones_like, weights)
    assert is_weight(weights) == {"weight": True, "bias": False}
    optimiser = make_optimiser(
        learning_rate=1.0,
        decay_updates=100,
        final_share=1.0,
        weight_decay=0.0,
        clip=1e9,
        is_centralised=True,
    )
    change, _ = optimiser.update(ones, optimiser.init(weights), weights)
    np.testing.assert_array_equal(change["weight"], 0.0)
    np.testing.assert_allclose(change["bias"], -1.0, rtol=1e-4)


def test_value_scale_is_learned_but_not_decayed():
    scaled = Model(
        FEATURES,
        ACTIONS,
        widths=(8,),
        latent=LATENT,
        head=5,
        value_scale=5.0,
        key=jax.random.key(0),
    )
    optimiser = make_optimiser(
        learning_rate=0.1, decay_updates=100, final_share=1.0, weight_decay=0.5, clip=1.0
    )
    weights = trained(scaled)
    still = jax.tree.map(jnp.zeros_like, weights)
    change, _ = optimiser.update(still, optimiser.init(weights), weights)
    assert float(change.prediction.value.log_scale) == 0.0
    assert np.asarray(change.prediction.policy.layers[0].weight).any()

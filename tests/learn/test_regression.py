"""The whole learner on a toy world, from scratch: it has to learn (paper, section 7.6)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.evaluate import Scorer, stack_levels
from alpha_factory.learn import Recipe, make_optimiser, start_learner, update
from alpha_factory.nets import Model
from alpha_factory.replay import insert, make_ring
from alpha_factory.rollout import collect, start_actors
from alpha_factory.search import make_planner
from alpha_factory.worlds import from_text
from reference.engine import WORLD

pytestmark = pytest.mark.implicit_promotion

ROOMS = (
    ">.... ..... ..... ..... ....G",
    "G.... ..... ..... ..... ....>",
    "..^.. ..... .###. ..... G....",
    ".#... .#... v#G.. ..... .....",
)
STEP_LIMIT = 24
WORLDS, STEPS, UPDATES, ROUNDS, EPISODES = 32, 16, 8, 300, 25

PLANNER = make_planner(
    "gumbel", simulations=8, discount=0.95, value_range=(-1.0, 1.0), c_scale=0.32, logit_noise=0.1
)
RECIPE = Recipe(
    optimiser=make_optimiser(
        learning_rate=2e-3, decay_updates=2000, final_share=0.1, weight_decay=1e-4, clip=5.0
    ),
    batch=128,
    unroll=3,
    horizon=5,
    discount=0.95,
    reward_weight=1.0,
    target_period=20,
    alpha=0.6,
    beta=0.4,
)


def draw_level(source, *, key):
    slot = jax.random.randint(key, (), 0, len(ROOMS))
    return slot, jax.tree.map(lambda leaf: leaf[slot], source)


def train(learner, levels, key):
    """Act and update in turns, as a run does."""
    key_start, key_rounds = jax.random.split(key)
    actors = start_actors(WORLD, draw_level, levels, worlds=WORLDS, key=key_start)
    ring = make_ring(worlds=WORLDS, slots=256, features=WORLD.features, actions=WORLD.actions)
    arrays, static = eqx.partition(learner, eqx.is_array)

    def improve(carry, key_update):
        arrays, ring = carry
        learner, ring, losses = update(RECIPE, eqx.combine(arrays, static), ring, key=key_update)
        return (eqx.filter(learner, eqx.is_array), ring), losses.is_finite

    def iterate(carry, key_round):
        arrays, ring, actors = carry
        key_collect, key_updates = jax.random.split(key_round)
        collected = collect(
            WORLD,
            PLANNER,
            draw_level,
            eqx.combine(arrays, static).target,
            levels,
            actors,
            steps=STEPS,
            slots=len(ROOMS),
            key=key_collect,
        )
        ring = insert(ring, collected.trajectory, window=RECIPE.window)
        keys = jax.random.split(key_updates, UPDATES)
        (arrays, ring), is_finite = jax.lax.scan(improve, (arrays, ring), keys)
        return (arrays, ring, collected.actors), is_finite

    keys = jax.random.split(key_rounds, ROUNDS)
    (arrays, *_), is_finite = jax.lax.scan(iterate, (arrays, ring, actors), keys)
    return eqx.combine(arrays, static), jnp.all(is_finite)


def test_learner_masters_a_toy_world_from_scratch():
    levels = stack_levels(
        [from_text(room.replace(" ", "\n"), step_limit=STEP_LIMIT, side=13) for room in ROOMS]
    )
    key_model, key_train, key_score = jax.random.split(jax.random.key(0), 3)
    model = Model(WORLD.features, WORLD.actions, widths=(64,), latent=32, head=32, key=key_model)
    learner, is_finite = eqx.filter_jit(train)(start_learner(model, RECIPE), levels, key_train)
    assert bool(is_finite)

    scorer = Scorer(WORLD, PLANNER, lanes=len(ROOMS) * EPISODES)
    untrained, trained = (
        scorer.score(one, levels, episodes=EPISODES, key=key_score).total
        for one in (model, learner.model)
    )
    assert trained.size == untrained.size == 100
    assert np.mean(trained) >= 0.8
    assert np.mean(untrained) <= 0.4

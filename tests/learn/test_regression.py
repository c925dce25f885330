"""The whole learner on a toy world, from scratch: it has to learn (paper, section 7.6)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.evaluate import Scorer, stack_levels
from alpha_factory.learn import (
    Practice,
    Recipe,
    make_optimiser,
    start_learner,
    start_student,
    train,
)
from alpha_factory.nets import Model
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
ROUNDS, EPISODES = 300, 25

# With the default noise of 0.1 it turned on the machine's rounding whether the walled room was found at all.
PLANNER = make_planner(
    "gumbel", simulations=8, discount=0.95, value_range=(-1.0, 1.0), c_scale=0.32, logit_noise=0.5
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


PRACTICE = Practice(
    world=WORLD,
    planner=PLANNER,
    draw_level=draw_level,
    recipe=RECIPE,
    lanes=32,
    steps=16,
    updates=8,
    replay_slots=256,
    slots=len(ROOMS),
)


def learn(learner, levels, key):
    """Act and update in turns, as a run does."""
    key_start, key_train = jax.random.split(key)
    student = start_student(PRACTICE, learner, levels, key=key_start)
    student, progress = train(PRACTICE, student, levels, iterations=ROUNDS, key=key_train)
    return student.learner, jnp.any(progress.losses.is_skipped)


def test_learner_masters_a_toy_world_from_scratch():
    levels = stack_levels(
        [from_text(room.replace(" ", "\n"), step_limit=STEP_LIMIT, side=13) for room in ROOMS]
    )
    key_model, key_train, key_score = jax.random.split(jax.random.key(0), 3)
    model = Model(WORLD.features, WORLD.actions, widths=(64,), latent=32, head=32, key=key_model)
    learner, is_any_skipped = eqx.filter_jit(learn)(start_learner(model, RECIPE), levels, key_train)
    assert not bool(is_any_skipped)

    scorer = Scorer(WORLD, PLANNER, lanes=len(ROOMS) * EPISODES)
    untrained, trained = (
        scorer.score(one, levels, episodes=EPISODES, key=key_score).total
        for one in (model, learner.model)
    )
    assert trained.size == untrained.size == 100
    assert np.mean(trained) >= 0.8
    assert np.mean(untrained) <= 0.4

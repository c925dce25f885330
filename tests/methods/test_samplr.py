"""SAMPLR beside robust PLR, in a world whose hidden drift is known for sure."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.curriculum import Ground, Lesson, Size, Wishes, play_rounds
from alpha_factory.learn import PpoRecipe, make_ppo_craft, start_ppo
from alpha_factory.methods import plr, samplr, scores
from alpha_factory.nets import ActorCritic
from reference.drift import DRIFT, TRUTH, Slope, guess_drift

pytestmark = (
    pytest.mark.implicit_promotion
)  # few optimizations would round the two programs differently

LANES, STEPS, ROUNDS = 4, 24, 6
SMALL = Wishes(slots=8, fill=0.25, replay=0.8)
RECIPE = PpoRecipe(lanes=LANES, steps=STEPS, epochs=2, learning_rate=1e-2)


def draw(*, key, walls, generator):
    del walls, generator
    return Slope(jax.random.randint(key, (), -2, 3), jnp.int32(TRUTH))


def redraw(level, *, key):
    return guess_drift(level, None, key=key)


def make_game(make):
    """A program: learner and selector's state after some rounds, on levels whose drift is turned by a sign."""
    selector = make(Ground(LANES, draw, edit=None, redraw=redraw), SMALL)

    @eqx.filter_jit
    def go(learner, state, sign):
        lesson = Lesson(
            world=DRIFT,
            pack=lambda level: dataclasses.replace(level, drift=sign * level.drift),
            measure=lambda level: Size(level.start, level.start.astype(jnp.float32)),
            selector=selector,
            scorer=scores.METHOD["Scorer"]["pvl"],
            craft=make_ppo_craft(RECIPE, lambda *, key: net),
            posterior=guess_drift if selector.is_grounded else None,
        )
        return play_rounds(lesson, learner, state, rounds=ROUNDS, key=jax.random.key(3))[:2]

    net = ActorCritic((2,), 3, memory="gru", width=6, embed=8, head=6, key=jax.random.key(0))
    learner, state = start_ppo(net, RECIPE), selector.begin(key=jax.random.key(1))
    return lambda sign: go(learner, state, jnp.int32(sign))


@pytest.fixture(scope="module")
def games():
    return [make_game(make) for make in (samplr.make_samplr, plr.make_robust_plr)]


def is_same(one, other):
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(
        np.array_equal(left, right, equal_nan=True) for left, right in pairs if eqx.is_array(left)
    )


def test_without_chance_samplr_is_robust_plr_to_the_bit(games):
    grounded, robust = (play(TRUTH) for play in games)
    assert int(robust[0].updates) >= 4
    assert is_same(grounded, robust)


def test_where_levels_drift_the_other_way_samplr_learns_something_else(games):
    grounded, robust = (play(-TRUTH) for play in games)
    assert not is_same(grounded[0].net, robust[0].net)


def test_naive_grounding_draws_anew_what_replayed_levels_hide():
    """All levels in the buffer drift the other way."""
    drifts = {}
    for make in (samplr.make_naive_grounding, plr.make_robust_plr):
        selector = make(Ground(LANES, draw, edit=None, redraw=redraw), SMALL)
        state = selector.begin(key=jax.random.key(0))
        full = eqx.tree_at(
            lambda one: (one.buffer.size, one.buffer.score, one.buffer.level.drift),
            state,
            (jnp.int32(8), jnp.zeros(8), jnp.full(8, -TRUTH, jnp.int32)),
        )
        choose = jax.jit(lambda key, pick=selector.choose, full=full: pick(full, key=key)[1])
        choices = [choose(jax.random.key(seed)) for seed in range(8)]
        replays = [choice.level.drift for choice in choices if int(choice.slot[0]) >= 0]
        drifts[make.__name__] = np.unique(replays).tolist()
    assert drifts == {"make_naive_grounding": [TRUTH], "make_robust_plr": [-TRUTH]}


def test_naive_grounding_knows_the_return_of_what_it_plays_and_not_of_what_was_drawn():
    """Fresh levels drift the other way; the buffer holds what they become."""

    def draw_adrift(**how):
        return dataclasses.replace(draw(**how), drift=jnp.int32(-TRUTH))

    selector = samplr.make_naive_grounding(
        Ground(LANES, draw_adrift, edit=None, redraw=redraw), SMALL._replace(replay=0.0)
    )
    state, starts = selector.begin(key=jax.random.key(0)), jnp.arange(8, dtype=jnp.int32) - 2
    known = 0.1 * starts.astype(jnp.float32)
    full = eqx.tree_at(
        lambda one: (one.buffer.size, one.buffer.score, one.buffer.max_return, one.buffer.level),
        state,
        (jnp.int32(8), jnp.zeros(8), known, Slope(starts, jnp.full(8, TRUTH, jnp.int32))),
    )
    choice = jax.jit(lambda key: selector.choose(full, key=key)[1])(jax.random.key(1))
    assert choice.level.drift.tolist() == [TRUTH] * LANES
    assert choice.max_return.tolist() == known[choice.level.start + 2].tolist()

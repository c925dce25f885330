"""The choice of fruits: what is drawn, what it pays, what is seen of it, and what can be known."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.worlds import (
    draw_fruits,
    draw_good,
    expect_good,
    find_optimum,
    from_text,
    guess_good,
    make_fruits,
    make_small_mazes,
    place_apple,
    shortest_walk,
)
from alpha_factory.worlds.fruits import ODDS
from alpha_factory.worlds.levels import tiles

LEVEL = from_text(">..G\n...?", side=5, step_limit=12)
WORLD = make_fruits()
TO_BANANA, TO_APPLE = (2, 2, 2), (2, 2, 1, 2, 0, 2)
DRAWS = 2000
STEP, SEE = jax.jit(WORLD.step), jax.jit(WORLD.observe)


def hide(good):
    """The level with one of the fruits good."""
    return draw_good(LEVEL, odds=float(good == "apple"), key=jax.random.key(0))


def walk(level, actions):
    """The states, the last outcome and the return."""
    key = jax.random.key(0)
    states, total, outcome = [WORLD.reset(level, key=key)], 0.0, None
    for action in actions:
        state, outcome = STEP(level, states[-1], jnp.int32(action), key=key)
        states.append(state)
        total += float(outcome.reward)
    return states, outcome, total


@pytest.mark.parametrize(
    ("good", "actions", "paid"),
    [
        ("apple", TO_APPLE, 0.3),
        ("banana", TO_APPLE, 0.0),
        ("apple", TO_BANANA, 0.0),
        ("banana", TO_BANANA, 1.0),
    ],
)
def test_good_fruit_pays_and_the_banana_solves(good, actions, paid):
    _, outcome, total = walk(hide(good), actions)
    assert total == pytest.approx(paid)
    assert bool(outcome.is_terminated)
    assert bool(outcome.is_solved) == (actions == TO_BANANA)


def test_nothing_shows_which_fruit_is_good():
    seen = []
    for good in ("apple", "banana"):
        level = hide(good)
        states, *_ = walk(level, TO_APPLE[:-1])
        seen.append([np.asarray(SEE(level, state)) for state in states])
    np.testing.assert_array_equal(*seen)


def test_apples_are_seen_beside_walls_and_goal():
    seen = np.asarray(SEE(LEVEL, walk(LEVEL, ())[0][0]))
    assert seen.size == WORLD.features == 79
    goal, apple = seen[25:50].reshape(5, 5), seen[54:].reshape(5, 5)
    # Three ahead; the agent stands in the middle of the last row, and what is below it lies to its right.
    assert np.argwhere(goal).tolist() == [[1, 2]]
    assert np.argwhere(apple).tolist() == [[1, 3]]


def test_whole_maze_is_seen_with_how_far_the_apple_is_ahead_and_to_the_right():
    world, key = make_fruits(is_whole=True), jax.random.key(0)
    see = jax.jit(world.observe)
    state = world.reset(LEVEL, key=key)
    turned, _ = STEP(LEVEL, state, jnp.int32(1), key=key)
    bare = place_apple(LEVEL, key=key)
    bare = eqx.tree_at(
        lambda one: one.tile, bare, jnp.where(bare.tile == tiles.DECOY, 0, bare.tile)
    )
    for there, ahead, right in ((state, 3, 1), (turned, 1, -3)):
        seen = np.asarray(see(LEVEL, there))
        assert seen.shape == (world.features,) == (736,)
        assert np.flatnonzero(seen[680:]).tolist() == [12 + ahead, 25 + 12 + right]
        maze = np.asarray(jax.jit(make_small_mazes().observe)(LEVEL, there))
        np.testing.assert_array_equal(seen[:680], maze)
    assert not np.asarray(see(bare, state))[680:].any()


def test_drawn_levels_have_an_apple_near_the_banana():
    draw = jax.jit(jax.vmap(lambda key: draw_fruits(walls=60, key=key)))
    levels = draw(jax.random.split(jax.random.key(0), 64))
    good_apples = 0
    for at in range(64):
        level = jax.tree.map(lambda leaf, at=at: np.asarray(leaf[at]), levels)
        (apple,) = np.argwhere(level.tile == tiles.DECOY)
        assert (level.tile == tiles.GOAL).sum() == 1
        assert 1 <= abs(apple - level.goal).sum() <= 2
        assert (apple != level.start).any()
        pays = float(level.reward.goal), float(level.reward.decoy)
        assert pays in ((1.0, 0.0), (0.0, pytest.approx(0.3)))
        good_apples += pays[1] > 0
    assert 32 < good_apples < 58  # 44.8 and 3.6 standard deviations


def test_way_to_the_banana_leads_around_the_apple():
    blocked = from_text(">?G", side=5, step_limit=12)
    assert int(jax.jit(shortest_walk)(blocked)) == -1
    assert int(jax.jit(shortest_walk)(LEVEL)) == len(TO_BANANA)


def test_apple_goes_where_there_is_room():
    far = from_text("G##..\n##...\n#....\n.....\n>....", side=5, step_limit=12)
    full = from_text(">G", side=5, step_limit=12)
    place = jax.jit(lambda level: place_apple(level, key=jax.random.key(1)))
    (apple,) = np.argwhere(np.asarray(place(far).tile) == tiles.DECOY)
    assert np.asarray(far.tile)[tuple(apple)] == tiles.FLOOR
    np.testing.assert_array_equal(place(full).tile, full.tile)


@pytest.mark.parametrize("good", ["apple", "banana"])
def test_posterior_is_the_prior_until_a_fruit_is_eaten_and_then_a_point(good):
    level = hide(good)
    keys = jax.random.split(jax.random.key(3), DRAWS)
    for actions in (TO_APPLE, TO_BANANA):
        *earlier, last = walk(level, actions)[0]
        guess = jax.jit(
            lambda state: jax.vmap(lambda key: guess_good(level, state, odds=ODDS, key=key))(keys)
        )
        prior = jax.vmap(lambda key: draw_good(level, odds=ODDS, key=key).reward.decoy)(keys)
        for state in (earlier[0], earlier[-1]):
            np.testing.assert_array_equal(guess(state).reward.decoy, prior)
        known = guess(last).reward
        assert np.unique(known.goal).tolist() == [float(level.reward.goal)]
        assert np.unique(known.decoy).tolist() == [float(level.reward.decoy)]
    share = float(np.mean(np.asarray(prior) > 0))
    assert abs(share - ODDS) < 5 * np.sqrt(ODDS * (1 - ODDS) / DRAWS)


def test_best_under_the_odds_is_the_banana_until_the_apple_is_nearly_sure():
    best = find_optimum(expect_good(LEVEL))
    assert best.optimal_return == pytest.approx(0.3)
    assert best.plan == TO_BANANA
    assert find_optimum(expect_good(LEVEL, odds=0.9)).optimal_return == pytest.approx(0.27)
    for good, paid in (("apple", 0.3), ("banana", 1.0)):
        assert find_optimum(hide(good)).optimal_return == pytest.approx(paid)


def test_walls_that_leave_no_room_are_refused():
    draw = partial(draw_fruits, side=5, walls=23, key=jax.random.key(0))
    with pytest.raises(ValueError, match="22 at most leave room for the agent and both fruits"):
        draw()

"""What rounds give replay: rows that end with the round, and a learner that moves by them alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.types import Outcome, World
from alpha_factory.learn import Recipe, make_muzero_craft, make_optimiser
from alpha_factory.nets import Model
from alpha_factory.replay import sample
from alpha_factory.rollout import collect_lanes, start_lanes, unroll_targets
from alpha_factory.search import make_planner

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

LANES, STEPS, ROUNDS, DISCOUNT = 3, 12, 2, 0.9
LIMITS = jnp.array([4, 7, 30], jnp.int32)  # the last is longer than a round


class Walk(eqx.Module):
    """How many steps there were."""

    steps: jax.Array
    is_terminated: jax.Array
    is_truncated: jax.Array


def observe(limit, state):
    """Bits of the number of steps and of the level, by which a row can be told."""
    number = jnp.arange(32) == state.steps
    return jnp.concatenate([number, jnp.arange(32) == limit])


def step(limit, state, action, *, key):
    del action, key
    is_over = state.is_terminated | state.is_truncated
    steps = jnp.where(is_over, state.steps, state.steps + 1)
    is_end = (steps >= limit) & ~is_over
    after = Walk(steps, state.is_terminated | is_end, state.is_truncated)
    reward = jnp.where(is_over, 0.0, steps.astype(jnp.float32))
    return after, Outcome(reward, after.is_terminated, after.is_truncated, is_end)


def reset(limit, *, key):
    del limit, key
    return Walk(jnp.int32(0), jnp.bool_(False), jnp.bool_(False))


WORLD = World(reset, step, observe, actions=2, features=64)
RECIPE = Recipe(
    optimiser=make_optimiser(
        learning_rate=1e-2, decay_updates=10, final_share=1.0, weight_decay=0.0, clip=5.0
    ),
    batch=8,
    unroll=2,
    horizon=2,
    discount=DISCOUNT,
    reward_weight=1.0,
    target_period=100,
    alpha=0.5,
    beta=0.5,
)
PLANNER = make_planner(
    "gumbel",
    simulations=1,
    discount=DISCOUNT,
    value_range=(0.0, 100.0),
    c_scale=0.1,
    logit_noise=0.0,
)
CRAFT = make_muzero_craft(
    RECIPE,
    PLANNER,
    lambda *, key: Model((64,), 2, widths=(8,), latent=8, head=8, key=key),
    obs=jax.ShapeDtypeStruct((64,), bool),
    actions=2,
    lanes=LANES,
    steps=STEPS,
    slots=ROUNDS * STEPS,
    updates=2,
    trace=0.9,
)


@pytest.fixture(scope="module")
def played(quick_compilation):
    """Rounds of practice, each from fresh starts, and what each played."""

    @eqx.filter_jit
    def turn(scholar, key):
        params = CRAFT.show(scholar)
        lanes = start_lanes(WORLD, CRAFT.player, params, LIMITS, key=key)
        stretch = collect_lanes(WORLD, CRAFT.player, params, lanes, steps=STEPS, key=key)
        return *CRAFT.practise(scholar, stretch, key=key), stretch

    scholars, reports, stretches = [CRAFT.begin(key=jax.random.key(0))], [], []
    for number in range(ROUNDS):
        scholar, report, stretch = turn(scholars[-1], jax.random.key(number))
        scholars.append(scholar)
        reports.append(report)
        stretches.append(stretch)
    return scholars, reports, stretches


def test_rounds_lie_in_replay_one_after_the_other_and_each_ends_with_a_cut(played):
    scholars, _, stretches = played
    ring = scholars[-1].ring
    rows = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(one.rows for one in stretches))
    seams = np.arange(ROUNDS * STEPS) % STEPS == STEPS - 1
    is_last = rows.is_last | seams[:, None]
    np.testing.assert_array_equal(ring.is_last, is_last.T)
    np.testing.assert_array_equal(ring.is_terminated, (rows.is_terminated & ~seams[:, None]).T)
    np.testing.assert_array_equal(ring.reward, np.where(is_last, 0, rows.reward).T)
    np.testing.assert_array_equal(ring.value, rows.value.T)
    np.testing.assert_array_equal(ring.action, rows.action.T)
    np.testing.assert_array_equal(np.unpackbits(ring.obs, axis=2), rows.obs.swapaxes(0, 1))
    assert ring.world.tolist() == [[lane] * ROUNDS * STEPS for lane in range(LANES)]


def test_no_sequence_that_is_drawn_crosses_the_seam(played):
    """Targets of rows before a seam are those of rewards and of the value at the seam, by hand."""
    ring = played[0][-1].ring
    drawn = jax.jit(lambda key: sample(ring, batch=400, window=RECIPE.window, beta=0.0, key=key))(
        jax.random.key(9)
    )
    window = drawn.window
    targets = jax.jit(
        lambda: unroll_targets(
            *(window.reward, window.is_terminated, window.is_last, window.value),
            unroll=2,
            horizon=2,
            discount=DISCOUNT,
        )
    )()
    reward, value, end, last = (
        np.asarray(leaf) for leaf in (ring.reward, ring.value, ring.is_terminated, ring.is_last)
    )
    crossing = 0
    for number, (lane, first) in enumerate(zip(*map(np.asarray, drawn.place), strict=True)):
        assert not last[lane, first]
        seam = (first // STEPS + 1) * STEPS - 1
        crossing += first + RECIPE.window > seam + 1
        for ahead in range(3):
            row = first + ahead
            is_here = row < seam and not last[lane, first : row + 1].any()
            assert bool(targets.is_policy_known[ahead, number]) == is_here
            if not is_here:
                continue
            wanted, weight = 0.0, 1.0
            for at in range(row, row + 2):
                if last[lane, at]:  # cut: what it is worth in place of all that would follow
                    wanted, weight = wanted + weight * value[lane, at], 0.0
                    break
                wanted += weight * reward[lane, at]
                weight *= 0.0 if end[lane, at] else DISCOUNT
            wanted += weight * value[lane, row + 2] if weight else 0.0
            np.testing.assert_allclose(targets.value[ahead, number], wanted, rtol=1e-4)
    assert crossing > 10


def test_practice_makes_its_updates_and_tells_of_them(played):
    scholars, reports, _ = played
    assert [int(one.updates) for one in scholars] == [0, 2, 4]
    assert int(scholars[-1].skipped) == 0
    assert scholars[-1].model is scholars[-1].learner.model
    assert CRAFT.show(scholars[-1]) is scholars[-1].learner.target
    for report in reports:
        assert report.losses.value.shape == (2,)
        assert np.isfinite(report.losses.value).all()
        assert 0 < float(report.policy_entropy) <= np.log(2) + 1e-6

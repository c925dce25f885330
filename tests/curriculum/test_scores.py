import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alpha_factory.curriculum.learnability import draw_batch, keep_learnable
from alpha_factory.curriculum.scores import (
    l1_value_loss,
    learnability,
    max_monte_carlo,
    max_negative_advantage,
    negative_advantages,
    positive_value_loss,
    true_regret,
    walk_return,
)
from alpha_factory.learn.gae import estimate_advantages
from reference.scores import Step, returns, score_all

TIME, LANES = 9, 4


@partial(jax.jit, static_argnames=("discount", "trace"))
def score(rows, *, discount, trace):
    """All of them from one rollout."""
    reward, value, last_value, is_terminated, is_last, max_return, is_solved = rows
    ends = (is_terminated, is_last, last_value)
    settings = {"discount": discount, "trace": trace}
    advantage = estimate_advantages(reward, value, *ends, **settings)
    return {
        "pvl": positive_value_loss(advantage, is_last),
        "l1": l1_value_loss(advantage, is_last),
        "max_mc": max_monte_carlo(value, is_last, max_return),
        "mna": max_negative_advantage(reward, value, *ends, is_solved, **settings),
    }


def rows_of(lanes, time=TIME):
    """Lanes of steps as arrays of rows, time first: one more for each end, as long as there are rows.

    Returns:
        The arrays, and the steps of each lane that found room.
    """
    reward, value = np.full((2, time + 1, len(lanes)), 99, np.float32)  # last rows pay nothing
    is_terminated, is_last = np.zeros((2, time, len(lanes)), bool)
    told = []
    for lane, steps in enumerate(lanes):
        row, shown = 0, []
        for step in steps:
            if row >= time:
                break
            reward[row, lane], value[row, lane] = step.reward, step.value
            value[row + 1, lane] = step.next_value  # the next step's or, at an end, the last row's
            is_terminated[row, lane] = step.is_terminated
            row += 1
            if (step.is_terminated or step.is_truncated) and row < time:
                is_last[row, lane], reward[row, lane] = True, 0
                row += 1
            shown.append(step)
        told.append(shown)
    highest = [max(returns(steps), default=-math.inf) for steps in told]
    is_solved = [any(step.is_solved for step in steps) for steps in told]
    arrays = (
        *(reward[:-1], value[:-1], value[-1], is_terminated, is_last),
        *(np.array(highest, np.float32), np.array(is_solved)),
    )
    return tuple(map(jnp.asarray, arrays)), told


def random_lanes(seed):
    """In the first lane no episode ends; goals lie about, and each step of an episode leads to the next."""
    draw, found = np.random.default_rng(seed), []
    for lane in range(LANES):
        numbers = draw.normal(size=(TIME, 3)).astype(np.float32).tolist()
        ends = draw.choice(3, TIME, p=(0.5, 0.25, 0.25)) * (lane > 0)
        steps = [
            Step(*row, bool(end == 1), bool(end == 2), bool(draw.random() < 0.3))
            for row, end in zip(numbers, ends, strict=True)
        ]
        for step, following in itertools.pairwise(steps):
            if not (step.is_terminated or step.is_truncated):
                step.next_value = following.value
        found.append(steps)
    return found


@pytest.mark.parametrize(("discount", "trace"), [(0.9, 0.7), (0.995, 0.0), (1.0, 1.0)])
@given(seed=st.integers(0, 2**32 - 1))
def test_scores_are_those_of_each_step_of_each_episode(seed, discount, trace):
    rows, told = rows_of(random_lanes(seed))
    got = score(rows, discount=discount, trace=trace)
    for lane, steps in enumerate(told):
        for name, value in score_all(steps, discount=discount, trace=trace).items():
            assert float(got[name][lane]) == pytest.approx(value, rel=1e-4, abs=1e-4), (name, lane)


def by_hand(*steps):
    """A lane of steps: reward, value, next value, and how it ends (`end`, `cut` or nothing)."""
    return [
        Step(reward, value, after, end == "end", end == "cut", reward > 0)
        for reward, value, after, end in steps
    ]


def score_lanes(*lanes, rows, discount=1.0, trace=1.0):
    got = score(rows_of(lanes, rows)[0], discount=discount, trace=trace)
    return {name: value.tolist() for name, value in got.items()}


def test_scores_of_a_solved_and_a_cut_episode_by_hand():
    # Errors with discount 0.5: 0 + 1 - 1 = 0 and 1 - 2 = -1; then 0 + 2 - 1 = 1.
    lane = by_hand((0, 1, 2, ""), (1, 2, 7, "end"), (0, 1, 4, "cut"))
    got = score_lanes(lane, rows=5, discount=0.5)
    assert got["pvl"] == pytest.approx([1 / 3])  # advantages -1/2, -1, 1
    assert got["l1"] == pytest.approx([2.5 / 3])
    assert got["max_mc"] == pytest.approx([-1 / 3])  # 1 less the mean of 1, 2, 1
    assert got["mna"] == pytest.approx([1.5])  # runs 0 then -1/2; -1; 0


def test_termination_hides_the_next_value_and_truncation_does_not():
    lanes = [by_hand((0, 1, 100, how)) for how in ("end", "cut")]
    for rows in (1, 2):  # the last row within the rollout, and beyond it
        got = score_lanes(*lanes, rows=rows)
        assert got["pvl"] == [0, 99]
        assert got["l1"] == [1, 99]


def test_nothing_passes_from_one_episode_to_the_one_before():
    for how in ("end", "cut"):
        lanes = [by_hand((0, 5, 5, how), (-1, 5, 0, how), (after, 0, 0, "end")) for after in (1, 9)]
        got = score_lanes(*lanes, rows=6)
        assert got["mna"][0] == got["mna"][1] > 0


def test_scores_when_no_episode_ended():
    got = score_lanes(by_hand((0, 1, 1, ""), (0, 1, 3, "")), rows=2, trace=0.0)
    # Errors 0 and 2.
    assert got == {"pvl": [1], "l1": [1], "max_mc": [-math.inf], "mna": [0]}


def test_scores_when_every_episode_was_solved_as_expected():
    got = score_lanes(by_hand((1, 1, 0, "end"), (1, 1, 0, "end")), rows=4, trace=0.5)
    assert got == {"pvl": [0], "l1": [0], "max_mc": [0], "mna": [0]}


def test_nothing_passes_over_an_end_in_the_middle_of_an_episode():
    """As steps beside the real ones make them: no last row lies between the end and the step after it."""
    told = []
    for after in (0.0, -9.0):
        value, reward = jnp.array([[5.0], [5.0], [5.0]]), jnp.array([[0.0], [0.0], [after]])
        is_out, is_last = jnp.array([[False], [True], [False]]), jnp.zeros((3, 1), bool)
        lane = jnp.array([5.0])
        told.append(
            jax.jit(partial(negative_advantages, discount=1.0, trace=0.5))(
                reward, value, is_out, is_last, lane
            )
        )
    # Errors 0, -5 (nothing follows) and that of the last row; runs 0, -5 and -5.
    assert told[0][:, 0].tolist() == [-2.5, -5.0, 0.0]
    assert told[1][:, 0].tolist() == [-2.5, -5.0, -9.0]


def test_negative_advantage_counts_only_where_a_rollout_solved():
    lanes = [by_hand((0, 5, 0, ""), (last, 0, 0, "end")) for last in (0, 1)]
    assert score_lanes(*lanes, rows=3)["mna"] == [0, 4]  # -5, then -5 + 1; and 0 for the last step


@pytest.mark.parametrize("rows", [0, 1])
def test_rollout_of_no_steps_has_no_score(rows):
    nothing, is_last, lane = jnp.zeros((rows, 1)), jnp.ones((rows, 1), bool), jnp.zeros(1)
    for name, value in score(
        (nothing, nothing, lane, ~is_last, is_last, lane, jnp.ones(1, bool)),
        discount=1.0,
        trace=0.5,
    ).items():
        assert value.tolist() == [-math.inf], name


def test_learnability_is_highest_where_half_is_solved():
    ended, solved = jnp.array([0, 4, 4, 4, 4, 4]), jnp.array([0, 0, 1, 2, 3, 4])
    got = jax.jit(learnability)(ended, solved)
    assert got.tolist() == [0, 0, 3 / 16, 1 / 4, 3 / 16, 0]


def test_true_regret_is_what_the_optimum_gets_more():
    got = true_regret(jnp.array([1.0, 0.0, math.nan]), jnp.array([0.25, 0.0, 0.5]))
    assert got[:2].tolist() == [0.75, 0]
    assert not math.isfinite(got[2])


def test_walk_earns_what_its_end_pays_discounted_by_the_steps_before():
    got = jax.jit(partial(walk_return, discount=0.5))(jnp.array([1, 3, 0, -1]))
    assert got.tolist() == [1, 0.25, 0, 0]


KEEP = jax.jit(keep_learnable, static_argnames="keep")


@given(
    st.lists(st.sampled_from((0.0, 0.1, 0.25, math.nan)), min_size=7, max_size=7),
    st.integers(1, 7),
)
def test_most_learnable_levels_are_kept_and_earlier_ones_of_equals(scores, keep):
    levels = {"mark": jnp.arange(7)}
    kept, highest = KEEP(levels, jnp.array(scores), keep=keep)
    known = [-math.inf if math.isnan(one) else one for one in scores]
    order = sorted(range(7), key=lambda at: -known[at])[:keep]
    assert kept["mark"].tolist() == order
    assert highest.tolist() == pytest.approx([known[at] for at in order])


def test_batches_judged_in_turn_keep_what_all_at_once_would():
    draw = np.random.default_rng(0)
    scores = jnp.asarray(draw.integers(0, 6, (4, 10)) / 24, jnp.float32)
    marks = jnp.arange(40).reshape(4, 10)
    kept, highest = KEEP({"mark": marks[0]}, scores[0], keep=5)
    for mark, score in zip(marks[1:], scores[1:], strict=True):
        joined = {"mark": jnp.concatenate([kept["mark"], mark])}
        kept, highest = KEEP(joined, jnp.concatenate([highest, score]), keep=5)
    once, _ = KEEP({"mark": marks.ravel()}, scores.ravel(), keep=5)
    assert kept["mark"].tolist() == once["mark"].tolist()


def test_keeping_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match="keep=4 of 3 candidates: draw at least 4 levels"):
        keep_learnable({"mark": jnp.arange(3)}, jnp.zeros(3), keep=4)


def draw_mark(*, key):
    return {"mark": jax.random.randint(key, (), 1000, 2**30)}


@pytest.mark.parametrize(("share", "replayed"), [(0.5, 4), (0.0, 0), (1.0, 8), (0.3, 2)])
def test_batch_takes_its_share_of_kept_levels_and_the_rest_fresh(share, replayed):
    kept = {"mark": jnp.arange(10, 15)}
    levels, slot = jax.jit(draw_batch, static_argnames=("draw_fresh", "lanes", "share"))(
        kept, draw_mark, number=jnp.int32(5), lanes=8, share=share, key=jax.random.key(0)
    )
    marks, slot = np.asarray(levels["mark"]), np.asarray(slot)
    assert (marks[:replayed] == 10 + slot[:replayed]).all()
    assert (slot[replayed:] == -1).all()
    assert len({one for one in marks[replayed:].tolist() if one >= 1000}) == 8 - replayed


def test_kept_levels_are_drawn_evenly_with_replacement():
    kept = {"mark": jnp.arange(5)}
    _, slot = draw_batch(
        kept, draw_mark, number=jnp.int32(5), lanes=10_000, share=1.0, key=jax.random.key(1)
    )
    assert stats.chisquare(np.bincount(np.asarray(slot), minlength=5)).pvalue > 1e-3


@pytest.mark.parametrize("number", [0, 1, 3])
def test_places_that_hold_no_level_are_never_drawn_from(number):
    kept = {"mark": jnp.arange(5)}
    levels, slot = draw_batch(
        kept, draw_mark, number=jnp.int32(number), lanes=200, share=0.5, key=jax.random.key(2)
    )
    marks, slot = np.asarray(levels["mark"]), np.asarray(slot)
    assert sorted(set(slot[:100].tolist())) == ([*range(number)] or [-1])
    assert (slot[100:] == -1).all()
    assert ((marks >= 1000) == (slot == -1)).all()
    assert (marks[slot >= 0] == slot[slot >= 0]).all()


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="of the lanes: give a number from 0 to 1"):
        draw_batch(
            {"mark": jnp.arange(3)},
            draw_mark,
            number=jnp.int32(3),
            lanes=4,
            share=share,
            key=jax.random.key(0),
        )

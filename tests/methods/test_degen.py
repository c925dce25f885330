"""DEGen: who is paid for which step, what its entropy bonus is, and a builder that moves to where the pay is."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.curriculum import (
    BUILDER_ACTIONS,
    BUILDER_SEES,
    Ground,
    Lesson,
    Size,
    Unfolded,
    Wishes,
    draw_rooms,
    make_builder_recipe,
    negative_advantages,
    settle_wishes,
    unfold,
)
from alpha_factory.learn import (
    Losses,
    MuzeroReport,
    PpoRecipe,
    improve,
    make_ppo_craft,
    start_ppo,
)
from alpha_factory.learn.surrogate import make_batch, weigh
from alpha_factory.methods import degen, scores
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import Stretch, make_sampler
from alpha_factory.worlds import begin_unfolding, draw_maze, make_maze, measure_maze, pack_unchecked
from reference.scores import Step
from reference.scores import negative_advantages as negative_advantages_slowly

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

SIDE, LANES, STEPS = 4, 8, 12
TIME, ACTIONS = 7, 4
ROUTE = jax.jit(partial(degen.route_pay, actions=ACTIONS))


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 2), st.floats(0, 1, width=16)), min_size=TIME, max_size=TIME
        ),
        min_size=2,
        max_size=2,
    )
)
def test_each_step_pays_the_action_that_was_the_last_before_it(lanes):
    loss, made, wanted = np.zeros((3, TIME, len(lanes)), np.float32)
    wanted = np.zeros((ACTIONS, len(lanes)))
    for lane, steps in enumerate(lanes):
        done = 0
        for row, (more, lost) in enumerate(steps):
            done = min(done + more, ACTIONS)
            loss[row, lane], made[row, lane] = lost, done
            if done:
                wanted[done - 1, lane] += lost
    got = ROUTE(jnp.asarray(loss), jnp.asarray(made, jnp.int32))
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_pay_is_the_negative_advantage_of_levels_that_were_solved_and_0_of_others():
    """Two lanes walk alike, an episode of three steps and the beginning of another; one counts as solved."""
    discount, trace = 0.9, 0.8
    value = [0.5, 0.9, 0.2, 0.3, 0.6, 0.7]
    after = 0.4
    first = [Step(0.0, 0.5, 0.9, False, False, False), Step(0.0, 0.9, 0.2, False, False, False)]
    first.append(Step(1.0, 0.2, 0.3, True, False, True))
    second = [Step(0.0, 0.6, 0.7, False, False, False), Step(0.0, 0.7, after, False, False, False)]
    lost = [-one for one in negative_advantages_slowly(first, discount, trace)]
    lost += [0.0, *(-one for one in negative_advantages_slowly(second, discount, trace))]

    def both(row, dtype=jnp.float32):
        return jnp.repeat(jnp.asarray(row, dtype)[:, None], 2, axis=1)

    class Rows(eqx.Module):
        reward: jax.Array
        value: jax.Array
        is_terminated: jax.Array
        is_last: jax.Array

    class Solved(eqx.Module):
        solved: jax.Array

    rows = Rows(
        both([0, 0, 1, 0, 0, 0]),
        both(value),
        both([0, 0, 1, 0, 0, 0], bool),
        both([0, 0, 0, 1, 0, 0], bool),
    )
    walked = Stretch(None, rows, Solved(jnp.array([1, 0])), None, jnp.full(2, after))
    paid = Rows(jnp.zeros((ACTIONS, 2)), None, None, None)
    built = Stretch(None, paid, None, None, None)
    made = both([1, 1, 2, 2, 2, 4], jnp.int32)

    @jax.jit
    def find_pay(*parts):
        return degen.pay_builder(Unfolded(*parts), discount=discount, trace=trace).rows.reward

    pay = find_pay(walked, built, made)
    wanted = [lost[0] + lost[1], lost[2] + lost[4], 0.0, lost[5]]
    assert max(wanted) > 0.1
    np.testing.assert_allclose(pay[:, 0], wanted, atol=1e-6)
    assert not np.asarray(pay[:, 1]).any()
    each = negative_advantages(
        rows.reward,
        rows.value,
        rows.is_terminated,
        rows.is_last,
        walked.last_value,
        discount=discount,
        trace=trace,
    )
    np.testing.assert_allclose(-each[:, 0], lost, atol=1e-6)


def draw(*, key, walls, generator):
    assert generator == "empty"
    return draw_maze(side=SIDE, walls=walls, step_limit=6, key=key)


def draw_net(obs, actions, seed, **kinds):
    key = jax.random.key(seed)
    return ActorCritic(obs, actions, memory="gru", width=8, embed=8, head=8, key=key, **kinds)


GROUND = Ground(LANES, draw, None)
WALKER = ((54,), 3, 0)


@pytest.fixture(scope="module")
def recipe():
    wishes = settle_wishes(Wishes(builder_rate=1e-2), degen.PUBLISHED)
    prior = tuple(math.log(chance) for chance in degen.PRIOR) * 25
    return make_builder_recipe(GROUND, wishes, steps=SIDE**2 - 1, prior=prior)


@pytest.fixture(scope="module")
def trained(recipe):
    """Rounds in which every wall is paid 1, and nothing else is."""
    learner = start_ppo(draw_net((BUILDER_SEES,), BUILDER_ACTIONS, 1, is_masked=True), recipe)
    walker = draw_net(*WALKER)

    @eqx.filter_jit
    def train(learner, keys):
        arrays, static = eqx.partition(learner, eqx.is_array)

        def turn(arrays, key):
            learner = eqx.combine(arrays, static)
            level = jax.vmap(begin_unfolding)(draw_rooms(GROUND, key=key))
            built = unfold(make_sampler(), walker, learner.net, level, steps=STEPS, key=key).built
            is_wall = (built.rows.action % 3 == 1) & ~built.rows.is_last
            pay = is_wall.astype(jnp.float32)
            paid = built._replace(rows=eqx.tree_at(lambda rows: rows.reward, built.rows, pay))
            after, report = improve(recipe, learner, paid, key=key)
            share = jnp.sum(pay) / built.attempts.frames.astype(jnp.float32)
            opinion, _ = learner.net(built.rows.obs, built.rows.is_reset, built.carry)
            _, losses = weigh(recipe, opinion, make_batch(recipe, paid), jnp.float32(1.0))
            told = share, losses.entropy, opinion.logits, built.rows, report.losses.is_skipped
            return eqx.filter(after, eqx.is_array), told

        return jax.lax.scan(turn, arrays, keys)[1]

    return train(learner, jax.random.split(jax.random.key(2), 25))


def test_builder_moves_to_where_the_pay_is(trained):
    share, *_, is_skipped = trained
    assert not np.asarray(is_skipped).any()
    assert np.mean(share[:3]) < 0.55
    assert np.mean(share[-3:]) > 0.75


def test_bonus_is_the_entropy_of_the_cell_less_the_kinds_divergence_from_the_prior(trained):
    _, bonus, logits, rows, _ = jax.tree.map(np.asarray, trained)
    for turn in (0, -1):
        counts = ~rows.is_last[turn]
        chances = np.exp(logits[turn].astype(float))[counts]
        chances = (chances / chances.sum(axis=1, keepdims=True)).reshape(-1, *BUILDER_ACTIONS)
        cell, kind = chances.sum(axis=2), chances.sum(axis=1)
        np.testing.assert_allclose(chances, cell[:, :, None] * kind[:, None], atol=1e-5)
        entropy = -(cell * np.log(np.where(cell > 0, cell, 1))).sum(axis=1)
        ratio = np.where(kind > 0, kind / np.array(degen.PRIOR), 1)
        divergence = (kind * np.log(ratio)).sum(axis=1)
        np.testing.assert_allclose(bonus[turn], (entropy - divergence).sum(), rtol=1e-4)
        mask = rows.obs[turn][counts][:, -75:]
        assert chances.reshape(len(chances), -1)[mask == 0].max() == 0


def test_never_a_cell_twice_and_never_a_second_goal(trained):
    """Whatever it has learned: an action is among those that its mask leaves."""
    rows = jax.tree.map(np.asarray, trained[3])
    counts = ~rows.is_last
    mask = np.take_along_axis(rows.obs[..., -75:], rows.action[..., None], -1)[..., 0]
    assert (mask[counts] == 1).all()
    goals = ((rows.action % 3 == 2) & counts).sum(axis=1)
    assert goals.max() == 1


def test_builder_learns_from_what_it_is_paid(monkeypatch):
    """A round of a walker that learns nothing: the builder after it is that of an update on the rows with the pay."""
    seen = {}

    def hire(recipe, *, obs, actions, is_masked, key):
        del key
        return start_ppo(draw_net(obs, actions, 1, is_masked=is_masked), recipe)

    def unfold_seen(*args, **keys):
        seen["unfolded"] = unfold(*args, **keys)
        return seen["unfolded"]

    def improve_seen(recipe, learner, stretch, *, key):
        seen["recipe"], seen["key"] = recipe, key
        return improve(recipe, learner, stretch, key=key)

    monkeypatch.setattr(degen, "unfold", unfold_seen)
    monkeypatch.setattr(degen, "improve", improve_seen)
    tutor = degen.make_degen(
        GROUND._replace(hire=hire),
        Wishes(builder_rate=1e-2, builder_epochs=1, builder_minibatches=1),
    )
    walker = draw_net(*WALKER)
    nothing, number = jnp.zeros(1), jnp.zeros(1, jnp.int32)
    report = MuzeroReport(Losses(*[nothing] * 6, number > 0, number, number), jnp.zeros(()))
    craft = make_ppo_craft(PpoRecipe(lanes=LANES, steps=STEPS), lambda *, key: walker)
    lesson = Lesson(
        world=make_maze(observation="bits"),
        pack=pack_unchecked,
        measure=lambda level: Size(*measure_maze(level)),
        selector=tutor,
        scorer=scores.METHOD["Scorer"]["mna"],
        craft=craft._replace(practise=lambda learner, stretch, *, key: (learner, report)),
    )
    state = tutor.begin(key=jax.random.key(0))

    @eqx.filter_jit
    def teach(state, key):
        _, after, brought = tutor.teach(lesson, start_ppo(walker, PpoRecipe()), state, key=key)
        paid = degen.pay_builder(seen["unfolded"], discount=craft.discount, trace=craft.trace)
        wanted, _ = improve(seen["recipe"], state.builder, paid, key=seen["key"])
        return after.builder, wanted, brought.told["builder_pay"], paid.rows.reward

    after, wanted, pay, reward = teach(state, jax.random.key(5))
    assert np.asarray(reward).max() > 0
    assert float(pay) == pytest.approx(np.asarray(reward).sum(axis=0).mean(), rel=1e-5)
    pairs = zip(jax.tree.leaves(after.net), jax.tree.leaves(wanted.net), strict=True)
    for one, other in pairs:
        if eqx.is_array(one):
            np.testing.assert_allclose(one, other, atol=1e-4)

"""PAIRED: the regret that is paid, and a builder that moves to where the pay is."""

import math
from functools import partial
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Plan, Player
from alpha_factory.curriculum import (
    Ground,
    Lesson,
    Returns,
    Size,
    Wishes,
    discounted_returns,
    draw_rooms,
    make_builder_recipe,
    measure_rooms,
    settle_wishes,
)
from alpha_factory.learn import (
    Craft,
    Losses,
    MuzeroReport,
    PpoRecipe,
    improve,
    start_ppo,
)
from alpha_factory.methods import paired, scores
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import collect_lanes, make_sampler, start_lanes
from alpha_factory.worlds import draw_maze, make_building, measure_maze
from reference.drift import DRIFT, Slope
from reference.scores import Step, returns

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

SIDE, LANES = 3, 16


def draw(*, key, walls, generator):
    assert generator == "empty"
    return draw_maze(side=SIDE, walls=walls, key=key)


def hire(recipe, *, obs, actions, key):
    net = ActorCritic(obs, actions, memory="gru", width=8, embed=8, head=8, key=key)
    return start_ppo(net, recipe)


def enrol(*, key):
    return hire(PpoRecipe(), obs=(54,), actions=3, key=key)


GROUND = Ground(LANES, draw, None, enrol=enrol, hire=hire)
REGRET = {best: jax.jit(partial(paired.find_regret, is_best=best)) for best in (True, False)}
EARNED = jax.jit(partial(discounted_returns, discount=0.9))


@given(
    st.lists(
        st.tuples(*(st.lists(st.floats(-1, 1, width=32), max_size=4) for _ in range(2))),
        min_size=LANES,
        max_size=LANES,
    )
)
def test_regret_is_the_antagonists_best_less_the_protagonists_mean(lanes):
    def gather(side):
        episodes = [one[side] for one in lanes]
        return Returns(
            jnp.array([sum(one) for one in episodes], jnp.float32),
            jnp.array([max(one, default=-math.inf) for one in episodes], jnp.float32),
            jnp.array([len(one) for one in episodes], jnp.int32),
        )

    for is_best, told in REGRET.items():
        wanted = []
        for rival, own in lanes:
            best = (max(rival) if is_best else np.mean(rival)) if rival else 0.0
            wanted.append(max(0.0, best - (np.mean(own) if own else 0.0)))
        np.testing.assert_allclose(told(gather(0), gather(1)), wanted, atol=1e-5)


def add_up(reward, is_end, is_last):
    """Returns of the episodes of each lane, step by step, discounted by 0.9."""
    told = []
    for lane in range(reward.shape[1]):
        steps, passed = [], 0
        for row in range(reward.shape[0]):
            if not is_last[row, lane]:
                paid = 0.9**passed * float(reward[row, lane])
                steps.append(Step(paid, 0.0, 0.0, bool(is_end[row, lane]), False, False))
                passed += 1
            if is_end[row, lane]:
                passed = 0
        told.append(returns(steps))
    return told


def test_returns_of_episodes_are_discounted_from_their_start():
    source = np.random.default_rng(0)
    time, lanes = 30, 5
    reward = source.normal(size=(time, lanes)).astype(np.float32)
    is_end = source.random((time, lanes)) < 0.15
    is_last = np.zeros_like(is_end)
    for row in range(1, time):
        is_last[row] = is_end[row - 1]
        is_end[row] &= ~is_last[row]
    told = add_up(reward, is_end, is_last)
    found = EARNED(*map(jnp.asarray, (reward, is_end, is_last)))
    np.testing.assert_allclose(found.total, [sum(one) for one in told], atol=1e-5)
    np.testing.assert_allclose(found.best, [max(one, default=-math.inf) for one in told], atol=1e-5)
    assert found.ended.tolist() == [len(one) for one in told]


def test_builder_is_paid_for_its_last_step_and_moves_to_where_the_pay_is():
    """One wall, goal and agent on nine cells, paid where the goal is in the middle, as if that were regret."""
    site = make_building(side=measure_rooms(GROUND), walls=1)
    recipe = make_builder_recipe(
        GROUND, settle_wishes(Wishes(builder_rate=1e-2), paired.PUBLISHED), steps=3
    )
    learner = hire(recipe, obs=(site.features,), actions=site.actions, key=jax.random.key(0))

    @eqx.filter_jit
    def train(learner, keys):
        arrays, static = eqx.partition(learner, eqx.is_array)

        def turn(arrays, key):
            learner = eqx.combine(arrays, static)
            rooms = draw_rooms(GROUND, key=key)
            lanes = start_lanes(site, make_sampler(), learner.net, rooms, key=key)
            built = collect_lanes(site, make_sampler(), learner.net, lanes, steps=3, key=key)
            pay = (built.lanes.state.goal == 4).astype(jnp.float32)
            paid = paired.pay_at_the_end(built, pay)
            learner, _ = improve(recipe, learner, paid, key=key)
            return eqx.filter(learner, eqx.is_array), (paid.rows.reward, jnp.mean(pay))

        return jax.lax.scan(turn, arrays, keys)[1]

    reward, pay = train(learner, jax.random.split(jax.random.key(1), 20))
    assert not np.asarray(reward)[:, :-1].any()
    assert np.mean(pay[:3]) < 0.4
    assert np.mean(pay[-5:]) > 0.8


def walk(chance, obs, is_first, carry, *, key):
    """Goes right with a chance, to where more and more is paid, and else stays where nothing is."""
    del obs
    action = jnp.where(jax.random.uniform(key, is_first.shape) < chance, 2, 1).astype(jnp.int32)
    return Plan(action, jax.nn.one_hot(action, 3), jnp.zeros(is_first.shape)), carry


@pytest.fixture(scope="module")
def taught(quick_compilation):
    """A round with a student and an antagonist that go right with these chances, and all that passed in it."""
    seen = {}
    nothing, number = jnp.zeros(1), jnp.zeros(1, jnp.int32)
    report = MuzeroReport(Losses(*[nothing] * 6, number > 0, number, number), jnp.zeros(()))
    tutor = paired.make_paired(GROUND, Wishes(walls=1, builder_rate=1e-2))
    lesson = Lesson(
        world=DRIFT,
        pack=lambda level: Slope(*jnp.zeros_like(level.start)),
        measure=lambda level: Size(*measure_maze(level)),
        selector=tutor,
        scorer=scores.METHOD["Scorer"]["pvl"],
        craft=Craft(
            player=Player(lambda chance, lanes: jnp.zeros(lanes), walk),
            begin=enrol,
            show=lambda chance: chance,
            practise=lambda chance, stretch, *, key: (chance, report),
            steps=14,
            discount=0.9,
            trace=0.8,
        ),
    )

    def practise(*args, **keys):
        both = paired_practise(*args, **keys)
        seen["walks"] = [stretch.rows for _, stretch, _ in both]
        return both

    def improve_builder(recipe, learner, stretch, *, key):
        seen["update"] = stretch, key
        seen["recipe"] = recipe
        return improve(recipe, learner, stretch, key=key)

    @eqx.filter_jit
    def teach(builder, chances):
        state = paired.Rivals(builder, chances[1])
        _, after, brought = tutor.teach(lesson, chances[0], state, key=jax.random.key(3))
        return after.builder, brought, seen["walks"], seen["update"]

    paired_practise = paired.practise
    builder = tutor.begin(key=jax.random.key(4)).builder

    def play(own, rival):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(paired, "practise", practise)
            patch.setattr(paired, "improve", improve_builder)
            after, brought, walks, update = teach(builder, jnp.array([own, rival], jnp.float32))
        return SimpleNamespace(
            before=builder,
            after=after,
            brought=brought,
            walks=walks,
            update=update,
            recipe=seen["recipe"],
        )

    return play


@pytest.mark.parametrize("own", [0.0, 0.3])
def test_regret_of_the_student_is_what_the_builder_learns_from(taught, own):
    """A student that never gets anywhere, and one that does at times; the antagonist does more often."""
    turn = taught(own, 0.6)
    student, rival = (
        add_up(
            *map(np.asarray, (rows.reward, rows.is_terminated | rows.is_truncated, rows.is_last))
        )
        for rows in turn.walks
    )
    assert all(sum(one) > 0 for one in rival)
    assert any(sum(one) > 0 for one in student) == (own > 0)
    regret = [
        max(0.0, max(best) - np.mean(mean)) for best, mean in zip(rival, student, strict=True)
    ]
    assert float(turn.brought.told["regret"]) == pytest.approx(np.mean(regret), rel=1e-4)
    stretch, key = turn.update
    wanted = np.zeros(stretch.rows.reward.shape, np.float32)
    wanted[-1] = regret
    np.testing.assert_allclose(stretch.rows.reward, wanted, rtol=1e-4, atol=1e-5)
    paid = stretch._replace(
        rows=eqx.tree_at(lambda rows: rows.reward, stretch.rows, jnp.asarray(wanted))
    )
    learner, _ = eqx.filter_jit(improve)(turn.recipe, turn.before, paid, key=key)
    pairs = zip(jax.tree.leaves(learner.net), jax.tree.leaves(turn.after.net), strict=True)
    for one, other in pairs:
        if eqx.is_array(one):
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_settings_that_paired_can_not_have_are_refused():
    with pytest.raises(UsageError, match=r"Unknown antagonist 'best'.*Choices: max, mean"):
        paired.make_paired(GROUND, Wishes(antagonist="best"))
    with pytest.raises(UsageError, match=r"builder_minibatches=3 do not divide levels.lanes=16"):
        paired.make_paired(GROUND, Wishes(builder_minibatches=3, walls=2))

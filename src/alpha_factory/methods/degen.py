"""DEGen (Mead et al. 2026): a builder makes the maze while the student walks in it, and is paid step by step.

A maze begins with the student's cell alone. Before each of its rows, while its view of 5 x 5 cells holds some that were
not made yet, the builder chooses one of them, and what it becomes: floor, wall or, once in a maze, the goal. It is paid
the maximised negative advantage of `methods.mna`, each step's share to the action after which the step was taken,

    pay(a) = Chat sum_{t after a, before the next action} -A_t,

where Chat is 1 if the student solved the maze in the round and else 0. There is no antagonist and no buffer. The
builder's two choices are independent given what it sees, and its entropy bonus holds the kinds near those of a prior,

    H(cell) - KL(kind || (0.495, 0.495, 0.01)).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.curriculum import (
    BUILDER_ACTIONS,
    BUILDER_SEES,
    Design,
    Ground,
    Lesson,
    Round,
    Tutor,
    Unfolded,
    Wishes,
    choose_fresh,
    draw_rooms,
    find_out,
    make_builder_recipe,
    measure_rooms,
    negative_advantages,
    settle_wishes,
    sum_up,
    unfold,
)
from alpha_factory.learn import PpoLearner, improve
from alpha_factory.rollout import Stretch
from alpha_factory.worlds import begin_unfolding, is_goal_placed, settle_unfolding

PUBLISHED = Wishes(
    builder_rate=1e-3,
    builder_entropy=0.05,
    builder_discount=0.99,
    builder_trace=0.95,
    builder_clip=0.2,
    builder_epochs=4,
    builder_minibatches=4,
)
PRIOR = (0.495, 0.495, 0.01)
"""Chances of floor, wall and goal that the entropy bonus is taken against."""


class Designer(eqx.Module):
    """What DEGen remembers."""

    builder: PpoLearner


def make_degen(ground: Ground, wishes: Wishes) -> Tutor:
    """DEGen.

    Raises:
        UsageError: the builder's minibatches don't divide the lanes.
    """
    settled, hire = settle_wishes(wishes, PUBLISHED), ground.hire
    assert hire is not None, "a run gives learners"
    places, _ = BUILDER_ACTIONS
    recipe = make_builder_recipe(
        ground,
        settled,
        steps=measure_rooms(ground) ** 2 - 1,
        prior=tuple(math.log(chance) for chance in PRIOR) * places,
    )

    def begin(*, key: PRNGKeyArray) -> Designer:
        return Designer(
            hire(
                recipe,
                obs=(BUILDER_SEES,),
                actions=BUILDER_ACTIONS,
                is_masked=True,
                key=key,
            )
        )

    def teach(
        lesson: Lesson, learner: Any, state: Designer, *, key: PRNGKeyArray
    ) -> tuple[Any, Designer, Round]:
        craft = lesson.craft
        key_rooms, key_unfold, key_learn, key_build = jax.random.split(key, 4)
        rooms = draw_rooms(ground, key=key_rooms)
        unfolded = unfold(
            craft.player,
            craft.show(learner),
            state.builder.net,
            jax.vmap(begin_unfolding)(rooms),
            steps=craft.steps,
            key=key_unfold,
        )
        walked, known = unfolded.walked, unfolded.walked.lanes.level
        choice = choose_fresh(jax.vmap(settle_unfolding)(rooms, known), is_practised=True)
        findings = find_out(lesson, choice, walked)
        learner, report = craft.practise(learner, walked, key=key_learn)
        paid = pay_builder(unfolded, discount=craft.discount, trace=craft.trace)
        builder, of_builder = improve(recipe, state.builder, paid, key=key_build)
        size = jax.vmap(lesson.measure)(choice.level)
        has_way, has_goal = jnp.isfinite(size.path), jax.vmap(is_goal_placed)(known)
        told = {
            "builder_steps": paid.attempts.frames,
            "builder_pay": jnp.mean(jnp.sum(paid.rows.reward, axis=0)),
            "built_goals": jnp.mean(has_goal.astype(jnp.float32)),
            "built_walls": jnp.mean(size.walls.astype(jnp.float32), where=has_goal),
            "built_path": jnp.mean(size.path, where=has_way),
        }
        others = {"builder": of_builder}
        brought = sum_up(
            lesson,
            choice,
            walked,
            findings,
            report,
            others=others,
            beside=paid.attempts.frames,
            told=told,
        )
        return learner, Designer(builder), brought

    return Tutor(begin, teach, tell=lambda state: {}, score="mna", is_unfolding=True)


def pay_builder(unfolded: Unfolded, *, discount: float, trace: float) -> Stretch:
    """The builder's rows with what it is paid for each of them.

    Args:
        discount, trace: the student's, by which the negative advantage goes.
    """
    walked, built = unfolded.walked, unfolded.built
    rows = walked.rows
    loss = -negative_advantages(
        rows.reward,
        rows.value,
        rows.is_terminated,
        rows.is_last,
        walked.last_value,
        discount=discount,
        trace=trace,
    )
    loss = jnp.where((walked.attempts.solved > 0)[None], loss, 0.0)
    pay = route_pay(loss, unfolded.made, actions=built.rows.reward.shape[0])
    return built._replace(rows=eqx.tree_at(lambda rows: rows.reward, built.rows, pay))


def route_pay(
    loss: Float[Array, "time lanes"], made: Int[Array, "time lanes"], *, actions: int
) -> Float[Array, "actions lanes"]:
    """Each row's to the action that was the last before it, added up.

    Args:
        made: actions before each row. What comes before the first of them is nobody's.
    """
    target = jnp.where(made > 0, made - 1, actions)
    lane = jnp.arange(loss.shape[1])[None] + jnp.zeros_like(target)
    return jnp.zeros((actions, loss.shape[1])).at[target, lane].add(loss, mode="drop")


METHOD = {"Selector": {"degen": Design(make_degen, PUBLISHED)}}

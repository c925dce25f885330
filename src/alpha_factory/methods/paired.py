"""PAIRED (Dennis et al. 2020): protagonist and antagonist, and a builder that is paid the regret of the first.

In every round the builder makes a maze for each lane, cell by cell; then student (the protagonist) and antagonist play
it, and all three learn; the builder by PPO. It is paid once, for its last step,

    regret = max(0, max_episodes U(antagonist) - mean_episodes U(protagonist)),   U = sum_t gamma^t r_t

so that it looks for what the one can do and the other can't yet: harder and harder, but possible. If the three come to
an equilibrium, the protagonist's policy is one of minimax regret.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.curriculum import (
    Design,
    Ground,
    Lesson,
    Returns,
    Round,
    Tutor,
    Wishes,
    choose_fresh,
    discounted_returns,
    draw_rooms,
    find_out,
    make_builder_recipe,
    measure_rooms,
    play_levels,
    settle_wishes,
    sum_up,
)
from alpha_factory.learn import MuzeroReport, PpoLearner, PpoReport, improve
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import Rows, Stretch, collect_lanes, make_sampler, start_lanes
from alpha_factory.worlds import GridLevel, finish_building, make_building

PUBLISHED = Wishes(
    walls=25,
    antagonist="max",
    builder_rate=1e-4,
    builder_entropy=1e-3,
    builder_discount=0.995,
    builder_trace=0.98,
    builder_clip=0.2,
    builder_epochs=5,
    builder_minibatches=1,
)
ANTAGONISTS = ("max", "mean")
"""What counts of the antagonist's episodes."""


class Rivals(eqx.Module):
    """What PAIRED remembers."""

    builder: PpoLearner
    antagonist: Any  # what the student is


def make_paired(ground: Ground, wishes: Wishes) -> Tutor:
    """PAIRED.

    Raises:
        UsageError: neither the highest nor the mean return of the antagonist is to count, or the builder's
            minibatches don't divide the lanes.
        ValueError: so many walls leave no room for the agent and the goal.
    """
    settled = settle_wishes(wishes, PUBLISHED)
    if settled.antagonist not in ANTAGONISTS:
        raise unknown("antagonist", str(settled.antagonist), ANTAGONISTS)
    is_best = settled.antagonist == "max"
    walls, enrol, hire = settled.walls or 0, ground.enrol, ground.hire
    assert enrol is not None, "a run gives learners"
    assert hire is not None, "a run gives learners"
    site = make_building(side=measure_rooms(ground), walls=walls)
    recipe, sampler = make_builder_recipe(ground, settled, steps=walls + 2), make_sampler()

    def begin(*, key: PRNGKeyArray) -> Rivals:
        key_builder, key_antagonist = jax.random.split(key)
        builder = hire(recipe, obs=(site.features,), actions=site.actions, key=key_builder)
        return Rivals(builder, enrol(key=key_antagonist))

    def build(net: ActorCritic, *, key: PRNGKeyArray) -> tuple[GridLevel, Stretch]:
        key_rooms, key_start, key_steps = jax.random.split(key, 3)
        rooms = draw_rooms(ground, key=key_rooms)
        lanes = start_lanes(site, sampler, net, rooms, key=key_start)
        built = collect_lanes(site, sampler, net, lanes, steps=recipe.steps, key=key_steps)
        return jax.vmap(finish_building)(rooms, built.lanes.state), built

    def teach(
        lesson: Lesson, learner: Any, state: Rivals, *, key: PRNGKeyArray
    ) -> tuple[Any, Rivals, Round]:
        craft = lesson.craft
        key_build, key_own, key_rival, key_learn = jax.random.split(key, 4)
        levels, built = build(state.builder.net, key=key_build)
        both = practise(lesson, (learner, state.antagonist), levels, keys=(key_own, key_rival))
        (learner, own, report), (antagonist, rival, of_rival) = both
        earned, earned_by_rival = (
            _sum_returns(stretch.rows, craft.discount) for stretch in (own, rival)
        )
        regret = find_regret(earned_by_rival, earned, is_best=is_best)
        paid = pay_at_the_end(built, regret)
        builder, of_builder = improve(recipe, state.builder, paid, key=key_learn)
        choice = choose_fresh(levels, is_practised=True)
        findings = find_out(lesson, choice, own)
        size, ended = jax.vmap(lesson.measure)(levels), jnp.sum(rival.attempts.ended)
        is_possible = jnp.isfinite(size.path)
        told = {
            "regret": jnp.mean(regret),
            "antagonist_solve_rate": jnp.sum(rival.attempts.solved) / ended.astype(jnp.float32),
            "antagonist_frames": rival.attempts.frames,
            "builder_steps": built.attempts.frames,
            "built_walls": jnp.mean(size.walls.astype(jnp.float32)),
            "built_path": jnp.mean(size.path, where=is_possible),
        }
        others = {"antagonist": of_rival, "builder": of_builder}
        beside = rival.attempts.frames + built.attempts.frames
        brought = sum_up(
            lesson, choice, own, findings, report, others=others, beside=beside, told=told
        )
        return learner, Rivals(builder, antagonist), brought

    return Tutor(begin, teach, tell=lambda state: {}, score="pvl")


def practise(
    lesson: Lesson,
    players: tuple[Any, Any],
    levels: GridLevel,
    *,
    keys: tuple[PRNGKeyArray, PRNGKeyArray],
) -> list[tuple[Any, Stretch, PpoReport | MuzeroReport]]:
    """Let each of two players play the levels and learn from it: one program, gone through twice."""
    craft = lesson.craft
    parts = [eqx.partition(player, eqx.is_array) for player in players]
    static = parts[0][1]

    def take_turn(
        turn: tuple[Any, PRNGKeyArray],
    ) -> tuple[Any, Stretch, PpoReport | MuzeroReport]:
        player = eqx.combine(turn[0], static)
        key_start, key_play, key_learn = jax.random.split(turn[1], 3)
        stretch = play_levels(lesson, craft.show(player), levels, keys=(key_start, key_play))
        player, report = craft.practise(player, stretch, key=key_learn)
        return eqx.filter(player, eqx.is_array), stretch, report

    arrays = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(part for part, _ in parts))
    told = jax.lax.map(take_turn, (arrays, jnp.stack(keys)))
    apart = [jax.tree.map(lambda leaf, turn=turn: leaf[turn], told) for turn in range(2)]
    return [(eqx.combine(player, static), *rest) for player, *rest in apart]


def find_regret(
    antagonist: Returns, protagonist: Returns, *, is_best: bool
) -> Float[Array, " lanes"]:
    """What the antagonist got on each level, at best or on the mean, less the protagonist's mean; at least 0.

    A player of whom no episode ended got nothing.
    """
    rival = antagonist.best if is_best else _mean(antagonist)
    rival = jnp.where(antagonist.ended > 0, rival, 0.0)
    return jnp.maximum(rival - _mean(protagonist), 0.0)


def pay_at_the_end(built: Stretch, pay: Float[Array, " lanes"]) -> Stretch:
    """The builder's rows, the last of which is paid."""
    rows = eqx.tree_at(lambda rows: rows.reward, built.rows, built.rows.reward.at[-1].set(pay))
    return built._replace(rows=rows)


def _sum_returns(rows: Rows, discount: float) -> Returns:
    is_end = rows.is_terminated | rows.is_truncated
    return discounted_returns(rows.reward, is_end, rows.is_last, discount=discount)


def _mean(returns: Returns) -> Float[Array, " lanes"]:
    return returns.total / jnp.maximum(returns.ended, 1).astype(jnp.float32)


METHOD = {"Selector": {"paired": Design(make_paired, PUBLISHED)}}

"""Rounds of environment design: choose levels, play them, score them, and learn where the method says so.

A lane plays its level from a fresh start, again and again, for all rows of the round; nothing is carried from one
round to the next but what the learner and the selector keep.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from alpha_factory.core.types import Level, Params, World
from alpha_factory.curriculum.buffer import Visit
from alpha_factory.curriculum.identity import NOWHERE, find_slots
from alpha_factory.curriculum.scores import l1_value_loss
from alpha_factory.curriculum.selector import Choice, Findings, Selector, State, Tutor
from alpha_factory.learn import Craft, MuzeroReport, PpoReport
from alpha_factory.learn.gae import estimate_advantages
from alpha_factory.rollout import Posterior, ground
from alpha_factory.rollout.recurrent import (
    Attempts,
    Lanes,
    Rows,
    Stretch,
    collect_lanes,
    start_lanes,
)


class Evidence(NamedTuple):
    """What a score goes by: a rollout that played every level over and over."""

    level: Level  # as the selector chose it
    rows: Rows
    attempts: Attempts  # of these rows and, in scouting, of those after them
    last_value: Float[Array, " lanes"]  # of the state after the last row
    advantage: Float[Array, "time lanes"]
    max_return: Float[Array, " lanes"]  # of any episode known to have ended there; -inf if none has
    discount: float
    trace: float


Learner = Any
"""What a `Craft` begins with and practises: an `eqx.Module`."""

Report = PpoReport | MuzeroReport
"""What updates brought."""

Scorer = Callable[[Evidence], Float[Array, " lanes"]]
"""What a level promises to teach, one number a lane; what can't be told is not finite."""


class Size(NamedTuple):
    """How large a level is."""

    walls: Int[Array, ""]
    path: Float[Array, ""]  # cells from the start to the goal; infinite if there is no way


class Lesson(NamedTuple):
    """How rounds are played; nothing here changes while they are."""

    world: World
    pack: Callable[[Level], Level]  # a level as it is chosen to one as the world plays it
    measure: Callable[[Level], Size]
    selector: Selector | Tutor
    scorer: Scorer
    craft: Craft
    posterior: Posterior | None = None  # of what levels hide, where learning is by the true odds


class Round(eqx.Module):
    """What a round brought, or a row of them."""

    report: Report  # numbers are NaN, counts 0, in a round without practice
    is_practised: Bool[Array, "*rounds"]
    played: Int[Array, "*rounds"]  # lanes
    replayed: Int[Array, "*rounds"]  # lanes on levels that the selector kept
    ended: Int[Array, "*rounds"]  # episodes
    solved: Int[Array, "*rounds"]
    total: Float[Array, "*rounds"]  # undiscounted returns, added up
    frames: Int[Array, "*rounds"]  # the student's
    beside: Int[Array, "*rounds"]  # env steps of all others: rivals, builders, and steps not taken
    score: Float[Array, "*rounds"]  # mean of those that are finite; NaN if none is
    refused: Int[Array, "*rounds"]  # scores that are not finite
    lost: Int[Array, "*rounds"]  # levels without a way to the goal
    walls: Float[Array, "*rounds"]  # mean of replayed levels; NaN if there is none
    path: Float[Array, "*rounds"]  # mean of replayed levels that have a way; NaN if there is none
    others: dict[str, Report]  # of the learners that the method has beside the student, by name
    told: dict[str, Shaped[Array, "*rounds"]]  # by the method: numbers, and whole ones that add up


def play_rounds(
    lesson: Lesson, learner: Learner, state: State, *, rounds: int, key: PRNGKeyArray
) -> tuple[Learner, State, Round]:
    """So many rounds, one after the other; leading axis of what they brought: `rounds`."""
    arrays, static = eqx.partition((learner, state), eqx.is_array)

    def turn(arrays: Any, key: PRNGKeyArray) -> tuple[Any, Round]:
        learner, state, brought = play_round(lesson, *eqx.combine(arrays, static), key=key)
        return eqx.filter((learner, state), eqx.is_array), brought

    arrays, brought = jax.lax.scan(turn, arrays, jax.random.split(key, rounds))
    return *eqx.combine(arrays, static), brought


def play_round(
    lesson: Lesson, learner: Learner, state: State, *, key: PRNGKeyArray
) -> tuple[Learner, State, Round]:
    """Choose, play, score, take, and learn if the round is one of practice; or what the method has in its place."""
    if isinstance(lesson.selector, Tutor):
        return lesson.selector.teach(lesson, learner, state, key=key)
    key_choose, key_start, key_play, key_learn = jax.random.split(key, 4)
    state, choice = lesson.selector.choose(state, key=key_choose)
    params = lesson.craft.show(learner)
    stretch = play_levels(lesson, params, choice.level, keys=(key_start, key_play))
    if (rounds := count_rounds(lesson)) > 1:
        more = jnp.where(choice.is_practised, 0, rounds - 1)
        stretch = play_on(lesson, params, stretch, times=more, key=jax.random.fold_in(key, 4))
    findings = find_out(lesson, choice, stretch)
    state = lesson.selector.take(state, choice, findings)
    learner, report = _practise(lesson.craft, learner, stretch, choice.is_practised, key=key_learn)
    return learner, state, sum_up(lesson, choice, stretch, findings, report)


def play_levels(
    lesson: Lesson,
    params: Params,
    level: Level,
    *,
    keys: tuple[PRNGKeyArray, PRNGKeyArray],
) -> Stretch:
    """Every lane plays its level from a fresh start, again and again.

    Args:
        params: what the craft's player acts with.
        level: as a method chooses it, one for each lane.
        keys: for the starts, and for what follows.
    """
    packed, craft = jax.vmap(lesson.pack)(level), lesson.craft
    lanes = start_lanes(lesson.world, craft.player, params, packed, key=keys[0])
    stretch = collect_lanes(
        lesson.world,
        craft.player,
        params,
        lanes,
        steps=craft.steps,
        posterior=lesson.posterior,
        key=keys[1],
    )
    if lesson.posterior is None:
        return stretch
    return ground(stretch, discount=craft.discount)


def count_rounds(lesson: Lesson) -> int:
    """How many times the rows of a round a round without practice has."""
    wanted = lesson.selector.scout_steps if isinstance(lesson.selector, Selector) else None
    return 1 if wanted is None else math.ceil(wanted / lesson.craft.steps)


def play_on(
    lesson: Lesson,
    params: Params,
    stretch: Stretch,
    *,
    times: Int[Array, ""] | int,
    key: PRNGKeyArray,
) -> Stretch:
    """Let the lanes of a round go on for the rows of so many more, of which only the episodes are kept.

    Episodes go on from one to the next, so that a failure counts as much as a success, however many rows it takes.

    Returns:
        The stretch as it was, with the attempts of all rows; its lanes are those after the last.
    """

    def go_on(turn: Int[Array, ""], carry: tuple[Lanes, Attempts]) -> tuple[Lanes, Attempts]:
        lanes, attempts = carry
        more = collect_lanes(
            lesson.world,
            lesson.craft.player,
            params,
            lanes,
            steps=lesson.craft.steps,
            key=jax.random.fold_in(key, turn),
        )
        return more.lanes, _join(attempts, more.attempts)

    lanes, attempts = jax.lax.fori_loop(0, times, go_on, (stretch.lanes, stretch.attempts))
    return stretch._replace(lanes=lanes, attempts=attempts)


def find_out(lesson: Lesson, choice: Choice, stretch: Stretch) -> Findings:
    """What the rollout says of each level."""
    attempts, evidence = stretch.attempts, gather_evidence(lesson, choice, stretch)
    return Findings(
        visit=Visit(lesson.scorer(evidence), attempts.best, attempts.solved > 0),
        mean_return=attempts.total / jnp.maximum(attempts.ended, 1).astype(jnp.float32),
        value_loss=l1_value_loss(evidence.advantage, evidence.rows.is_last),
    )


def gather_evidence(lesson: Lesson, choice: Choice, stretch: Stretch) -> Evidence:
    """What any score of a rollout goes by."""
    rows, craft, best = stretch.rows, lesson.craft, stretch.attempts.best
    first = find_slots(choice.level, choice.level, jnp.ones(best.size, bool))
    # A level that is played in several lanes is one level, and has one greatest return.
    best = jnp.max(jnp.where(first[:, None] == first[None], best[None], -jnp.inf), axis=1)
    return Evidence(
        level=choice.level,
        rows=rows,
        attempts=stretch.attempts,
        last_value=stretch.last_value,
        advantage=estimate_advantages(
            rows.reward,
            rows.value,
            rows.is_terminated,
            rows.is_last,
            stretch.last_value,
            discount=craft.discount,
            trace=craft.trace,
        ),
        max_return=jnp.maximum(choice.max_return, best),
        discount=craft.discount,
        trace=craft.trace,
    )


def _join(one: Attempts, other: Attempts) -> Attempts:
    return Attempts(
        ended=one.ended + other.ended,
        solved=one.solved + other.solved,
        total=one.total + other.total,
        best=jnp.maximum(one.best, other.best),
        frames=one.frames + other.frames,
    )


def _practise(
    craft: Craft,
    learner: Learner,
    stretch: Stretch,
    is_practised: Bool[Array, ""],
    *,
    key: PRNGKeyArray,
) -> tuple[Learner, Report]:
    arrays, static = eqx.partition(learner, eqx.is_array)

    def learn(arrays: Learner) -> tuple[Learner, Report]:
        learner, report = craft.practise(eqx.combine(arrays, static), stretch, key=key)
        return eqx.filter(learner, eqx.is_array), report

    def pass_over(arrays: Learner) -> tuple[Learner, Report]:
        shapes = jax.eval_shape(learn, arrays)[1]

        def leave_out(leaf: jax.ShapeDtypeStruct) -> Array:
            is_number = jnp.issubdtype(leaf.dtype, jnp.floating)
            return jnp.full(leaf.shape, jnp.nan if is_number else 0, leaf.dtype)

        return arrays, jax.tree.map(leave_out, shapes)

    arrays, report = jax.lax.cond(is_practised, learn, pass_over, arrays)
    return eqx.combine(arrays, static), report


def sum_up(
    lesson: Lesson,
    choice: Choice,
    stretch: Stretch,
    findings: Findings,
    report: Report,
    *,
    others: Mapping[str, Report] | None = None,
    beside: Int[Array, ""] | int = 0,
    told: dict[str, Array] | None = None,
) -> Round:
    """What a round brought, as it is logged.

    Args:
        others: what the updates of the method's own learners brought, by name.
        beside: env steps that these took. Steps that the student only imagined are added.
        told: numbers of the method's own.
    """
    attempts, score = stretch.attempts, findings.visit.score
    size = jax.vmap(lesson.measure)(choice.level)
    is_replayed = choice.slot != NOWHERE
    return Round(
        report=report,
        is_practised=choice.is_practised,
        played=jnp.int32(is_replayed.size),
        replayed=jnp.sum(is_replayed, dtype=jnp.int32),
        ended=jnp.sum(attempts.ended),
        solved=jnp.sum(attempts.solved),
        total=jnp.sum(attempts.total),
        frames=attempts.frames,
        beside=beside + _count_imagined(stretch),
        score=_mean(score, jnp.isfinite(score)),
        refused=jnp.sum(~jnp.isfinite(score), dtype=jnp.int32),
        lost=jnp.sum(~jnp.isfinite(size.path), dtype=jnp.int32),
        walls=_mean(size.walls.astype(jnp.float32), is_replayed),
        path=_mean(size.path, is_replayed & jnp.isfinite(size.path)),
        others=dict(others or {}),
        told=told or {},
    )


def _count_imagined(stretch: Stretch) -> Int[Array, ""]:
    """The simulator is stepped once more beside every step that is grounded."""
    taken = jnp.sum(~stretch.rows.is_last, dtype=jnp.int32)
    return jnp.int32(0) if stretch.fiction is None else taken


def _mean(values: Float[Array, " lanes"], is_meant: Bool[Array, " lanes"]) -> Float[Array, ""]:
    number = jnp.sum(is_meant).astype(jnp.float32)
    return jnp.sum(jnp.where(is_meant, values, 0.0)) / number

"""How a student of either learner lives in a pool of worlds: a config in, what POET's programs are made of out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from alpha_factory.core.types import Player, World
from alpha_factory.curriculum import Pool, draw_level
from alpha_factory.learn import (
    Journey,
    Learner,
    PpoLearner,
    Practice,
    Progress,
    Student,
    Traveller,
    Travels,
    keep,
    start_learner,
    start_ppo,
    start_student,
    start_traveller,
    train,
    travel,
)
from alpha_factory.nets import ActorCritic, Model
from alpha_factory.replay import retire
from alpha_factory.rollout import Actors, as_player, make_sampler
from alpha_factory.runs.build import make_ppo_recipe, make_practice, make_untrained, make_world
from alpha_factory.runs.settings.config import PPO, RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.search import make_prior


class Tuition(NamedTuple):
    """Pure functions. A student has a `learner`, which has a `model` (all that is judged and merged), and `actors`."""

    world: World
    player: Player
    """Acts with such a model, without a search: so worlds are judged."""
    begin: Callable[[], Any]
    """`begin() -> learner`: one that has learned nothing."""
    start: Callable[..., Any]
    """`start(learner, pool, *, key) -> student`: in worlds of the pool, without any experience."""
    train: Callable[..., tuple[Any, Any]]
    """`train(student, pool, *, key) -> (student, progress)`: a stretch (`learn.Progress`, `learn.Travels`)."""
    retire: Callable[..., Any]
    """`retire(student, is_leaving, *, key) -> student`: consolidate what the worlds in these slots taught, where the
    learner can, and let their slots go."""


def make_tuition(
    config: RunConfig, spread: Callable[[Practice], Practice] = lambda practice: practice
) -> Tuition:
    """What a config asks for.

    Args:
        spread: lays MuZero's lanes and batches out on many devices.

    Raises:
        UsageError: a setting is out of its limits, or does not go with the others.
    """
    if config.learner == PPO:
        return _teach_ppo(config)
    return _teach_muzero(config, spread(make_practice(config)))


def count_turns(config: RunConfig) -> int:
    """PPO's rounds of acting and updating in a stretch, which has as many rows as one of MuZero; 1 at least."""
    learning, levels = config.learning, config.levels
    rows = config.curriculum.iterations * learning.worlds * learning.steps
    return max(1, round(rows / (levels.lanes * levels.steps)))


def _teach_muzero(config: RunConfig, practice: Practice) -> Tuition:
    learning = config.learning

    def begin() -> Learner:
        model = make_untrained(config)
        assert isinstance(model, Model)
        return start_learner(model, practice.recipe)

    def go_on(student: Student, pool: Pool, *, key: PRNGKeyArray) -> tuple[Student, Progress]:
        return train(practice, student, pool, iterations=config.curriculum.iterations, key=key)

    def let_go(
        student: Student, is_leaving: Bool[Array, " slots"], *, key: PRNGKeyArray
    ) -> Student:
        kept = keep(
            practice,
            student,
            is_leaving,
            sequences=learning.ewc_sequences,
            decay=learning.ewc_decay,
            key=key,
        )
        return Student(kept.learner, retire(kept.ring, is_leaving), _leave(kept.actors, is_leaving))

    return Tuition(
        world=practice.world,
        player=as_player(make_prior()),
        begin=begin,
        start=lambda learner, pool, *, key: start_student(practice, learner, pool, key=key),
        train=go_on,
        retire=let_go,
    )


def _teach_ppo(config: RunConfig) -> Tuition:
    check_limits(config)
    levels = config.levels
    journey = Journey(
        world=make_world(config),
        draw_level=draw_level,
        recipe=make_ppo_recipe(config, lanes=levels.lanes, steps=levels.steps),
        slots=config.curriculum.slots,
    )
    turns = count_turns(config)

    def begin() -> PpoLearner:
        net = make_untrained(config)
        assert isinstance(net, ActorCritic)
        return start_ppo(net, journey.recipe)

    def go_on(student: Traveller, pool: Pool, *, key: PRNGKeyArray) -> tuple[Traveller, Travels]:
        return travel(journey, student, pool, iterations=turns, key=key)

    def let_go(
        student: Traveller, is_leaving: Bool[Array, " slots"], *, key: PRNGKeyArray
    ) -> Traveller:
        del key  # nothing is consolidated
        return Traveller(student.learner, _leave(student.actors, is_leaving))

    return Tuition(
        world=journey.world,
        player=make_sampler(),
        begin=begin,
        start=lambda learner, pool, *, key: start_traveller(journey, learner, pool, key=key),
        train=go_on,
        retire=let_go,
    )


def _leave(actors: Actors, is_leaving: Bool[Array, " slots"]) -> Actors:
    """The worlds in play, of which those that leave won't count for those that come to their slots."""
    slots, slot = is_leaving.size, actors.slot
    # An index beyond the pool is dropped when episodes are counted; beyond it already: it stays.
    is_left = jnp.append(is_leaving, False)[jnp.minimum(slot, slots)]
    return eqx.tree_at(lambda tree: tree.slot, actors, jnp.where(is_left, slots, slot))

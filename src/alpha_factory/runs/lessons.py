"""What a config of levels asks for, made: network, recipe and lesson. Settings in, parts of the stages out."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.types import World
from alpha_factory.curriculum import Ground, Lesson, Size, Wishes, edit_maze
from alpha_factory.learn import PpoLearner, PpoRecipe, make_dpo, start_ppo
from alpha_factory.nets import ActorCritic
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.resolve import resolve, resolve_curriculum
from alpha_factory.runs.settings.config import LevelsConfig, RunConfig
from alpha_factory.runs.settings.limits import MAZE_SIDE, check_limits
from alpha_factory.worlds import (
    GridLevel,
    draw_maze,
    make_grid,
    make_maze,
    measure_maze,
    pack_unchecked,
)

_SEEN = "bits"
"""What a policy sees in mazes: walls and goal of 5 x 5 cells ahead, and its heading."""


class Pupil(eqx.Module):
    """The arrays of a run on chosen levels, between two stretches of rounds."""

    learner: PpoLearner
    selection: Any  # all that the selector remembers


def make_lesson(config: RunConfig) -> Lesson:
    """How rounds of this config are played.

    Raises:
        UsageError: no method has the curriculum or the score, or a setting is out of its limits.
    """
    check_limits(config)
    levels = config.levels
    make_selector = resolve_curriculum(config.curriculum.name, config.learner)
    recipe = make_ppo_recipe(config)
    ground = Ground(
        lanes=levels.lanes,
        draw=partial(_draw, levels),
        edit=_edit,
        enrol=partial(_enrol, config, recipe),
    )
    wishes = Wishes(**{name: getattr(levels, name) for name in Wishes._fields})
    selector = make_selector(ground, wishes)
    return Lesson(
        world=make_maze(observation=_SEEN),
        pack=pack_unchecked,
        measure=lambda level: Size(*measure_maze(level)),
        selector=selector,
        scorer=resolve("Scorer", levels.score or selector.score),
        recipe=recipe,
    )


def make_ppo_recipe(config: RunConfig) -> PpoRecipe:
    """The updates that a config asks for."""
    ppo = config.ppo
    return PpoRecipe(
        lanes=config.levels.lanes,
        steps=config.levels.steps,
        epochs=ppo.epochs,
        minibatches=ppo.minibatches,
        learning_rate=ppo.learning_rate,
        annealed_over=ppo.annealed_over,
        discount=ppo.discount,
        trace=ppo.trace,
        clip=ppo.clip,
        entropy=ppo.entropy,
        value=ppo.value,
        gradient_clip=ppo.gradient_clip,
        drift=make_dpo() if ppo.drift == "dpo" else None,
    )


def make_untrained_policy(config: RunConfig) -> ActorCritic:
    """The policy that a run of this config starts from.

    Raises:
        UsageError: the memory can't have that width.
    """
    return _draw_policy(config, key=derive_key(config.seed, "begin", 0))


def begin_pupil(config: RunConfig, lesson: Lesson) -> Pupil:
    """A run that has done nothing: an untrained policy, and a selector that knows no level."""
    key = jax.random.fold_in(derive_key(config.seed, "begin", 0), 1)
    learner = start_ppo(make_untrained_policy(config), lesson.recipe)
    return Pupil(learner, lesson.selector.begin(key=key))


def make_stand() -> World:
    """Where such a policy is judged and filmed: the grid engine, which plays any level, seen as in training."""
    return make_grid(observation=_SEEN, pays_hidden=True)


def _draw_policy(
    config: RunConfig,
    *,
    obs: tuple[int, ...] | None = None,
    actions: int | tuple[int, ...] | None = None,
    is_masked: bool = False,
    key: PRNGKeyArray,
) -> ActorCritic:
    """An untrained policy of the config's sizes; for mazes, unless it says what else it sees and does."""
    world, ppo = make_maze(observation=_SEEN), config.ppo
    assert world.features is not None
    return ActorCritic(
        obs or (world.features,),
        actions or world.actions,
        memory=ppo.memory,
        width=ppo.width,
        layers=ppo.layers,
        embed=ppo.embed,
        head=ppo.head,
        is_masked=is_masked,
        key=key,
    )


def _enrol(
    config: RunConfig,
    students: PpoRecipe,
    *,
    recipe: PpoRecipe | None = None,
    key: PRNGKeyArray,
    **task: Any,
) -> PpoLearner:
    return start_ppo(_draw_policy(config, key=key, **task), recipe or students)


def _draw(levels: LevelsConfig, *, key: PRNGKeyArray, walls: int, generator: str) -> GridLevel:
    is_empty = generator == "empty"
    return draw_maze(
        side=MAZE_SIDE,
        walls=0 if is_empty else walls,
        number=levels.number,
        step_limit=levels.step_limit,
        key=key,
    )


def _edit(level: GridLevel, *, edits: int, key: PRNGKeyArray) -> GridLevel:
    child, _ = edit_maze(level, edits=edits, key=key)
    return child

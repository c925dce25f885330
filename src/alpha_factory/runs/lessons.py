"""What a config of levels asks for, made: network, recipe and lesson. Settings in, parts of the stages out."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import Ground, Lesson, Selector, Size, Tutor, Wishes
from alpha_factory.learn import PpoLearner, PpoRecipe, make_dpo, start_ppo
from alpha_factory.nets import ActorCritic
from alpha_factory.runs.arenas import make_arena
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.resolve import resolve, resolve_curriculum
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.limits import MAZE, check_limits
from alpha_factory.worlds import measure_maze


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
    arena, recipe = make_arena(levels), make_ppo_recipe(config)
    ground = Ground(
        lanes=levels.lanes,
        draw=arena.draw,
        edit=arena.edit,
        redraw=arena.redraw,
        enrol=partial(_enrol, config, recipe),
    )
    wishes = Wishes(**{name: getattr(levels, name) for name in Wishes._fields})
    selector = make_selector(ground, wishes)
    is_grounded = isinstance(selector, Selector) and selector.is_grounded
    if isinstance(selector, Tutor) and levels.world != MAZE:
        raise UsageError(
            f"{config.curriculum.name} builds plain mazes, not levels.world={levels.world}. Set levels.world={MAZE}."
        )
    return Lesson(
        world=arena.world,
        pack=arena.pack,
        measure=lambda level: Size(*measure_maze(level)),
        selector=selector,
        scorer=resolve("Scorer", levels.score or selector.score),
        recipe=recipe,
        posterior=arena.posterior if is_grounded else None,
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


def _draw_policy(
    config: RunConfig,
    *,
    obs: tuple[int, ...] | None = None,
    actions: int | tuple[int, ...] | None = None,
    is_masked: bool = False,
    key: PRNGKeyArray,
) -> ActorCritic:
    """An untrained policy of the config's sizes; for its world, unless it says what else it sees and does."""
    world, ppo = make_arena(config.levels).world, config.ppo
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

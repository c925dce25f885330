"""What a config of levels asks for, made: craft and lesson. Settings in, parts of the stages out."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import World
from alpha_factory.curriculum import (
    FEWEST_FAILURES,
    Ground,
    Lesson,
    Selector,
    Size,
    Tutor,
    Wishes,
    count_rounds,
)
from alpha_factory.learn import (
    Craft,
    PpoLearner,
    PpoRecipe,
    Scholar,
    make_muzero_craft,
    make_ppo_craft,
    start_ppo,
)
from alpha_factory.runs.arenas import make_arena
from alpha_factory.runs.build import (
    derive_key,
    make_model,
    make_policy,
    make_policy_net,
    make_ppo_recipe,
    make_recipe,
)
from alpha_factory.runs.resolve import resolve, resolve_curriculum
from alpha_factory.runs.settings.config import LEARNABILITY, MUZERO, POET, PPO, RunConfig
from alpha_factory.runs.settings.limits import MAZE, check_limits
from alpha_factory.runs.settings.replay import count_slots
from alpha_factory.worlds import measure_maze

_FEWEST = {LEARNABILITY: FEWEST_FAILURES, "maxmc": 1, "regret": 1}
"""Episodes cut at the step limit for which there must be room, by score. The others than learnability can't be told
before one ended, so with less room a buffer would keep only what is solved at once."""
_OF_EPISODES = (LEARNABILITY, "maxmc")
"""Those that know all episodes of a scouting round; the others see its first rows."""


class Pupil(eqx.Module):
    """The arrays of a run on chosen levels, between two stretches of rounds."""

    learner: PpoLearner | Scholar
    selection: Any  # all that the selector remembers


def make_lesson(config: RunConfig) -> Lesson:
    """How rounds of this config are played.

    Raises:
        UsageError: no method has the curriculum or the score, the learner can't be the method's, or a setting is out
            of its limits.
    """
    check_limits(config)
    levels = config.levels
    design = resolve_curriculum(config.curriculum.name, config.learner)
    assert design is not None, f"{POET} has no rounds"
    arena = make_arena(levels, config.learner)
    craft = _make_craft(config, arena.world)
    ground = Ground(
        lanes=levels.lanes,
        draw=arena.draw,
        edit=arena.edit,
        redraw=arena.redraw,
        enrol=craft.begin,
        hire=partial(_hire, config),
    )
    wishes = Wishes(**{name: getattr(levels, name) for name in Wishes._fields})
    selector = design.make(ground, wishes)
    _check_fit(config, selector)
    score = levels.score or selector.score
    is_grounded = isinstance(selector, Selector) and selector.is_grounded
    return Lesson(
        world=arena.world,
        pack=arena.pack,
        measure=lambda level: Size(*measure_maze(level)),
        selector=selector,
        scorer=resolve("Scorer", score),
        craft=craft,
        posterior=arena.posterior if is_grounded else None,
    )


def check_score(config: RunConfig, lesson: Lesson) -> None:
    """Raise unless the rows that a buffer's score goes by hold episodes enough to tell it, failed ones too.

    For a run that begins: one that there is can be resumed and judged, whatever it kept.

    Raises:
        UsageError: there is no room for them; the message says how to make it.
    """
    levels, selector = config.levels, lesson.selector
    score = levels.score or selector.score
    fewest = _FEWEST.get(score, 0)
    if isinstance(selector, Tutor):  # whose levels nothing is kept of
        return
    is_scouting = selector.scout_steps is not None and score in _OF_EPISODES
    rows = (count_rounds(lesson) if is_scouting else 1) * levels.steps
    episode = levels.step_limit + 1
    if rows >= fewest * episode:
        return
    name = "levels.scout_steps" if is_scouting else "levels.steps"
    ways, shorter = [f"{name}={fewest * episode} or more"], rows // fewest - 1
    if shorter > 0:
        ways.append(f"levels.step_limit={shorter} or less")
    raise UsageError(
        f"The score {score} goes by whole episodes on a level, and in {rows} rows there is room for {rows // episode} "
        f"of the {episode} rows that a failed one takes (levels.step_limit={levels.step_limit}), {fewest} at the "
        f"least. Set {', or '.join(ways)}; or another levels.score."
    )


def begin_pupil(config: RunConfig, lesson: Lesson) -> Pupil:
    """A run that has done nothing: an untrained learner, and a selector that knows no level."""
    key = derive_key(config.seed, "begin", 0)
    learner = lesson.craft.begin(key=key)
    return Pupil(learner, lesson.selector.begin(key=jax.random.fold_in(key, 1)))


def count_updates(config: RunConfig) -> int:
    """MuZero's after a round of practice: for each row as many as in a run of POET, `learning.updates` for
    `learning.worlds` times `learning.steps` rows; 1 at least."""
    learning, levels = config.learning, config.levels
    share = levels.lanes * levels.steps / (learning.worlds * learning.steps)
    return max(1, round(learning.updates * share))


def _make_craft(config: RunConfig, world: World) -> Craft:
    levels = config.levels
    assert world.features is not None
    seen = (world.features,)
    if config.learner == PPO:
        draw = partial(make_policy_net, config, seen, world.actions)
        recipe = make_ppo_recipe(config, lanes=levels.lanes, steps=levels.steps)
        return make_ppo_craft(recipe, draw)
    return make_muzero_craft(
        make_recipe(config),
        make_policy(config),
        partial(make_model, config, seen, world.actions),
        obs=jax.ShapeDtypeStruct(seen, bool),
        actions=world.actions,
        lanes=levels.lanes,
        steps=levels.steps,
        slots=count_slots(config),
        updates=count_updates(config),
        trace=config.ppo.trace,
    )


def _check_fit(config: RunConfig, selector: Selector | Tutor) -> None:
    """Raise unless the method goes with the world and the learner."""
    name, levels = config.curriculum.name, config.levels
    if isinstance(selector, Tutor) and levels.world != MAZE:
        raise UsageError(
            f"{name} builds plain mazes, not levels.world={levels.world}. Set levels.world={MAZE}."
        )
    if config.learner != MUZERO:
        return
    if isinstance(selector, Selector) and selector.is_grounded:
        raise UsageError(
            f"{name} learns from steps that were not taken, one beside each real one, and {MUZERO} from sequences of "
            f"steps, which these do not make. Give --learner {PPO}, or --curriculum naive-grounding, which draws what "
            "levels hide by the true odds in real steps."
        )
    if isinstance(selector, Tutor) and selector.is_unfolding:
        raise UsageError(
            f"{name} makes each cell of a maze as it comes into the student's view of 5 x 5 cells, and {MUZERO}, which "
            f"has no memory, sees mazes whole. Give --learner {PPO}, or --curriculum paired, which builds mazes first."
        )


def _hire(
    config: RunConfig,
    recipe: PpoRecipe,
    *,
    obs: tuple[int, ...],
    actions: int | tuple[int, ...],
    is_masked: bool = False,
    key: PRNGKeyArray,
) -> PpoLearner:
    net = make_policy_net(config, obs, actions, is_masked=is_masked, key=key)
    return start_ppo(net, recipe)

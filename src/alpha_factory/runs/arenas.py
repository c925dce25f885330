"""The worlds that selectors choose levels of: settings in, a world and all that is done with its levels out."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.types import Level, World
from alpha_factory.curriculum import edit_maze
from alpha_factory.rollout import Posterior
from alpha_factory.runs.settings.config import MUZERO, LevelsConfig
from alpha_factory.runs.settings.limits import FRUITS, MAZE_SIDE
from alpha_factory.worlds import (
    GridLevel,
    draw_fruits,
    draw_good,
    draw_maze,
    guess_good,
    make_fruits,
    make_grid,
    make_maze,
    make_small_mazes,
    pack_unchecked,
    place_apple,
)

_SEEN = "bits"
"""What a policy with a memory sees in mazes: walls and goal of 5 x 5 cells ahead, and its heading."""


class Arena(NamedTuple):
    """A world, and how its levels are made; those are `GridLevel`s until they are packed."""

    world: World
    pack: Callable[[GridLevel], Level]  # to what the world plays
    draw: Callable[..., GridLevel]  # `draw(*, key, walls, generator) -> level`
    edit: Callable[..., GridLevel]  # `edit(level, *, edits, key) -> level`
    redraw: Callable[..., GridLevel] | None = (
        None  # `redraw(level, *, key) -> level`: what it hides
    )
    posterior: Posterior | None = None  # of what it hides


def make_arena(levels: LevelsConfig, learner: str) -> Arena:
    """What `levels.world` names, as the learner sees it: whole, if it is one without a memory."""
    is_whole = learner == MUZERO
    if levels.world == FRUITS:
        odds = levels.odds
        return Arena(
            world=make_fruits(is_whole=is_whole),
            pack=lambda level: level,
            draw=partial(_draw, levels, partial(draw_fruits, odds=odds)),
            edit=_edit_fruits,
            redraw=partial(draw_good, odds=odds),
            posterior=partial(guess_good, odds=odds),
        )
    return Arena(
        world=make_small_mazes() if is_whole else make_maze(observation=_SEEN),
        pack=(lambda level: level) if is_whole else pack_unchecked,
        draw=partial(_draw, levels, draw_maze),
        edit=_edit,
    )


def make_stand(levels: LevelsConfig, learner: str) -> World:
    """Where a policy is judged and filmed: the grid engine, which plays any level, seen as in training."""
    is_whole = learner == MUZERO
    if levels.world == FRUITS:
        return make_fruits(is_whole=is_whole, pays_hidden=True)
    if is_whole:
        return make_small_mazes(pays_hidden=True)
    return make_grid(observation=_SEEN, pays_hidden=True)


def _draw(
    levels: LevelsConfig,
    draw: Callable[..., GridLevel],
    *,
    key: PRNGKeyArray,
    walls: int,
    generator: str,
) -> GridLevel:
    return draw(
        side=MAZE_SIDE,
        walls=0 if generator == "empty" else walls,
        number=levels.number,
        step_limit=levels.step_limit,
        key=key,
    )


def _edit(level: GridLevel, *, edits: int, key: PRNGKeyArray) -> GridLevel:
    child, _ = edit_maze(level, edits=edits, key=key)
    return child


def _edit_fruits(level: GridLevel, *, edits: int, key: PRNGKeyArray) -> GridLevel:
    """The good fruit stays the good one; an edited maze has no apple, and gets one near its banana."""
    key_edit, key_apple = jax.random.split(key)
    return place_apple(_edit(level, edits=edits, key=key_edit), key=key_apple)

"""Tasks to learn from scratch, without a curriculum: fixed worlds, a budget, and a goal to reach."""

import zlib
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.core.types import Level, World
from alpha_factory.runs.settings.config import (
    BudgetConfig,
    LearningConfig,
    NetworkConfig,
    RunConfig,
    SearchConfig,
)
from alpha_factory.runs.tasks.draws import draw_fitting
from alpha_factory.worlds import GridLevel, draw_maze, from_texts, make_grid, shortest_walk
from alpha_factory.worlds.cartpole import cartpole_level, make_cartpole
from alpha_factory.worlds.small_mazes import make_small_mazes

EPISODES = 100
"""By which a task is judged, each on a level of its own where levels differ."""


class Task(NamedTuple):
    """What is to be learned, and when it counts as learned."""

    summary: str
    make_world: Callable[[], World]
    make_levels: Callable[[PRNGKeyArray], Level]
    """Levels to train on, stacked; one is drawn for each episode, all with the same chance."""
    make_unseen: Callable[[PRNGKeyArray], Level]
    """`EPISODES` levels to be judged on."""
    measure: Literal["return", "solved"]
    """What is averaged over those episodes."""
    goal: float
    config: RunConfig


def find_task(name: str) -> Task:
    """A task by its name.

    Raises:
        UsageError: there is none; the message lists those that there are.
    """
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return TASKS[name]


def draw_level(levels: Level, *, key: PRNGKeyArray) -> tuple[Array, Level]:
    """One of the levels, each with the same chance, and its number."""
    at = jax.random.randint(key, (), 0, count_levels(levels))
    return at, jax.tree.map(lambda leaf: leaf[at], levels)


def count_levels(levels: Level) -> int:
    """How many are stacked."""
    return int(jax.tree.leaves(levels)[0].shape[0])


def _make_rooms(key: PRNGKeyArray) -> Level:
    del key
    return from_texts([(room.replace(" ", "\n"), {"step_limit": 24}) for room in _ROOMS], side=13)


def _repeat_rooms(key: PRNGKeyArray) -> Level:
    return jax.tree.map(
        lambda leaf: jnp.repeat(leaf, EPISODES // len(_ROOMS), axis=0), _make_rooms(key)
    )


def _make_cartpoles(key: PRNGKeyArray) -> Level:
    del key
    return jax.tree.map(lambda leaf: leaf[None], cartpole_level())


def _repeat_cartpoles(key: PRNGKeyArray) -> Level:
    return jax.tree.map(lambda leaf: jnp.repeat(leaf, EPISODES, axis=0), _make_cartpoles(key))


def _draw_mazes(mazes: int, *, is_unseen: bool, key: PRNGKeyArray) -> Level:
    """So many mazes with a way to the goal.

    A tenth of all mazes, told by a checksum of what they are, is never trained on: with few walls
    the same maze may well be drawn twice.
    """
    return draw_fitting(
        _draw_many,
        lambda levels: (np.asarray(_measure(levels)) >= 0) & (_is_held_out(levels) == is_unseen),
        levels=mazes,
        at_a_time=_AT_A_TIME,
        key=key,
    )


def _is_held_out(levels: GridLevel) -> Bool[np.ndarray, " levels"]:
    parts = [np.asarray(leaf) for leaf in (levels.tile, levels.start, levels.heading)]
    sums = [
        zlib.crc32(b"".join(part.tobytes() for part in one)) for one in zip(*parts, strict=True)
    ]
    return np.array(sums) % _ONE_IN == 0


_draw_many = jax.jit(jax.vmap(lambda key: draw_maze(key=key)))
_measure = jax.jit(jax.vmap(shortest_walk))
_ONE_IN = 10  # mazes, one that is never trained on
_AT_A_TIME = 4096  # mazes drawn together
_ROOMS = (
    ">.... ..... ..... ..... ....G",
    "G.... ..... ..... ..... ....>",
    "..^.. ..... .###. ..... G....",
    ".#... .#... v#G.. ..... .....",
)

TASKS: dict[str, Task] = {
    "rooms": Task(
        summary="four rooms of 5 x 5 cells, seen as in a run",
        make_world=make_grid,
        make_levels=_make_rooms,
        make_unseen=_repeat_rooms,
        measure="return",
        goal=0.8,
        config=RunConfig(
            preset="rooms",
            network=NetworkConfig(widths=(64,), latent=32, head=32),
            # With the default noise it turns on rounding whether the walled room is found at all.
            search=SearchConfig(simulations=8, logit_noise=0.5),
            learning=LearningConfig(
                worlds=32,
                steps=16,
                updates=8,
                batch=128,
                unroll=3,
                discount=0.95,
                learning_rate=2e-3,
                decay_updates=2000,
                target_period=20,
                replay_slots=256,
            ),
            budget=BudgetConfig(minutes=None, frames=150_000),
        ),
    ),
    "cartpole": Task(
        summary="Gymnasium's CartPole-v1",
        make_world=make_cartpole,
        make_levels=_make_cartpoles,
        make_unseen=_repeat_cartpoles,
        measure="return",
        goal=475.0,
        config=RunConfig(
            preset="cartpole",
            network=NetworkConfig(widths=(128,), latent=64, head=64, bins=51),
            # A cart that slides towards an edge must first be pushed on, so that the pole leans back: with less noise
            # some agents never try.
            search=SearchConfig(
                simulations=50, value_range=(0.0, 334.0), c_scale=8.0, logit_noise=2.0
            ),
            learning=LearningConfig(
                worlds=32,
                steps=16,
                updates=32,
                batch=256,
                # 0.99 hardly tells a cart that slides off after 300 steps from one that stays.
                discount=0.997,
                horizon=10,
                decay_updates=12_000,
                target_period=100,
                # The whole budget: who balances sees no fall for long, and must not forget what a fall is. But what the
                # searches of then knew, that carts fall soon, is to be forgotten.
                replay_slots=6400,
                refresh=True,
            ),
            budget=BudgetConfig(minutes=None, frames=200_000),
        ),
    ),
    "mazes": Task(
        summary="13 x 13 mazes with at most 25 walls, seen whole; judged on mazes never trained on",
        make_world=make_small_mazes,
        make_levels=lambda key: _draw_mazes(32_768, is_unseen=False, key=key),
        make_unseen=lambda key: _draw_mazes(EPISODES, is_unseen=True, key=key),
        measure="solved",
        goal=0.9,
        config=RunConfig(
            preset="mazes",
            network=NetworkConfig(widths=(256, 256), latent=128, head=128),
            search=SearchConfig(simulations=16),
            learning=LearningConfig(
                worlds=128,
                steps=16,
                updates=4,
                batch=256,
                discount=0.97,
                decay_updates=10_000,
                replay_slots=1024,
            ),
            budget=BudgetConfig(minutes=None, frames=5_000_000),
        ),
    ),
}
"""By name. A task's config is a preset of its own; its curriculum plays no part."""

"""Levels drawn from a seed, as many as are asked for: for tails that no frozen suite is large enough to show.

Such a set has no version. It is told by name, seed and number of levels, and its digest, that of the levels' arrays,
begins with `drawn:`, so that nobody takes it for a frozen suite; another version of the package may draw others.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.evaluate.suite import Suite, limit_steps, stretch_limit
from alpha_factory.genome import random_genome
from alpha_factory.worlds import (
    GridLevel,
    decode,
    draw_fruits,
    draw_maze,
    expect_good,
    shortest_walk,
)
from alpha_factory.worlds.walk import NO_WALK

MOST = 10_000
"""Levels unless told otherwise: as many as Rutherford et al. 2024 draw."""

DRAWN = "drawn:"
"""What the digest of a drawn suite begins with."""

_EPISODES = 4
_STEP_LIMIT = 250
_WALLS = 60  # draws of a cell, as in the mazes that JaxUED, minimax and SFL report on
_TOGETHER = 512  # levels drawn at a time


SOURCES: dict[str, Callable[..., GridLevel]] = {
    "random-mazes": functools.partial(draw_maze, walls=_WALLS, number="overlapping"),
    # What nobody can tell apart pays its mean, so that the optimum is that under the odds.
    "random-fruits": lambda *, key: expect_good(draw_fruits(key=key)),
    "random-genomes": lambda *, key: decode(random_genome(key=key)),
}
"""`draw(*, key) -> level` by the name of the suite."""


def draw_suite(name: str, *, levels: int, seed: int) -> Suite:
    """So many levels with a walk to the goal within the step limit, 250 steps.

    A level without one is passed over for the next, so that fewer levels of the same seed are the first of more.

    Args:
        name: one of `SOURCES`.
        levels: how many.
        seed: all that is drawn follows from it.
    """
    draw, root = _make_draw(name), jax.random.key(seed)
    parts: list[GridLevel] = []
    found = 0
    while found < levels:
        drawn, walks = jax.device_get(draw(jax.random.fold_in(root, len(parts))))
        has_way = walks != NO_WALK
        parts.append(jax.tree.map(lambda leaf, at=has_way: leaf[at], drawn))
        found += int(has_way.sum())
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:levels], *parts)
    chosen = stretch_limit(jax.tree.map(jnp.asarray, joined), _STEP_LIMIT)
    return Suite(
        name=name,
        levels=chosen,
        names=tuple(f"{name}-{seed}-{number:05d}" for number in range(levels)),
        step_limits=(_STEP_LIMIT,),
        episodes=_EPISODES,
        digest=digest_drawn(chosen),
        seed=seed,
    )


@functools.cache
def _make_draw(name: str) -> Callable[[PRNGKeyArray], tuple[GridLevel, Any]]:
    """The program that draws a batch of levels and measures the walk to the goal in each."""

    def draw(key: PRNGKeyArray) -> tuple[GridLevel, Any]:
        keys = jax.random.split(key, _TOGETHER)
        drawn = jax.vmap(lambda key: SOURCES[name](key=key))(keys)
        return drawn, jax.vmap(shortest_walk)(limit_steps(drawn, _STEP_LIMIT))

    return jax.jit(draw)


def digest_drawn(levels: GridLevel) -> str:
    """`drawn:` and the SHA-256 of the levels' arrays, each with its place in the tree, type and shape."""
    told = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(levels):
        array = np.ascontiguousarray(leaf)
        told.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        told.update(array.tobytes())
    return f"{DRAWN}{told.hexdigest()}"

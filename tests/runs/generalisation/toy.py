"""A replay by hand, and a run that has it: whole episodes of a few worlds without any training."""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.evaluate import stack_levels
from alpha_factory.replay import Ring, make_ring
from alpha_factory.runs.files import checkpoint
from alpha_factory.runs.files.directory import create_run
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.state import Counters
from alpha_factory.worlds import from_text
from runs import tiny

MAPS = (">.G", ">.\n.G", ">..G")
LANES, SLOTS, BITS = 4, 128, 1024

CONFIG = dataclasses.replace(
    tiny.TINY,
    learning=dataclasses.replace(tiny.TINY.learning, worlds=LANES, replay_slots=SLOTS),
)


def fill_ring(
    world: np.ndarray,
    is_last: np.ndarray,
    *,
    head: int,
    written: int,
    worlds: int,
    bits: int = BITS,
    seed: int = 0,
) -> Ring:
    """A ring whose rows are of these worlds and end where they say so, as they lie in its slots.

    The first bits of an observation say its world, so that no two start alike; the others are drawn from a few.
    """
    lanes, slots = world.shape
    generator = np.random.default_rng(seed)
    ring = make_ring(
        lanes=lanes,
        slots=slots,
        obs=jax.ShapeDtypeStruct((bits,), jnp.bool_),
        actions=3,
        worlds=worlds,
    )
    seen = generator.integers(0, 256, (6, bits // 8))[generator.integers(0, 6, (lanes, slots))]
    seen[..., 0] = world
    parts = {
        "obs": jnp.asarray(seen, jnp.uint8),
        "action": jnp.asarray(generator.integers(0, 3, (lanes, slots)), jnp.uint8),
        "reward": jnp.asarray(generator.integers(0, 2, (lanes, slots)) / 8, jnp.float32),
        "is_last": jnp.asarray(is_last, bool),
        "world": jnp.asarray(world, jnp.int32),
        "head": jnp.int32(head),
        "written": jnp.int32(written),
    }
    return eqx.tree_at(
        lambda tree: [getattr(tree, name) for name in parts], ring, [*parts.values()]
    )


def save_run(path: Path, *, worlds: int = len(MAPS), config: RunConfig = CONFIG) -> Path:
    """A run of which only the last checkpoint is there: an untrained model, and episodes of 4 steps in a few worlds."""
    state = tiny.make_programs(config).begin()
    levels = stack_levels([from_text(one, step_limit=24) for one in MAPS])
    slots = config.curriculum.slots
    filled = jax.tree.map(
        lambda new, old: jnp.concatenate([new, old[: slots - len(MAPS)]]), levels, state.pool.level
    )
    episode = np.arange(LANES * SLOTS).reshape(LANES, SLOTS) // 5
    ring = fill_ring(
        episode % worlds,
        np.arange(LANES * SLOTS).reshape(LANES, SLOTS) % 5 == 4,
        head=0,
        written=SLOTS,
        worlds=slots,
    )
    state = eqx.tree_at(
        lambda tree: (tree.student.ring, tree.pool.level, tree.pool.size),
        state,
        (ring, filled, jnp.int32(worlds)),
    )
    directory = create_run(path, to_json(config))
    checkpoint.save(directory.checkpoints, 1, state, {"counters": Counters().to_json()})
    directory.close()
    return path

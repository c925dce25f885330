"""What a run needs of the device's memory, by part, and what to lower where it is too little."""

from typing import Any

import equinox as eqx
import jax

from alpha_factory.core.errors import OutOfMemory
from alpha_factory.runs.config import RunConfig
from alpha_factory.runs.state import begin_state
from alpha_factory.worlds import make_grid
from alpha_factory.worlds.grid.observe import FEATURES

_GIB = 2**30

_REMEDIES = {
    "replay": "learning.replay_slots or learning.worlds",
    "model and optimiser": "network.latent, network.head or network.widths",
    "worlds": "learning.worlds or curriculum.slots",
    "search": "search.simulations or learning.worlds",
    "update": "learning.batch, or set learning.remake",
}


def estimate_memory(config: RunConfig, work: int | None) -> dict[str, float]:
    """GiB by part: what a run keeps, exactly, and what its training works with on top.

    Args:
        work: bytes that the compiler says the training needs besides its arguments; None if it was
            not compiled, when only what the trees and the kept forward passes take is counted.
    """
    state = eqx.filter_eval_shape(begin_state, config)
    learner, student = state.student.learner, state.student
    search = _estimate_trees(config)
    update = _estimate_passes(config) if work is None else max(0, work - search)
    parts = {
        "replay": _size(student.ring),
        "model and optimiser": _size(learner),
        "worlds": _size((student.actors, state.pool, state.tally)),
        "search": search,
        "update": update,
    }
    return {name: size / _GIB for name, size in parts.items()}


def tell_shortage(program: str, config: RunConfig, work: int | None) -> OutOfMemory:
    """The error for a program that did not fit: the estimate, and the settings to lower."""
    parts = estimate_memory(config, work)
    greatest = max(parts, key=lambda name: parts[name])
    return OutOfMemory(
        program, parts, f"The greatest part is {greatest}: lower {_REMEDIES[greatest]}."
    )


def is_shortage(error: Exception) -> bool:
    """Whether an error of the device says that its memory did not suffice."""
    return "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)


def _estimate_trees(config: RunConfig) -> int:
    """Nodes hold a latent, five numbers, and four for each action (`search.tree.Tree`)."""
    nodes = config.learning.worlds * (config.search.simulations + 2)
    latent = config.network.latent * (2 if config.network.dtype == "bfloat16" else 4)
    return nodes * (latent + 4 * (5 + 4 * make_grid().actions))


def _estimate_passes(config: RunConfig) -> int:
    """Latents and hidden layers of all unrolled steps, kept for the gradient: roughly, by their sizes."""
    network, learning = config.network, config.learning
    step = 8 * network.latent + 3 * network.head  # gates of the GRU, heads
    first = sum(network.widths) * 3
    if network.encoder == "transformer":
        first += network.layers * 16 * network.embed * (FEATURES // network.token)
    return 4 * learning.batch * (first + (learning.unroll + 1) * step)


def _size(tree: Any) -> int:
    return sum(
        leaf.size * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(eqx.filter(tree, lambda leaf: hasattr(leaf, "dtype")))
    )

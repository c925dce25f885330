"""What methods share that learn to build levels: the updates of the builder, and the room that it builds in."""

from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Level
from alpha_factory.curriculum.selector import Ground, Wishes, draw_fresh
from alpha_factory.learn import PpoRecipe

_EMPTY = Wishes(generator="empty", walls=0)


def draw_rooms(ground: Ground, *, key: PRNGKeyArray) -> Level:
    """An empty level for each lane."""
    return draw_fresh(ground, _EMPTY, key=key)


def measure_rooms(ground: Ground) -> int:
    """Cells a side of the levels that a run plays; nothing is drawn for it."""
    rooms = jax.eval_shape(lambda: draw_rooms(ground, key=jax.random.key(0)))
    return rooms.tile.shape[-1]


def make_builder_recipe(
    ground: Ground, wishes: Wishes, *, steps: int, prior: tuple[float, ...] | None = None
) -> PpoRecipe:
    """How the builder learns.

    Args:
        wishes: settled; none of those of a builder is None.
        steps: rows that it acts in, in each lane.
        prior: as `PpoRecipe` has it.

    Raises:
        UsageError: its minibatches don't divide the lanes.
    """
    minibatches = wishes.builder_minibatches or 1
    if over := ground.lanes % minibatches:
        raise UsageError(
            f"levels.builder_minibatches={minibatches} do not divide levels.lanes={ground.lanes} ({over} left "
            "over): sequences are learned from as a whole."
        )
    known: dict[str, Any] = {
        "learning_rate": wishes.builder_rate,
        "entropy": wishes.builder_entropy,
        "discount": wishes.builder_discount,
        "trace": wishes.builder_trace,
        "clip": wishes.builder_clip,
        "epochs": wishes.builder_epochs,
    }
    assert None not in known.values(), "wishes are settled before they are used"
    return PpoRecipe(lanes=ground.lanes, steps=steps, minibatches=minibatches, prior=prior, **known)

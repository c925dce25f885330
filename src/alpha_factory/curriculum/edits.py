"""Plain mazes edited a few cells at a time (ACCEL, Parker-Holder et al. 2022): a level in, a child out."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.worlds import GridLevel
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.plain import assemble

EDITS = ("add wall", "remove wall", "move agent", "move goal")
"""What an edit does to its cell; each is as likely."""

PARENTS_BY = ("all", "easy", "hard")
"""Which levels of a replayed batch are edited: every one, or those at one end of the order from easy to hard."""

UNEDITED = -1
"""In place of an edit that was not made."""

_ADD, _AGENT, _GOAL = map(EDITS.index, ("add wall", "move agent", "move goal"))


def edit_maze(
    level: GridLevel, *, edits: int = 5, key: PRNGKeyArray
) -> tuple[GridLevel, Int32[Array, " edits"]]:
    """A child of a plain maze: as published, a cell and a kind of edit drawn uniformly, `edits` times.

    A cell that is drawn again is left alone. The agent or the goal, moved to a cell, takes the place of a wall.
    Either of them whose cell was edited, and which was not moved, goes to a free cell drawn uniformly when all
    is done, the goal first. An agent that changes its cell draws a heading. A child with no room for both is its
    parent, and no edit was made.

    Returns:
        The child; for each edit its kind, an index into EDITS, or UNEDITED.

    Raises:
        ValueError: there are no edits.
    """
    if edits < 1:
        raise ValueError(f"edits={edits}: give at least one, 5 as published.")
    key_cell, key_kind, key_goal, key_agent, key_heading = jax.random.split(key, 5)
    height, width = level.tile.shape
    rows, columns = level.size
    place = jax.random.randint(key_cell, (edits,), 0, rows * columns)
    cell = place // columns * width + place % columns
    is_again = jnp.any((cell[:, None] == cell[None]) & jnp.tri(edits, k=-1, dtype=bool), axis=1)
    kind = jax.random.randint(key_kind, (edits,), 0, len(EDITS))
    kind = jnp.where(is_again, UNEDITED, kind)

    is_made = kind != UNEDITED
    beyond = height * width  # what is put there is dropped
    target = jnp.where(is_made, cell, beyond)
    is_edited = jnp.zeros(beyond, bool).at[target].set(True, mode="drop")
    is_wall = (level.tile == tiles.WALL).ravel().at[target].set(kind == _ADD, mode="drop")

    goal, is_goal_lost = _move(level.goal, width, cell, kind == _GOAL, is_edited)
    agent, is_agent_lost = _move(level.start, width, cell, kind == _AGENT, is_edited)
    number = jnp.arange(beyond, dtype=jnp.int32)
    is_free = ~is_wall & ((number != agent) | is_agent_lost)
    goal = jnp.where(is_goal_lost, _draw_cell(is_free, key_goal), goal)
    is_free = ~is_wall & (number != goal)
    agent = jnp.where(is_agent_lost, _draw_cell(is_free, key_agent), agent)
    is_turned = is_agent_lost | jnp.any(kind == _AGENT)
    heading = jax.random.randint(key_heading, (), 0, len(tiles.HEADINGS))

    has_room = jnp.sum(~is_wall) >= 2

    def keep(new: Array, old: Array) -> Array:
        return jnp.where(has_room, new, old)

    child = assemble(
        level,
        keep(is_wall.reshape(height, width), level.tile == tiles.WALL),
        start=keep(agent, _cell(level.start, width)),
        heading=keep(jnp.where(is_turned, heading, level.heading), level.heading),
        goal=keep(goal, _cell(level.goal, width)),
    )
    return child, keep(kind, jnp.int32(UNEDITED))


def choose_parents(
    mean_return: Float32[Array, " lanes"],
    value_loss: Float32[Array, " lanes"],
    *,
    by: str,
    parents: int,
) -> Int32[Array, " lanes"]:
    """Which levels of a batch just replayed are edited, one for each child.

    A level is the easier the greater its mean return less its value loss is: solved, and known to be. Of equally easy
    ones the earlier comes first. One for which that is no number is the last choice at either end.

    Args:
        by: `all`: every level has one child; `easy`: the easiest ones have all children, in turn; `hard`: the hardest.
        parents: how many those are, 4 as published; at most as many as there are lanes. `all` doesn't ask.

    Raises:
        UsageError: parents are chosen by nothing of that name.
    """
    if by not in PARENTS_BY:
        raise unknown("levels.parents_by", by, PARENTS_BY)
    lanes = jnp.arange(mean_return.shape[0], dtype=jnp.int32)
    if by == "all":
        return lanes
    ease = mean_return - value_loss
    chosen = jnp.argsort(-ease if by == "easy" else ease)[:parents].astype(jnp.int32)
    return chosen[lanes % chosen.shape[0]]


def _move(
    place: Int32[Array, "2"],
    width: int,
    cell: Int32[Array, " edits"],
    is_move: Bool[Array, " edits"],
    is_edited: Bool[Array, " cells"],
) -> tuple[Int32[Array, ""], Bool[Array, ""]]:
    """The cell after the last move, and whether its cell was edited without one."""
    before = _cell(place, width)
    last = jnp.max(jnp.where(is_move, jnp.arange(cell.size), -1))
    is_moved = last >= 0
    return jnp.where(is_moved, cell[last], before), ~is_moved & is_edited[before]


def _cell(place: Int32[Array, "2"], width: int) -> Int32[Array, ""]:
    return place[0] * width + place[1]


def _draw_cell(is_free: Bool[Array, " cells"], key: PRNGKeyArray) -> Int32[Array, ""]:
    order = jax.random.randint(key, is_free.shape, 0, jnp.iinfo(jnp.int32).max)
    return jnp.argmax(jnp.where(is_free, order, -1)).astype(jnp.int32)

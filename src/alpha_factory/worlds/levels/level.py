"""A playable level: what `reset` takes, and what a genome or a text map becomes."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int16, Int32, UInt8

UNIT = 16
"""Length of a cell's side, and the greatest speed, a step."""
WHOLE = 256
"""A share of 1."""


class Physics(eqx.Module):
    """How bodies move, in whole numbers: lengths in 1/16 of a cell, shares in 1/256.

    Neutral physics (friction 256, the rest 0) is the plain grid: a push is a step of one cell, and
    a wall stops.
    """

    gravity: Int32[Array, "2"]  # row, column; added to the velocity at every step
    wind: Int32[Array, "2"]  # the same, in every other four steps
    drag: Int32[Array, ""]  # share of the speed lost a step at full speed; grows with its square
    friction: Int32[Array, ""]  # share of the way from the velocity to that of the legs, a step
    restitution: Int32[Array, ""]  # share of the speed that a wall gives back
    slip: Float32[Array, ""]  # chance that a push does nothing


class Reward(eqx.Module):
    """What is paid for what. Every step's reward lies in [-1, 1], and so does every episode's."""

    goal: Float32[Array, ""]  # for reaching the goal
    dense: Float32[Array, ""]  # spread over the way to the goal
    coin: Float32[Array, ""]  # for each coin
    decoy: Float32[Array, ""]  # for a decoy, which ends the episode unsolved
    hint: Float32[Array, ""]  # for the first key and, again, for the first button
    step_cost: Float32[Array, ""]  # taken off at every step
    penalty: Float32[Array, ""]  # for a trap that fires, lava, or an opponent: they end the episode
    is_hidden: Bool[Array, ""]  # a honeypot: the goal pays in evaluation only


class Rules(eqx.Module):
    """Rules in force, coded as `genome.Rule` says; a slot of zeros is empty."""

    trigger: Int32[Array, " rules"]
    number: Int32[Array, " rules"]  # the trigger's number of steps or cells
    where: Int32[Array, " rules"]  # the trigger's kind of tile or half of the level
    effect: Int32[Array, " rules"]
    amount: Int32[Array, " rules"]  # the effect's direction or number of rows


class GridLevel(eqx.Module):
    """Everything that makes one grid world differ from another.

    Cells beyond the level's own width and height are walls, so that levels of different size
    share a shape.
    """

    tile: UInt8[Array, "height width"]  # codes of `worlds.levels.tiles`
    start: Int32[Array, "2"]  # row, column
    heading: Int32[Array, ""]  # code of `worlds.levels.tiles`
    size: Int32[Array, "2"]  # its own rows and columns, the padding left out
    goal: Int32[Array, "2"]  # row, column; the tile there is GOAL
    distance: Int16[Array, "height width"]  # cells to the goal, doors and gates taken as open
    teleport: Int32[Array, "2 2"]  # row, column of both teleporters; they mean nothing if none
    opponent: Int32[Array, " opponents"]  # NOBODY, PATROL or CHASER
    opponent_start: Int32[Array, "opponents 2"]  # row, column
    opponent_heading: Int32[Array, " opponents"]
    opponent_pace: Int32[Array, " opponents"]  # steps for each of its own
    step_limit: Int32[Array, ""]
    trap_odds: Float32[Array, ""]  # chance that a trap entered fires
    physics: Physics
    reward: Reward
    rules: Rules


def count_matches(
    levels: GridLevel,
    others: GridLevel,
    *,
    is_plan_only: bool = False,
    is_counted: Bool[Array, "levels others"] | None = None,
) -> Int32[Array, " levels"]:
    """For each level, how many of the others are the same.

    Args:
        is_plan_only: compare tiles and start alone, whatever the reward and the rules.
        is_counted: pairs that are looked at; all of them if not given.
    """

    def flatten(level: GridLevel) -> Array:
        leaves = (level.tile, level.start) if is_plan_only else jax.tree.leaves(level)
        return jnp.concatenate([leaf.astype(jnp.float32).ravel() for leaf in leaves])

    left, right = jax.vmap(flatten)(levels), jax.vmap(flatten)(others)
    is_same = jax.lax.map(lambda one: jnp.all(one[None] == right, axis=1), left)
    if is_counted is not None:
        is_same = is_same & is_counted
    return jnp.sum(is_same, axis=1, dtype=jnp.int32)

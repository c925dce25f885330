"""Genome to level. Total: any 512 bits give a level with a way to its goal.

Walls come first, then entities, then what has to be reached, each placed among the cells that can
be reached without what is still missing: the button without the gates, the key without the doors,
the goal with both. That is why no repair and no rejection is needed. What slides, falls, carries
or hunts can still make a level impossible; `worlds.oracle` tells.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int16, Int32, UInt8

from alpha_factory.genome import Genes, Genome, read_genes, read_rules
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import WHOLE, GridLevel, Physics, Reward, Rules
from alpha_factory.worlds.levels.reach import UNREACHABLE, find_steps, flood, flood_back
from alpha_factory.worlds.levels.spawn import is_at, pick_cell, place_entities
from alpha_factory.worlds.levels.walls import MAZE, build_walls, cell_grid

LONGEST_LIMIT, SHORTEST_LIMIT = 250, 24
"""Bounds of the step limit of a decoded level."""

_DOORWAYS = (tiles.DOOR, tiles.GATE)


def decode(genome: Genome) -> GridLevel:
    """The level that a genome means.

    Args:
        genome: any 512 bits.

    Returns:
        A level in arrays of `SIDE` cells a side.
    """
    genes = read_genes(genome)
    size = jnp.stack([8 + genes[side] * genes[side] // 40 for side in ("height", "width")])
    start = jnp.stack([genes["start_row"], genes["start_column"]]) * size // 16
    # In a maze the start is one of the nodes, so that it remains a tree.
    start = jnp.where(genes["style"] == MAZE, start // 2 * 2, start)
    walls = build_walls(genes, size)
    beside = _find_beside(walls, start, size)
    is_kept = is_at(start) | is_at(beside)
    walls = jnp.where(is_kept, jnp.uint8(tiles.FLOOR), walls)

    entities = place_entities(genes, walls, flood(find_steps(walls), start), is_kept)
    is_taken = is_at(start)
    for who, place in zip(entities.opponent, entities.opponent_start, strict=True):
        is_taken = is_taken | (is_at(place) & (who != tiles.NOBODY))
    course = _lay_course(genes, entities.tile, start, beside, is_taken)
    tile = _drop_far_decoy(course.tile, start, course.goal)
    steps = find_steps(tile)
    is_crow = genes["dense_line"] > 191
    row, column = cell_grid()
    by_air = jnp.abs(row - course.goal[0]) + jnp.abs(column - course.goal[1])
    distance = jnp.where(is_crow, by_air.astype(jnp.int16), flood_back(steps, course.goal))
    limit = (8 + genes["patience"]) * course.length // 2
    step_limit = jnp.clip(limit, SHORTEST_LIMIT, LONGEST_LIMIT)
    return GridLevel(
        tile=tile,
        start=start,
        heading=genes["start_heading"],
        size=size,
        goal=course.goal,
        distance=distance,
        teleport=entities.teleport,
        opponent=entities.opponent,
        opponent_start=entities.opponent_start,
        opponent_heading=entities.opponent_heading,
        opponent_pace=entities.opponent_pace,
        step_limit=step_limit,
        trap_odds=((1 + genes["trap_odds"]) / 256).astype(jnp.float32),
        physics=_set_physics(genes),
        reward=_set_reward(genes, tile, step_limit),
        rules=Rules(**read_rules(genes)),
    )


def _find_beside(
    walls: UInt8[Array, "height width"], start: Int32[Array, "2"], size: Int32[Array, "2"]
) -> Int32[Array, "2"]:
    """A neighbour of the start, which is to stay free: floor if there is some, or else no wall."""
    steps = jnp.array([tiles.ROW_STEP, tiles.COLUMN_STEP], jnp.int32).T
    beside = start[None] + jnp.roll(steps, -1, axis=0)  # down first
    is_inside = jnp.all((beside >= 0) & (beside < size[None]), axis=1)
    # Out of bounds is clamped by the gather; `is_inside` decides.
    kind = walls[beside[:, 0], beside[:, 1]]
    fitness = 1 + (kind != tiles.WALL).astype(jnp.int32) + (kind == tiles.FLOOR).astype(jnp.int32)
    return beside[jnp.argmax(jnp.where(is_inside, fitness, 0))]


class _Course(NamedTuple):
    """The tiles with what has to be reached."""

    tile: UInt8[Array, "height width"]
    goal: Int32[Array, "2"]
    length: Int32[Array, ""]  # steps by way of the button and the key


def _lay_course(
    genes: Genes,
    tile: UInt8[Array, "height width"],
    start: Int32[Array, "2"],
    beside: Int32[Array, "2"],
    is_taken: Bool[Array, "height width"],
) -> _Course:
    """Place the button, the key and the goal, or take away all doors and gates where one has no room.

    Nothing is placed on cells that are taken: where the agent and opponents set out.
    """
    seed = genes["entity_seed"]

    def place(
        tile: Array, source: Array, kind: int, opened: int, closed: tuple[int, ...], depth: Array
    ) -> tuple[Array, Array, Array]:
        """Put something where it can be reached from `source`, if there is anything to open."""
        steps = flood(find_steps(tile, closed=closed), source)
        free = _free_cells(tile, steps, is_taken)
        is_needed = jnp.any(tile == opened) & jnp.any(free < UNREACHABLE)
        chosen = jnp.where(is_needed, pick_cell(free, depth, seed, 40_000 + kind), source)
        length = jnp.where(is_needed, steps[chosen[0], chosen[1]], 0)
        put = jnp.where(is_at(chosen) & is_needed, kind, tile)
        put = jnp.where((put == opened) & ~is_needed, tiles.FLOOR, put)
        return put.astype(jnp.uint8), chosen, length.astype(jnp.int32)

    tile, button, first = place(
        tile, start, tiles.BUTTON, tiles.GATE, _DOORWAYS, genes["button_depth"]
    )
    tile, key, second = place(
        tile, button, tiles.KEY, tiles.DOOR, (tiles.DOOR,), genes["key_depth"]
    )
    steps = flood(find_steps(tile), key)
    free = _free_cells(tile, steps, is_taken)
    # Leans to far: most of a level would else lie behind its goal.
    nearness = 255 - genes["goal_depth"]
    goal = pick_cell(free, 255 - nearness * nearness // 255, genes["goal_shuffle"], 50_000)
    # One-way tiles can leave a key in a dead end of its own: then everything stands open.
    is_stuck = ~jnp.any(free < UNREACHABLE)
    is_dropped = tiles.is_among(tile, (*_DOORWAYS, tiles.BUTTON, tiles.KEY)) & is_stuck
    tile = jnp.where(is_dropped, tiles.FLOOR, tile)
    goal = jnp.where(is_stuck, beside, goal)
    third = jnp.where(is_stuck, 1, steps[goal[0], goal[1]]).astype(jnp.int32)
    tile = jnp.where(is_at(goal), tiles.GOAL, tile).astype(jnp.uint8)
    return _Course(tile, goal, first + second + third)


def _drop_far_decoy(
    tile: UInt8[Array, "height width"], start: Int32[Array, "2"], goal: Int32[Array, "2"]
) -> UInt8[Array, "height width"]:
    """A decoy is nearer than the goal, or there is none.

    It could not be placed after the goal: it may not stand in the way.
    """
    is_decoy = tile == tiles.DECOY
    steps = flood(find_steps(jnp.where(is_decoy, jnp.uint8(tiles.FLOOR), tile)), start)
    is_far = is_decoy & (steps >= steps[goal[0], goal[1]])
    return jnp.where(is_far, jnp.uint8(tiles.FLOOR), tile)


def _free_cells(
    tile: UInt8[Array, "height width"],
    steps: Int16[Array, "height width"],
    is_taken: Bool[Array, "height width"],
) -> Int16[Array, "height width"]:
    """Steps to the cells of plain floor; all others count as out of reach, and the source too."""
    is_free = (tile == tiles.FLOOR) & (steps > 0) & ~is_taken
    return jnp.where(is_free, steps, UNREACHABLE).astype(jnp.int16)


def _set_physics(genes: Genes) -> Physics:
    last_quarter = {
        name: jnp.maximum(genes[name] - 49_152, 0) for name in ("drag", "friction", "slip")
    }
    return Physics(
        gravity=_pull(genes["gravity"]),
        wind=_pull(genes["wind"]),
        drag=last_quarter["drag"] * 192 // 16_384,
        friction=WHOLE - last_quarter["friction"] * 224 // 16_384,
        restitution=jnp.maximum(genes["restitution"] - 32_768, 0) * WHOLE // 32_767,
        slip=(last_quarter["slip"] / 65_536).astype(jnp.float32),
    )


def _pull(value: Int32[Array, ""]) -> Int32[Array, "2"]:
    """Direction and strength of gravity and wind from 16 bits: 1, 2, 4 or 8, in powers of 2.

    The strength is 0 wherever one direction turns into the next, so that a small change of the
    value is a small change of the force.
    """
    heading, within = value // 16_384, value % 16_384
    rise = jnp.maximum(2_048 - jnp.abs(within - 8_192), 0)
    strength = jnp.where(rise > 0, 1 << (rise * 4 // 2_049), 0)
    rows, columns = jnp.array(tiles.ROW_STEP), jnp.array(tiles.COLUMN_STEP)
    # Quarters begin with down, the direction that people expect first.
    heading = (heading + 1) % 4
    return strength * jnp.stack([rows[heading], columns[heading]])


def _set_reward(
    genes: Genes, tile: UInt8[Array, "height width"], step_limit: Int32[Array, ""]
) -> Reward:
    """Shares of the reward, scaled so that no episode's sum leaves [-1, 1]."""
    amounts = {
        name: jnp.maximum(genes[name] - 192, 0).astype(jnp.float32) / 63.0
        for name in ("decoy", "step_cost", "hint")
    }
    coins = jnp.sum(tile == tiles.COIN).astype(jnp.float32)
    hints = sum(jnp.any(tile == kind).astype(jnp.float32) for kind in (tiles.KEY, tiles.BUTTON))
    dense = jnp.maximum(genes["dense"] - 96, 0).astype(jnp.float32) / 159.0 * 0.5
    coin_share = jnp.where(coins > 0, genes["coin_share"].astype(jnp.float32) / 255.0 * 0.3, 0.0)
    hint = amounts["hint"] * 0.1
    goal = 1.0 - dense - coin_share - hint * hints
    return Reward(
        goal=goal,
        dense=dense,
        coin=coin_share / jnp.maximum(coins, 1.0),
        decoy=amounts["decoy"] * 0.5 * goal,
        hint=hint,
        # Twice as much under a rule, and the penalty on top, still leave [-1, 0].
        step_cost=amounts["step_cost"] * 0.05 / step_limit.astype(jnp.float32),
        penalty=genes["penalty"].astype(jnp.float32) / 255.0 * 0.9,
        is_hidden=jnp.bool_(False),
    )

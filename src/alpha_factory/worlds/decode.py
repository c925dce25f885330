"""Genome to level. Total: any 512 bits give a level whose goal can be reached.

Rooms come from the room graph, clutter and traps from hashes, and the key and the goal are placed
among the cells that can be reached, which is why no repair and no rejection is needed.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Int16, Int32, UInt8, UInt32

from alpha_factory.genome import Genes, Genome, read_genes, rule_period
from alpha_factory.worlds import tiles
from alpha_factory.worlds.level import UNREACHABLE, GridLevel, distance_to_goal, flood

SIDE = 13
"""Cells a side of every decoded level; smaller ones are walled in."""
STEP_LIMIT = 250
SHORTEST_LIMIT = 24

_MOST_ROOMS = 4
_LINKS = _MOST_ROOMS * (_MOST_ROOMS - 1)


def decode(genome: Genome) -> GridLevel:
    """The level that a genome means.

    Args:
        genome: any 512 bits.

    Returns:
        A level with side `SIDE` that can be solved within its step limit when nothing slips.
    """
    genes = read_genes(genome)
    width = 5 + genes["width"] * 9 // 16
    height = 5 + genes["height"] * 9 // 16
    row, column = jnp.mgrid[:SIDE, :SIDE].astype(jnp.int32)
    is_inside = (row < height) & (column < width)

    tile = _build_rooms(genes, height, width)
    start = jnp.stack([genes["start_row"] * height // 16, genes["start_column"] * width // 16])
    beside = start.at[0].add(jnp.where(start[0] + 1 < height, 1, -1))
    is_kept = _is_at(start) | _is_at(beside)
    tile = jnp.where(is_kept, tiles.FLOOR, tile)
    trap_share = jnp.maximum(0, genes["traps"] - 128) / 127 * 0.15
    is_trap = (_chance(genes["entity_seed"], 0) < trap_share) & (tile == tiles.FLOOR) & ~is_kept
    tile = jnp.where(is_trap, tiles.TRAP, tile)
    tile = jnp.where(is_inside, tile, tiles.WALL).astype(jnp.uint8)

    tile, key_distance, key = _place_key(genes, tile, start)
    is_way = (tile != tiles.WALL) & (tile != tiles.TRAP)
    steps = flood(is_way, start)
    goal = _pick_cell(
        jnp.where(tile == tiles.KEY, UNREACHABLE, steps).astype(jnp.int16),
        genes["goal_depth"] / 255,
        genes["goal_shuffle"],
    )
    tile = jnp.where(_is_at(goal), tiles.GOAL, tile).astype(jnp.uint8)
    distance = distance_to_goal(tile, goal)
    way = jnp.where(
        key_distance > 0, key_distance + distance[key[0], key[1]], distance[start[0], start[1]]
    ).astype(jnp.int32)
    dense = jnp.maximum(0, genes["dense"] - 96) / 159 * 0.5
    slip = jnp.maximum(0.0, genes["slip"] / 65535 - 0.5) / 2
    return GridLevel(
        tile=tile,
        start=start,
        heading=genes["start_heading"],
        goal=goal,
        distance=distance,
        step_limit=jnp.clip((8 + genes["patience"]) * way // 2, SHORTEST_LIMIT, STEP_LIMIT),
        dense=dense.astype(jnp.float32),
        trap_odds=((1 + genes["trap_odds"]) / 256).astype(jnp.float32),
        trap_penalty=(genes["trap_penalty"] / 255).astype(jnp.float32),
        slip=slip.astype(jnp.float32),
        mirror_period=rule_period(genes, "mirror"),
        fog_period=rule_period(genes, "fog"),
    )


def _build_rooms(
    genes: Genes, height: Int[Array, ""], width: Int[Array, ""]
) -> UInt8[Array, "height width"]:
    """Walls between rooms, doorways through them, locked doors, and clutter."""
    across = jnp.minimum(1 + genes["rooms_across"], width // 3)
    down = jnp.minimum(1 + genes["rooms_down"], height // 3)
    line = jnp.arange(1, _MOST_ROOMS)
    wall_columns = jnp.where(line < across, line * width // across, SIDE)
    wall_rows = jnp.where(line < down, line * height // down, SIDE)
    row, column = jnp.mgrid[:SIDE, :SIDE]
    is_wall = jnp.isin(column, wall_columns) | jnp.isin(row, wall_rows)
    clutter = genes["clutter"] / 255 * 0.4
    is_wall = is_wall | (_chance(genes["layout_seed"], 0) < clutter)
    tile = jnp.where(is_wall, tiles.WALL, tiles.FLOOR)

    seed = genes["layout_seed"]
    for turn, (mask, lines, spans, rooms, end) in enumerate(
        (
            (genes["links_across"], wall_columns, wall_rows, down, height),
            (genes["links_down"], wall_rows, wall_columns, across, width),
        )
    ):
        link = jnp.arange(_LINKS)
        wall, room = link // _MOST_ROOMS, link % _MOST_ROOMS
        edges = jnp.concatenate([jnp.array([-1]), jnp.minimum(spans, end)])
        first = edges[room] + 1
        past = jnp.where(room + 1 < rooms, edges[jnp.minimum(room + 1, _MOST_ROOMS - 1)], end)
        draw = _hash(seed, 1000 + 100 * turn + link)
        along = first + (draw % jnp.maximum(past - first, 1).astype(jnp.uint32)).astype(jnp.int32)
        at = lines[wall]
        is_closed = ((mask >> link) & 1).astype(bool) & (
            _share(_hash(seed, 2000 + 100 * turn + link)) >= genes["openness"] / 15
        )
        lock_share = jnp.maximum(0, genes["doors"] - 128) / 127
        is_locked = _share(_hash(genes["entity_seed"], 3000 + 100 * turn + link)) < lock_share
        is_there = (room < rooms) & (at < SIDE) & ~is_closed
        place = (along, at) if turn == 0 else (at, along)
        # An index of SIDE is out of bounds and dropped: that link does not exist.
        place = (jnp.where(is_there, place[0], SIDE), place[1])
        kind = jnp.where(is_locked, tiles.DOOR, tiles.FLOOR)
        tile = tile.at[place].set(kind, mode="drop")
    return tile.astype(jnp.uint8)


def _place_key(
    genes: Genes, tile: UInt8[Array, "height width"], start: Int32[Array, "2"]
) -> tuple[UInt8[Array, "height width"], Int16[Array, ""], Int32[Array, "2"]]:
    """Put a key where it can be reached without one, or open all doors if there is no room.

    Returns:
        The tiles, the cells from the start to the key (0 if there is none), and its place.
    """
    steps = flood((tile == tiles.FLOOR), start)
    has_room = jnp.sum((steps > 0) & (steps < UNREACHABLE)) >= 2
    is_locked = jnp.any(tile == tiles.DOOR) & has_room
    key = _pick_cell(steps, genes["key_depth"] / 255, genes["entity_seed"])
    opened = jnp.where(tile == tiles.DOOR, tiles.FLOOR, tile)
    keyed = jnp.where(_is_at(key), tiles.KEY, tile)
    tile = jnp.where(is_locked, keyed, opened).astype(jnp.uint8)
    return tile, jnp.where(is_locked, steps[key[0], key[1]], 0).astype(jnp.int16), key


def _pick_cell(
    steps: Int16[Array, "height width"], depth: Array, seed: Int[Array, ""]
) -> Int32[Array, "2"]:
    """A reachable cell other than the start, `depth` in [0, 1] of the way to the farthest one."""
    is_choice = (steps > 0) & (steps < UNREACHABLE)
    farthest = jnp.max(jnp.where(is_choice, steps, 0))
    wanted = 1 + jnp.round(depth * (farthest - 1).astype(jnp.float32))
    # Distances are whole numbers, so a tie-break below 1 never prefers a worse distance.
    miss = jnp.abs(steps.astype(jnp.float32) - wanted) + 0.9 * _chance(seed, 4000)
    flat = jnp.argmin(jnp.where(is_choice, miss, jnp.inf))
    return jnp.stack([flat // SIDE, flat % SIDE]).astype(jnp.int32)


def _is_at(place: Int32[Array, "2"]) -> Bool[Array, "height width"]:
    row, column = jnp.mgrid[:SIDE, :SIDE]
    return (row == place[0]) & (column == place[1])


def _chance(seed: Int[Array, ""], salt: int) -> Array:
    """A number in [0, 1) for every cell, fixed by the seed."""
    return _share(_hash(seed, salt + jnp.arange(SIDE * SIDE))).reshape(SIDE, SIDE)


def _share(draw: UInt32[Array, "*any"]) -> Array:
    return (draw >> jnp.uint32(8)).astype(jnp.float32) / 2**24


def _hash(seed: Int[Array, ""], index: Array) -> UInt32[Array, "*any"]:
    """Murmur3's finaliser over seed and index.

    Not `jax.random`: a genome must mean the same level in every version of JAX.
    """
    mixed = seed.astype(jnp.uint32) * jnp.uint32(0x9E3779B9) + index.astype(jnp.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = (mixed ^ (mixed >> jnp.uint32(shift))) * jnp.uint32(factor)
    return mixed ^ (mixed >> jnp.uint32(16))

"""Entities from a genome: what lies on the floor between the walls, and who walks there."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int16, Int32, UInt8

from alpha_factory.genome import Genes
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.chance import ONE, amount, draw, falls, share
from alpha_factory.worlds.levels.reach import UNREACHABLE
from alpha_factory.worlds.levels.walls import SIDE, cell_grid, cell_index

_CLEARANCE = 5  # steps from the start within which no opponent sets out
_ROOM = 8  # cells that a world must have for teleporters

# Field, kind, percentage of free cells at the most, salt of the hash. Later ones don't replace earlier ones.
_SCATTERED = (
    ("lava", tiles.LAVA, 15, 11_000),
    ("ice", tiles.ICE, 50, 12_000),
    ("conveyor", tiles.CONVEYOR, 15, 13_000),
    ("trap", tiles.TRAP, 15, 14_000),
    ("box", tiles.BOX, 10, 15_000),
    ("coin", tiles.COIN, 10, 16_000),
)
_FIELD_OF = {"conveyor": "conveyors", "trap": "traps", "box": "boxes", "coin": "coins"}


class Entities(NamedTuple):
    """What was placed."""

    tile: UInt8[Array, "height width"]
    teleport: Int32[Array, "2 2"]
    opponent: Int32[Array, " opponents"]
    opponent_start: Int32[Array, "opponents 2"]
    opponent_heading: Int32[Array, " opponents"]
    opponent_pace: Int32[Array, " opponents"]


def place_entities(
    genes: Genes,
    tile: UInt8[Array, "height width"],
    steps: Int16[Array, "height width"],
    is_kept: Bool[Array, "height width"],
) -> Entities:
    """Scatter entities over the floor.

    Args:
        tile: walls and doorways.
        steps: from the start, all doorways taken as open.
        is_kept: cells that stay as they are.
    """
    is_free = (tile == tiles.FLOOR) & ~is_kept
    for name, kind, percent, salt in _SCATTERED:
        chance = amount(genes[_FIELD_OF.get(name, name)], percent)
        is_chosen = _spawn(genes, f"{name}_spawn", salt, chance, tile, steps) & is_free
        placed = jnp.full(tile.shape, kind, jnp.int32)
        if kind == tiles.CONVEYOR:
            row, column = cell_grid()
            block = row // 4 * SIDE + column // 4
            placed = placed + (draw(genes["conveyor_seed"], block) % 4).astype(jnp.int32)
        tile = jnp.where(is_chosen, placed.astype(jnp.uint8), tile)
        is_free = is_free & ~is_chosen

    reachable = jnp.where(is_free & (steps < UNREACHABLE), steps, UNREACHABLE).astype(jnp.int16)
    has_room = jnp.sum(reachable < UNREACHABLE) >= _ROOM
    first = pick_cell(reachable, jnp.int32(64), genes["entity_seed"], 17_000)
    apart = reachable.at[first[0], first[1]].set(jnp.int16(UNREACHABLE))
    second = pick_cell(apart, genes["teleporter_depth"], genes["entity_seed"], 18_000)
    is_linked = (genes["teleporters"] > 192) & has_room
    is_end = (is_at(first) | is_at(second)) & is_linked
    tile = jnp.where(is_end, tiles.TELEPORT, tile).astype(jnp.uint8)
    reachable = jnp.where(is_end, UNREACHABLE, reachable).astype(jnp.int16)

    decoy = pick_cell(reachable, genes["decoy_depth"] // 2, genes["entity_seed"], 19_000)
    is_decoy = is_at(decoy) & (genes["decoy"] > 192) & has_room
    tile = jnp.where(is_decoy, tiles.DECOY, tile).astype(jnp.uint8)
    reachable = jnp.where(is_decoy, UNREACHABLE, reachable).astype(jnp.int16)
    return Entities(tile, jnp.stack([first, second]), *_place_opponents(genes, reachable))


def pick_cell(
    steps: Int16[Array, "height width"], depth: Int32[Array, ""], seed: Int32[Array, ""], salt: int
) -> Int32[Array, "2"]:
    """A cell within reach that is not the source, `depth` of 255 of the way to the farthest one.

    Returns:
        Row and column; those of the first cell if none is within reach.
    """
    is_choice = (steps > 0) & (steps < UNREACHABLE)
    farthest = jnp.max(jnp.where(is_choice, steps, 0)).astype(jnp.int32)
    wanted = 1 + (depth * (farthest - 1) + 127) // 255
    # Steps are whole numbers, so a tie-break below 1 never prefers a worse distance.
    miss = (jnp.abs(steps.astype(jnp.int32) - wanted) << 16) + share(seed, salt + cell_index())
    flat = jnp.argmin(jnp.where(is_choice, miss, jnp.iinfo(jnp.int32).max)).astype(jnp.int32)
    return jnp.stack([flat // SIDE, flat % SIDE])


def is_at(place: Int32[Array, "2"]) -> Bool[Array, "height width"]:
    """The one cell at a place."""
    row, column = cell_grid()
    return (row == place[0]) & (column == place[1])


def _spawn(
    genes: Genes,
    rule: str,
    salt: int,
    chance: Int32[Array, ""],
    tile: UInt8[Array, "height width"],
    steps: Int16[Array, "height width"],
) -> Bool[Array, "height width"]:
    """Cells that a spawn rule chooses with a chance.

    Its lower two bits say where: anywhere, beside walls, away from walls, in the farther half; its
    upper two how: each cell for itself (0 and 1), in patches of 3 x 3, in rows with gaps.
    """
    seed, (row, column) = genes["entity_seed"], cell_grid()
    where, how = genes[rule] % 4, genes[rule] // 4
    wall = jnp.pad(tile == tiles.WALL, 1, constant_values=True)
    is_beside = wall[:-2, 1:-1] | wall[2:, 1:-1] | wall[1:-1, :-2] | wall[1:-1, 2:]
    is_known = steps < UNREACHABLE
    half = jnp.max(jnp.where(is_known, steps, 0)) // 2
    is_there = jnp.select(
        [where == 1, where == 2, where == 3],
        [is_beside, ~is_beside, is_known & (steps > half)],
        jnp.ones(tile.shape, bool),
    )
    patch = row // 3 * SIDE + column // 3
    is_drawn = jnp.select(
        [how == 2, how == 3],
        [
            falls(seed, salt + patch, chance),
            falls(seed, salt + row, chance) & (share(seed, salt + cell_index()) < ONE * 7 // 8),
        ],
        falls(seed, salt + cell_index(), chance),
    )
    return is_there & is_drawn


def _place_opponents(
    genes: Genes, steps: Int16[Array, "height width"]
) -> tuple[
    Int32[Array, " opponents"],
    Int32[Array, "opponents 2"],
    Int32[Array, " opponents"],
    Int32[Array, " opponents"],
]:
    """Kind, start, heading and pace of each; nobody once no free cell away from the start is left."""
    chasers = jnp.maximum(genes["chasers"] - 11, 0) // 2
    patrols = jnp.maximum(genes["patrols"] - 11, 0)
    index = jnp.arange(tiles.OPPONENTS, dtype=jnp.int32)
    kind = jnp.where(index < chasers + patrols, tiles.PATROL, tiles.NOBODY)
    kind = jnp.where(index < chasers, tiles.CHASER, kind)
    seed, cell = genes["opponent_seed"], cell_index().ravel()
    is_left = ((steps > _CLEARANCE) & (steps < UNREACHABLE)).ravel()
    flat, has_cell = [], []
    for who in range(tiles.OPPONENTS):
        score = jnp.where(is_left, share(seed, 1000 * who + cell), -1)
        flat.append(jnp.argmax(score).astype(jnp.int32))
        has_cell.append(jnp.any(is_left))
        is_left = is_left & (cell != flat[who])
    kind = jnp.where(jnp.stack(has_cell), kind, tiles.NOBODY)
    start = jnp.stack([jnp.stack(flat) // SIDE, jnp.stack(flat) % SIDE], axis=1)
    # To the right or downwards, which is what a map can show.
    heading = jnp.where(kind == tiles.PATROL, draw(seed, 77 + index) % 2, 0).astype(jnp.int32)
    slow, brisk = 2 + genes["chaser_pace"] // 4, 1 + genes["patrol_pace"] // 4
    return kind, start, heading, jnp.where(kind == tiles.CHASER, slow, brisk)

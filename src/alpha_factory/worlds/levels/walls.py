"""Walls from a genome: rooms with doorways, perfect mazes, open fields."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, UInt8

from alpha_factory.genome import Genes
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.chance import ONE, amount, draw, falls, share

SIDE = 32
"""Cells a side of the arrays of every decoded level; smaller ones are walled in."""

MAZE, FIELD = 2, 3
"""The styles of walls that are a perfect maze and an open field; others are rooms."""
_MOST_ROOMS = 4
_LINKS = _MOST_ROOMS * (_MOST_ROOMS - 1)
_NODES = SIDE // 2  # a side of a maze: every other cell


def build_walls(genes: Genes, size: Int32[Array, "2"]) -> UInt8[Array, "height width"]:
    """Floor, walls, and the doors, gates and one-way tiles of doorways, within `size`."""
    height, width = size
    row, column = cell_grid()
    is_maze = genes["style"] == MAZE
    is_clutter = falls(genes["layout_seed"], cell_index(), genes["clutter"] * (ONE * 3 // 2550))
    rooms, is_doorway, across = _build_rooms(genes, height, width)
    is_wall = rooms & (genes["style"] != FIELD)
    is_wall = (is_wall | is_clutter) & ~is_doorway
    maze = _build_maze(genes, height, width)
    # In a maze, doors stand in some of the passages between nodes.
    is_passage = (
        ~maze
        & (row % 2 != column % 2)
        & falls(genes["layout_seed"], 5000 + cell_index(), jnp.int32(ONE // 8))
    )
    is_doorway = jnp.where(is_maze, is_passage, is_doorway & (genes["style"] != FIELD))
    across = jnp.where(is_maze, column % 2 == 1, across)
    tile = jnp.where(jnp.where(is_maze, maze, is_wall), tiles.WALL, tiles.FLOOR)
    tile = jnp.where(is_doorway, _hang_doors(genes, across), tile)
    is_inside = (row < height) & (column < width)
    return jnp.where(is_inside, tile, tiles.WALL).astype(jnp.uint8)


def count_rooms(value: Int32[Array, ""] | int, side: Int32[Array, ""] | int) -> Int32[Array, ""]:
    """Rooms along a side of so many cells, by the gene for it: each and its wall take four or more."""
    return jnp.minimum(1 + value, side // 4)


def cell_grid() -> tuple[Int32[Array, "height width"], Int32[Array, "height width"]]:
    """Row and column of every cell."""
    row, column = jnp.mgrid[:SIDE, :SIDE].astype(jnp.int32)
    return row, column


def cell_index() -> Int32[Array, "height width"]:
    """A number for every cell."""
    return jnp.arange(SIDE * SIDE, dtype=jnp.int32).reshape(SIDE, SIDE)


def _hang_doors(
    genes: Genes, is_across: Bool[Array, "height width"]
) -> Int32[Array, "height width"]:
    """What each cell holds if it is a doorway: a door, a gate, a one-way tile, or floor."""
    seed, index = genes["entity_seed"], cell_index()
    kind = jnp.full((SIDE, SIDE), tiles.FLOOR, jnp.int32)
    heading = jnp.where(is_across, 0, 1) + 2 * (draw(seed, 300 + index) % 2).astype(jnp.int32)
    is_one_way = falls(seed, 10_000 + index, amount(genes["one_way"], 100))
    kind = jnp.where(is_one_way, tiles.ONE_WAY + heading, kind)
    is_gate = falls(seed, 20_000 + index, amount(genes["gates"], 100))
    kind = jnp.where(is_gate, tiles.GATE, kind)
    is_locked = falls(seed, 30_000 + index, amount(genes["doors"], 100))
    return jnp.where(is_locked, tiles.DOOR, kind)


def _build_rooms(
    genes: Genes, height: Int32[Array, ""], width: Int32[Array, ""]
) -> tuple[Bool[Array, "height width"], Bool[Array, "height width"], Bool[Array, "height width"]]:
    """Walls between rooms, doorways through them, and which doorways lead to the side."""
    across = count_rooms(genes["rooms_across"], width)
    down = count_rooms(genes["rooms_down"], height)
    line = jnp.arange(1, _MOST_ROOMS)
    wall_columns = jnp.where(line < across, line * width // across, SIDE)
    wall_rows = jnp.where(line < down, line * height // down, SIDE)
    row, column = cell_grid()
    is_upright, is_flat = jnp.isin(column, wall_columns), jnp.isin(row, wall_rows)

    seed = genes["layout_seed"]
    is_doorway = jnp.zeros((SIDE, SIDE), bool)
    for turn, (mask, lines, spans, rooms, end) in enumerate(
        (
            (genes["links_across"], wall_columns, wall_rows, down, height),
            (genes["links_down"], wall_rows, wall_columns, across, width),
        )
    ):
        link = jnp.arange(_LINKS, dtype=jnp.int32)
        wall, room = link // _MOST_ROOMS, link % _MOST_ROOMS
        edges = jnp.concatenate([jnp.array([-1]), jnp.minimum(spans, end)])
        first = edges[room] + 1
        past = jnp.where(room + 1 < rooms, edges[jnp.minimum(room + 1, _MOST_ROOMS - 1)], end)
        number = draw(seed, 1000 + 100 * turn + link)
        along = first + (number % jnp.maximum(past - first, 1).astype(jnp.uint32)).astype(jnp.int32)
        is_closed = ((mask >> link) & 1).astype(bool) & (
            share(seed, 2000 + 100 * turn + link) * 15 >= genes["openness"] * ONE
        )
        is_there = (room < rooms) & (lines[wall] < SIDE) & ~is_closed
        place = (along, lines[wall]) if turn == 0 else (lines[wall], along)
        # An index of SIDE is out of bounds and dropped: that link does not exist.
        place = (jnp.where(is_there, place[0], SIDE), place[1])
        is_doorway = is_doorway.at[place].set(True, mode="drop")
    return is_upright | is_flat, is_doorway, is_upright


def _build_maze(
    genes: Genes, height: Int32[Array, ""], width: Int32[Array, ""]
) -> Bool[Array, "height width"]:
    """Walls of a maze whose nodes are the cells of even row and column.

    Its passages are the tree of quickest ways from the first node when each passage takes a
    random time (first-passage percolation): a perfect maze. The more the times differ, the closer
    the tree comes to the least spanning tree, and the more its corridors wind.
    """
    seed = genes["layout_seed"]
    node = jnp.arange(_NODES * _NODES, dtype=jnp.int32).reshape(_NODES, _NODES)
    is_node = (2 * jnp.arange(_NODES)[:, None] < height) & (2 * jnp.arange(_NODES)[None] < width)
    # Time to go right and down from each node, up to 2^(twist / 2 + 1) times the least.
    highest = genes["twist"] // 2 + 1
    times = []
    for turn in range(2):
        number = draw(seed, 6000 + 1000 * turn + node)
        power = (number & 0xFFFF).astype(jnp.int32) * highest // ONE
        times.append((256 + ((number >> 16) & 0xFF).astype(jnp.int32)) << power)
    far = jnp.int32(1 << 28)
    right = jnp.where(jnp.roll(is_node, -1, axis=1).at[:, -1].set(False) & is_node, times[0], far)
    down = jnp.where(jnp.roll(is_node, -1, axis=0).at[-1].set(False) & is_node, times[1], far)

    def arrivals(arrival: Array) -> Array:
        """By each of four neighbours: from the left, from above, from the right, from below."""
        padded = jnp.pad(arrival, 1, constant_values=far)
        left_time = jnp.pad(right, ((0, 0), (1, 0)), constant_values=far)[:, :-1]
        above_time = jnp.pad(down, ((1, 0), (0, 0)), constant_values=far)[:-1]
        return jnp.stack(
            [
                padded[1:-1, :-2] + left_time,
                padded[:-2, 1:-1] + above_time,
                padded[1:-1, 2:] + right,
                padded[2:, 1:-1] + down,
            ]
        )

    def relax(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        arrival, _ = carry
        sooner = jnp.minimum(arrival, jnp.min(arrivals(arrival), axis=0))
        return sooner, jnp.any(sooner != arrival)

    start = jnp.full((_NODES, _NODES), far, jnp.int32).at[0, 0].set(0)
    arrival, _ = jax.lax.while_loop(lambda carry: carry[1], relax, (start, jnp.bool_(True)))
    parent = jnp.argmin(arrivals(arrival), axis=0)
    has_parent = is_node & (node > 0)

    is_loop = share(seed, 9000 + jnp.stack([node, 500 + node])) * 50 < genes["loops"] * ONE
    opens_right = (has_parent & (parent == 2)) | (is_loop[0] & (right < far))
    opens_right = opens_right | jnp.roll(has_parent & (parent == 0), -1, axis=1).at[:, -1].set(
        False
    )
    opens_down = (has_parent & (parent == 3)) | (is_loop[1] & (down < far))
    opens_down = opens_down | jnp.roll(has_parent & (parent == 1), -1, axis=0).at[-1].set(False)
    is_open = jnp.zeros((SIDE, SIDE), bool)
    is_open = is_open.at[::2, ::2].set(is_node)
    is_open = is_open.at[::2, 1::2].set(opens_right).at[1::2, ::2].set(opens_down)
    return ~is_open

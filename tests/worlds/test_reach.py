import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.reach import UNREACHABLE, find_steps, flood, flood_back
from reference import search
from reference.grid import random_level, write_level
from reference.level import SCATTERED, SIDE

SEEDS = st.integers(0, 2**32 - 1)
MOSTLY_OPEN = 20 * "." + SCATTERED
CLOSED = {(): (), ("door", "gate"): (tiles.DOOR, tiles.GATE)}

STEPS = {
    names: jax.jit(lambda tile, closed=closed: find_steps(tile, closed=closed))
    for names, closed in CLOSED.items()
}
FLOOD, FLOOD_BACK = jax.jit(flood), jax.jit(flood_back)


def random_tiles(seed):
    """Names and codes of tiles, and two places among them."""
    level = random_level(seed, symbols=MOSTLY_OPEN, largest=SIDE)
    return level.tile, write_level(level).tile, level.start, level.goal


def as_grid(steps):
    """Steps by cell as an array, UNREACHABLE where there are none."""
    grid = np.full((SIDE, SIDE), UNREACHABLE)
    for cell, count in steps.items():
        grid[cell] = count
    return grid


@pytest.mark.parametrize("closed", CLOSED, ids=str)
@given(SEEDS)
def test_steps_are_those_of_the_slow_search(closed, seed):
    tile, codes, _, _ = random_tiles(seed)
    steps = np.asarray(STEPS[closed](codes))
    for heading in range(4):
        slow = {cell: search.may_step(tile, cell, heading, closed) for cell in tile}
        assert {cell: bool(steps[heading][cell]) for cell in tile} == slow


@pytest.mark.parametrize("closed", CLOSED, ids=str)
@given(SEEDS)
def test_flood_counts_steps_from_the_source(closed, seed):
    tile, codes, source, _ = random_tiles(seed)
    fast = FLOOD(STEPS[closed](codes), jnp.array(source, jnp.int32))
    np.testing.assert_array_equal(fast, as_grid(search.flood(tile, source, closed)))


@pytest.mark.parametrize("closed", CLOSED, ids=str)
@given(SEEDS)
def test_flood_back_counts_steps_to_the_goal(closed, seed):
    tile, codes, _, goal = random_tiles(seed)
    fast = FLOOD_BACK(STEPS[closed](codes), jnp.array(goal, jnp.int32))
    np.testing.assert_array_equal(fast, as_grid(search.flood_back(tile, goal, closed)))


@pytest.mark.parametrize(
    ("rows", "steps"),
    [
        ("....", [0, 1, 2, 3]),
        (".#..", [0, None, None, None]),
        (".)).", [0, 1, 2, 3]),
        (".(..", [0, None, None, None]),
        (".]].", [0, 1, 2, 3]),
        (".[..", [0, 1, None, None]),  # onto a conveyor, but not on against it
        (".T..", [0, None, None, None]),
        ("T...", [0, 1, 2, 3]),  # a trap can be left
        (".D|.", [0, 1, 2, 3]),
    ],
)
def test_flood_on_one_row_is_as_worked_out_by_hand(rows, steps):
    tile = np.full((SIDE, SIDE), tiles.WALL, np.uint8)
    tile[0, : len(rows)] = [tiles.SYMBOLS.index(symbol) for symbol in rows]
    found = FLOOD(STEPS[()](jnp.asarray(tile)), jnp.zeros(2, jnp.int32))[0, : len(rows)]
    assert found.tolist() == [UNREACHABLE if count is None else count for count in steps]

import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.genome import FIELDS, SECTIONS, from_values, to_values
from alpha_factory.worlds import SIDE
from reference.engine import DECODE, PLAN, draw_cells, take
from reference.grid import (
    DOOR,
    FLOOR,
    GOAL,
    KEY,
    OPEN_DOOR,
    TRAP,
    WALL,
    goal_distances,
    read_level,
    solve,
)

BATCH = 512


def section_of_ones(section):
    largest = {name: field.largest for name, field in FIELDS.items() if field.section == section}
    return from_values(largest)


def bits_of_ones(section):
    """All 512 raw bits of a section set, whatever their code."""
    whole = sum(
        field.largest << field.offset for field in FIELDS.values() if field.section == section
    )
    return np.array([(whole >> (32 * word)) & 0xFFFFFFFF for word in range(16)], np.uint32)


@pytest.fixture(scope="module")
def genomes():
    """Adversarial genomes first, then random ones, then random ones crammed with doors and traps."""
    nothing = np.zeros(16, np.uint32)
    sections = [bits_of_ones(section) for section in SECTIONS]
    largest = [section_of_ones(section) for section in SECTIONS]
    adversarial = [nothing, ~nothing, *sections, *(~one for one in sections), *largest]
    random = np.random.default_rng(0).integers(0, 2**32, (BATCH - len(adversarial), 16), np.uint32)
    crammed = {"doors": 255, "traps": 255, "clutter": 255, "links_across": 0, "links_down": 0}
    for row in random[len(random) // 2 :]:
        row[:] = from_values(to_values(row) | crammed)
    return np.concatenate([np.stack(adversarial), random])


@pytest.fixture(scope="module")
def levels(genomes):
    return DECODE(jnp.asarray(genomes))


@pytest.fixture(scope="module")
def plain(levels):
    return [read_level(take(levels, index)) for index in range(BATCH)]


@pytest.fixture(scope="module")
def plans(plain):
    return [solve(level) for level in plain]


def test_every_genome_can_be_solved_within_its_step_limit(plain, plans):
    for level, plan in zip(plain, plans, strict=True):
        assert plan is not None
        assert 1 <= len(plan) <= level.step_limit


def test_shortest_walk_is_that_of_the_slow_search(levels, plans):
    assert np.asarray(PLAN(levels)).tolist() == [len(plan) for plan in plans]


def test_goal_is_the_only_one_and_not_the_start(plain):
    for level in plain:
        goals = [cell for cell, kind in level.tile.items() if kind == GOAL]
        assert goals == [level.goal]
        assert level.goal != level.start
        assert level.tile[level.start] == FLOOR


def test_doors_come_with_a_key_and_there_is_at_most_one(plain):
    counts = set()
    for level in plain:
        kinds = list(level.tile.values())
        assert OPEN_DOOR not in kinds
        counts.add((kinds.count(KEY), DOOR in kinds))
    # The goal may take the place of the only door: then a key is there for nothing.
    assert counts == {(0, False), (1, False), (1, True)}


def test_some_levels_need_their_key(plain):
    without = [{**level.tile, **dict.fromkeys(keys(level), WALL)} for level in plain]
    blocked = [
        goal_distances(
            {cell: WALL if kind == DOOR else kind for cell, kind in tile.items()}, level.goal
        )[level.start]
        for tile, level in zip(without, plain, strict=True)
    ]
    assert sum(steps > SIDE * SIDE for steps in blocked) >= 20


def keys(level):
    return [cell for cell, kind in level.tile.items() if kind == KEY]


def test_cells_beyond_the_levels_own_size_are_walls(genomes, plain):
    sizes = set()
    for genome, level in zip(genomes, plain, strict=True):
        values = to_values(genome)
        height, width = (5 + values[name] * 9 // 16 for name in ("height", "width"))
        assert 5 <= height <= SIDE
        assert 5 <= width <= SIDE
        beyond = [
            kind for (row, column), kind in level.tile.items() if row >= height or column >= width
        ]
        assert set(beyond) <= {WALL}
        sizes.add((height, width))
    assert len(sizes) > 60


def test_traps_take_the_place_of_floor_alone(genomes):
    """The same genomes without and with as many traps as can be have the same walls."""
    tiles = []
    for traps in (0, 255):
        rows = [from_values(to_values(row) | {"traps": traps}) for row in genomes]
        tiles.append(np.asarray(DECODE(jnp.asarray(np.stack(rows))).tile))
    none, many = tiles
    assert not (none == TRAP).any()
    assert (many == TRAP).sum() > BATCH
    np.testing.assert_array_equal(none == WALL, many == WALL)
    assert set(none[many == TRAP].tolist()) <= {FLOOR, GOAL, KEY}


def test_distance_is_that_of_the_slow_flood(plain):
    for level in plain:
        assert level.distance == goal_distances(level.tile, level.goal)


def test_numbers_are_in_range(levels):
    def ends(name):
        values = np.asarray(getattr(levels, name))
        return values.min(), values.max()

    for name, lowest, highest in (
        ("step_limit", 24, 250),
        ("dense", 0.0, 0.5),
        ("trap_odds", 1 / 256, 1.0),
        ("trap_penalty", 0.0, 1.0),
        ("slip", 0.0, 0.25),
        ("heading", 0, 3),
    ):
        least, greatest = ends(name)
        assert lowest <= least, name
        assert greatest <= highest, name
        assert least < greatest, name
    for name in ("mirror_period", "fog_period"):
        assert set(np.asarray(getattr(levels, name)).tolist()) <= {0, *range(4, 36)}


def test_most_levels_have_neither_slip_nor_reward_on_the_way_nor_rules(levels):
    """What the table of fields promises: half of each real and none of most rules is the plain maze."""
    for name in ("slip", "dense", "mirror_period", "fog_period"):
        share = np.mean(np.asarray(getattr(levels, name)) == 0)
        assert 0.3 < share < 0.95, name


def test_genome_of_zeros_is_an_open_room(plain):
    level = plain[0]
    # 5 x 5 and no clutter; the goal beside the start; all four rule slots say mirror, every 4 steps.
    inside = [(row, column) for row in range(5) for column in range(5)]
    assert {level.tile[cell] for cell in inside if cell != level.goal} == {FLOOR}
    assert level.start == (0, 0)
    assert level.heading == 0
    assert level.goal in ((0, 1), (1, 0))
    assert (level.mirror_period, level.fog_period, level.step_limit) == (4, 0, 24)
    assert (level.dense, level.slip, level.trap_penalty) == (0.0, 0.0, 0.0)


def test_decoded_rooms_are_as_the_genes_say():
    """Four rooms with all doorways open, the start in a corner, the goal as far off as can be."""
    values = {"width": 15, "height": 15, "rooms_across": 1, "rooms_down": 1, "goal_depth": 255}
    genome = jnp.asarray(from_values(values))
    level = take(DECODE(jnp.broadcast_to(genome, (BATCH, 16))), 0)
    rows = draw_cells(level.tile)
    walls = {(row, column) for row in range(13) for column in range(13) if rows[row][column] == "#"}
    cross = {(row, column) for row in range(13) for column in range(13) if 6 in (row, column)}
    doorways = cross - walls
    assert walls <= cross
    # One doorway in each of the four arms of the cross.
    arms = sorted((row < 6, column < 6, row == 6) for row, column in doorways)
    assert len(doorways) == 4
    assert len(set(arms)) == 4
    assert level.goal.tolist() == [12, 12]

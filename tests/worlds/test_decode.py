"""What any genome decodes to: proved by slow searches, and by genomes made by hand."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.genome import FIELDS, SECTIONS, from_values, to_values
from alpha_factory.worlds import SIDE
from alpha_factory.worlds.levels import tiles
from reference.engine import DECODE, PLAN, draw_cells, take
from reference.grid import read_level, solve
from reference.search import AHEAD, UNREACHABLE, distances, flood

BATCH = 256
CLOSED = ("door", "gate")
NO_RULES = {f"rule_{slot}": 255 for slot in range(4)}


def section_of_ones(section):
    largest = {name: field.largest for name, field in FIELDS.items() if field.section == section}
    return from_values(largest)


def bits_of_ones(section):
    """All raw bits of a section set, whatever their code."""
    whole = sum(
        field.largest << field.offset for field in FIELDS.values() if field.section == section
    )
    return np.array([(whole >> (32 * word)) & 0xFFFFFFFF for word in range(16)], np.uint32)


@pytest.fixture(scope="module")
def genomes():
    """Adversarial genomes first, then random ones, then random ones crammed with what is in the way."""
    nothing = np.zeros(16, np.uint32)
    sections = [bits_of_ones(section) for section in SECTIONS]
    largest = [section_of_ones(section) for section in SECTIONS]
    adversarial = [nothing, ~nothing, *sections, *(~one for one in sections), *largest]
    random = np.random.default_rng(0).integers(0, 2**32, (BATCH - len(adversarial), 16), np.uint32)
    scattered = dict.fromkeys(("traps", "lava", "boxes", "conveyors", "clutter"), 255)
    crammed = (
        {"doors": 255},
        {"gates": 255, "patrols": 15, "chasers": 15},
        {"doors": 224, "gates": 255, "one_way": 255},
        scattered | {"doors": 224, "gates": 224, "one_way": 224, "patrols": 15},
    )
    for place, row in enumerate(random[len(random) // 2 :]):
        opened = {"links_across": 0, "links_down": 0}
        row[:] = from_values(to_values(row) | opened | crammed[place % len(crammed)])
    return np.concatenate([np.stack(adversarial), random])


@pytest.fixture(scope="module")
def levels(genomes):
    return jax.tree.map(np.asarray, DECODE(jnp.asarray(genomes)))


@pytest.fixture(scope="module")
def plain(levels):
    return [read_level(take(levels, index)) for index in range(BATCH)]


def find(level, kind):
    return [cell for cell, there in level.tile.items() if there == kind]


def test_every_goal_can_be_reached_on_foot_by_way_of_button_and_key(plain):
    """Each thing lies where one gets without what is still missing."""
    for level in plain:
        at, closed = level.start, CLOSED
        for kind, opened in (("button", "gate"), ("key", "door")):
            places = find(level, kind)
            if places:
                assert places[0] in flood(level.tile, at, closed), kind
                at = places[0]
            closed = tuple(one for one in closed if one != opened)
        assert level.goal in flood(level.tile, at)


def test_every_genome_has_a_walk_within_its_step_limit(levels):
    plan = np.asarray(PLAN(levels))
    assert (plan > 0).all()
    assert (plan <= levels.step_limit).all()


def test_shortest_walk_is_that_of_the_slow_search(levels, plain):
    chosen = range(0, BATCH, 4)
    fast = np.asarray(PLAN(levels))
    assert [int(fast[index]) for index in chosen] == [len(solve(plain[index])) for index in chosen]


def test_goal_is_the_only_one_and_not_the_start(plain):
    for level in plain:
        assert find(level, "goal") == [level.goal]
        assert level.goal != level.start
        assert level.tile[level.start] == "floor"


@pytest.mark.parametrize(("opened", "opener"), [("door", "key"), ("gate", "button")])
def test_what_is_closed_comes_with_what_opens_it(plain, opened, opener):
    counts = Counter((len(find(level, opener)), bool(find(level, opened))) for level in plain)
    assert counts.keys() == {(0, False), (1, True)}


def test_some_levels_need_their_key_and_some_their_button(plain):
    for closed in CLOSED:
        blocked = [
            level for level in plain if level.goal not in flood(level.tile, level.start, (closed,))
        ]
        assert len(blocked) >= 10, closed


def test_teleporters_come_in_pairs(plain):
    pairs = 0
    for level in plain:
        assert sorted(find(level, "teleporter")) == sorted(level.teleport)
        assert len(set(level.teleport)) in (0, 2)
        pairs += len(level.teleport) == 2
    assert pairs >= 20


def test_opponents_set_out_from_floor_of_their_own_away_from_the_start(plain):
    counts = Counter()
    for level in plain:
        places = [one.place for one in level.opponents]
        assert len(set(places)) == len(places)
        for one in level.opponents:
            assert level.tile[one.place] == "floor"
            assert flood(level.tile, level.start, ()).get(one.place, UNREACHABLE) > 5
            assert 1 <= one.pace <= 5
        counts[len(places)] += 1
    assert counts.keys() == {0, 1, 2, 3, 4}


def test_no_open_door_and_every_other_kind_of_tile_occurs(plain):
    found = set().union(*(level.tile.values() for level in plain))
    assert found == {*tiles.NAMES} - {"open door"}


def test_cells_beyond_the_levels_own_size_are_walls(genomes, plain):
    sizes = set()
    for genome, level in zip(genomes, plain, strict=True):
        values = to_values(genome)
        size = tuple(8 + values[name] ** 2 // 40 for name in ("height", "width"))
        assert level.size == size
        assert all(8 <= side <= SIDE for side in size)
        beyond = {
            kind
            for (row, column), kind in level.tile.items()
            if row >= size[0] or column >= size[1]
        }
        assert beyond <= {"wall"}
        sizes.add(size)
    assert len(sizes) > 80
    assert {min(side) for side in zip(*sizes, strict=True)} == {8}
    assert {max(side) for side in zip(*sizes, strict=True)} == {32}


def test_distance_is_that_of_the_slow_flood_or_of_the_crow(genomes, plain):
    crows = 0
    for genome, level in zip(genomes, plain, strict=True):
        is_crow = to_values(genome)["dense_line"] > 191
        assert level.distance == distances(level.tile, level.goal, is_crow=is_crow)
        crows += is_crow
    assert 20 < crows < 130


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *(("trap", "traps"), ("lava", "lava"), ("box", "boxes"), ("coin", "coins")),
        *(("ice", "ice"), ("conveyor", "conveyors")),
    ],
)
def test_entities_take_the_place_of_floor_alone(genomes, kind, field):
    """The same genomes with none and as many as can be have the same walls and doorways."""
    grids = []
    for number in (0, 255):
        rows = [from_values(to_values(row) | {field: number}) for row in genomes]
        grids.append(np.asarray(DECODE(jnp.asarray(np.stack(rows))).tile))
    none, many = grids
    is_there = np.isin(
        many, [code for code, name in enumerate(tiles.NAMES) if name.startswith(kind)]
    )
    assert not np.isin(none, np.unique(many[is_there])).any()
    assert is_there.sum() > BATCH
    np.testing.assert_array_equal(none == tiles.WALL, many == tiles.WALL)
    assert not np.isin(none[is_there], (tiles.WALL, tiles.DOOR, tiles.GATE, *range(15, 19))).any()


def test_rewards_of_no_episode_can_leave_one(levels, plain):
    pay = levels.reward
    for index, level in enumerate(plain):
        coins = len(find(level, "coin"))
        hints = bool(find(level, "key")) + bool(find(level, "button"))
        parts = level.pay
        assert min(parts.goal, parts.dense, parts.coin, parts.hint, parts.penalty) >= 0, index
        whole = parts.goal + parts.dense + coins * parts.coin + hints * parts.hint
        assert whole == pytest.approx(1, abs=1e-5), index
        # All but a decoy, which ends the episode as the goal does and pays less.
        assert parts.decoy <= parts.goal / 2 + 1e-6
        # Twice as much a step under a rule.
        assert parts.penalty + 2 * parts.step_cost * level.step_limit <= 1 + 1e-5
    assert (pay.goal > 0).all()
    assert not pay.is_hidden.any()


def test_numbers_are_in_range(levels):
    physics, reward = levels.physics, levels.reward
    for name, values, lowest, highest in (
        ("step_limit", levels.step_limit, 24, 250),
        ("trap_odds", levels.trap_odds, 1 / 256, 1.0),
        ("heading", levels.heading, 0, 3),
        ("gravity", physics.gravity, -8, 8),
        ("wind", physics.wind, -8, 8),
        ("drag", physics.drag, 0, 192),
        ("friction", physics.friction, 32, 256),
        ("restitution", physics.restitution, 0, 256),
        ("slip", physics.slip, 0.0, 0.25),
        ("dense", reward.dense, 0.0, 0.5),
        ("penalty", reward.penalty, 0.0, 0.9 + 1e-6),
        ("hint", reward.hint, 0.0, 0.1 + 1e-6),
    ):
        assert lowest <= values.min() < values.max() <= highest, name
    for force in (physics.gravity, physics.wind):
        strengths = np.abs(force).sum(axis=1)
        assert set(strengths.tolist()) == {0, 1, 2, 4, 8}
        assert (np.abs(force).max(axis=1) == strengths).all()


def test_most_levels_have_neutral_physics_and_few_entities():
    """What the table of fields promises: three quarters of most fields' values mean nothing.

    Of few entities, levels hold none a little oftener.
    """
    random = np.random.default_rng(1).integers(0, 2**32, (8 * BATCH, 16), np.uint32)
    levels = [DECODE(jnp.asarray(part)) for part in np.split(random, 8)]
    levels = jax.tree.map(lambda *leaves: np.concatenate(leaves), *levels)
    physics, reward, tile = levels.physics, levels.reward, levels.tile
    for name, is_neutral, share in (
        ("gravity", ~physics.gravity.any(axis=1), 0.75),
        ("wind", ~physics.wind.any(axis=1), 0.75),
        ("drag", physics.drag == 0, 0.75),
        ("friction", physics.friction == 256, 0.75),
        ("restitution", physics.restitution == 0, 0.5),
        ("slip", physics.slip == 0, 0.75),
        ("decoy", reward.decoy == 0, 0.75),
        ("hint", reward.hint == 0, 0.75),
        ("step cost", reward.step_cost == 0, 0.75),
        ("dense", reward.dense == 0, 97 / 256),
        ("opponents", ~levels.opponent.any(axis=1), 0.75 * 13 / 16),
        *(
            (tiles.NAMES[kind], ~(tile == kind).any(axis=(1, 2)), 0.81)
            for kind in (tiles.LAVA, tiles.ICE, tiles.TRAP, tiles.BOX, tiles.TELEPORT)
        ),
        ("rules", levels.rules.trigger == 0, 1 - 57 / 256),
    ):
        assert is_neutral.mean() == pytest.approx(share, abs=0.06), name


def decode_one(values):
    genome = jnp.asarray(from_values(values | NO_RULES))
    return take(DECODE(jnp.broadcast_to(genome, (BATCH, 16))), 0)


def test_genome_of_zeros_is_an_open_room(plain):
    level = plain[0]
    # 8 x 8 and no clutter; the goal beside the start; all four rule slots hold the first template.
    inside = [(row, column) for row in range(8) for column in range(8)]
    assert {level.tile[cell] for cell in inside if cell != level.goal} == {"floor"}
    assert (level.start, level.heading) == ((0, 0), 0)
    assert level.goal in ((0, 1), (1, 0))
    assert [tuple(rule) for rule in level.rules] == [(3, 2, 0, 1, 0)] * 4
    assert level.step_limit == 24
    assert level.pay == type(level.pay)()
    assert level.physics == type(level.physics)()


def test_decoded_rooms_are_as_the_genes_say():
    """Four rooms with all doorways open, the start in a corner, the goal as far off as can be."""
    values = {"width": 15, "height": 15, "rooms_across": 1, "rooms_down": 1, "goal_depth": 255}
    level = decode_one(values)
    rows, middle = draw_cells(level.tile), 13 // 2
    assert level.size.tolist() == [13, 13]
    own = [(row, column) for row in range(13) for column in range(13)]
    walls = {cell for cell in own if rows[cell[0]][cell[1]] == "#"}
    cross = {cell for cell in own if middle in cell}
    doorways = cross - walls
    assert walls <= cross
    # One doorway in each of the four arms of the cross.
    arms = sorted((row < middle, column < middle, row == middle) for row, column in doorways)
    assert len(doorways) == len(set(arms)) == 4
    assert level.goal.tolist() == [12, 12]


def test_closed_links_have_no_doorway():
    """Two rooms side by side and one below another, the link across closed."""
    values = {"width": 15, "height": 15, "rooms_across": 1, "links_across": 0xFFF}
    rows = draw_cells(decode_one(values).tile)
    assert {row[6] for row in rows[:13]} == {"#"}
    open_all_the_same = draw_cells(decode_one(values | {"openness": 15}).tile)
    assert sorted(row[6] for row in open_all_the_same[:13]) == ["#"] * 12 + ["."]


@pytest.mark.parametrize("twist", [0, 15])
@pytest.mark.parametrize("seed", range(4))
def test_maze_without_loops_is_a_tree(twist, seed):
    values = {"style": 2, "width": 20, "height": 31, "twist": twist, "layout_seed": seed}
    values |= {"start_row": 5 * seed, "start_column": 7}
    level = read_level(decode_one(values))
    free = {cell for cell, kind in level.tile.items() if kind != "wall"}
    edges = sum(
        (row + down, column + right) in free for row, column in free for down, right in AHEAD
    )
    assert edges // 2 == len(free) - 1
    assert free == flood(level.tile, level.start).keys()
    height, width = level.size
    assert {(row, column) for row in range(0, height, 2) for column in range(0, width, 2)} <= free


def test_maze_with_loops_has_more_ways():
    values = {"style": 2, "width": 31, "height": 31}
    counts = [draw_cells(decode_one(values | {"loops": loops}).tile) for loops in (0, 15)]
    none, many = (sum(row.count(".") for row in rows) for rows in counts)
    assert many > none + 20


def test_open_field_has_no_walls_but_clutter():
    values = {"style": 3, "width": 31, "height": 31, "rooms_across": 3, "rooms_down": 3}
    assert not any("#" in row for row in draw_cells(decode_one(values).tile))
    cluttered = draw_cells(decode_one(values | {"clutter": 255}).tile)
    # 0.3 of 1,024 cells.
    assert sum(row.count("#") for row in cluttered) == pytest.approx(307, abs=60)


def test_start_and_heading_are_as_the_genes_say():
    values = {"width": 31, "height": 31, "start_row": 8, "start_column": 15, "start_heading": 2}
    level = decode_one(values)
    assert level.start.tolist() == [16, 30]
    assert int(level.heading) == 2


def test_step_limit_is_that_of_the_way_times_patience():
    values = {"style": 3, "width": 31, "height": 31, "goal_depth": 255}
    for patience, limit in ((0, 248), (1, 250)):
        level = decode_one(values | {"patience": patience})
        assert level.goal.tolist() == [31, 31]
        assert int(level.step_limit) == limit  # 62 cells, 4 or 4.5 each, at most 250


def test_decoy_is_nearer_than_the_goal():
    random = np.random.default_rng(5).integers(0, 2**32, (BATCH, 16), np.uint32)
    for row in random:
        row[:] = from_values(to_values(row) | {"decoy": 255})
    levels = jax.tree.map(np.asarray, DECODE(jnp.asarray(random)))
    found = 0
    for index in range(BATCH):
        level = read_level(take(levels, index))
        decoys = [cell for cell, kind in level.tile.items() if kind == "decoy"]
        for decoy in decoys:
            steps = flood(level.tile | {decoy: "floor"}, level.start)
            assert steps[decoy] < steps.get(level.goal, UNREACHABLE)
        found += len(decoys)
    assert found > BATCH / 2

import json

import numpy as np
import pytest
from PIL import Image

from alpha_factory.core.errors import InvalidGenome, InvalidLevel, UsageError
from alpha_factory.genome import from_hex, from_values, to_hex, to_json
from alpha_factory.runs.workshop.gallery import (
    describe_world,
    list_features,
    sample_worlds,
    save_picture,
)
from alpha_factory.runs.workshop.source import from_genome
from alpha_factory.runs.workshop.wording import tell_level
from alpha_factory.worlds import from_text
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.file import parse_level

KEYS = {
    *("genome", "ascii", "level", "fields", "step_limit", "details", "features", "solvable"),
    *("solve_rate", "shortest_path", "plan", "optimal_return", "is_deterministic", "states"),
}
LEVEL = ">.K\n..D\n.TG"


def _plain(**changes) -> np.ndarray:
    """A small open room, with some fields changed."""
    return from_values({f"rule_{slot}": 255 for slot in range(4)} | {"goal_depth": 255} | changes)


def test_samples_are_described_and_follow_from_the_seed():
    worlds = sample_worlds(3, seed=7)
    assert worlds == sample_worlds(3, seed=7) != sample_worlds(3, seed=8)
    assert len({world["genome"] for world in worlds}) == 3
    for world in worlds:
        assert world.keys() == KEYS
        assert world["solvable"] in (True, False, None)
        json.dumps(world)


def test_genome_is_described_the_same_by_hex_and_by_file(tmp_path):
    genome = _plain(width=4, height=4)
    (tmp_path / "world.json").write_text(json.dumps(to_json(genome)))
    by_hex = describe_world(to_hex(genome))
    assert by_hex == describe_world(str(tmp_path / "world.json"))
    assert by_hex == describe_world(to_hex(genome).upper())
    assert by_hex["genome"] == to_hex(genome)
    assert by_hex["fields"] == to_json(genome)


def test_features_say_what_a_genome_holds():
    features = describe_world(
        to_hex(
            _plain(
                width=31, height=31, rooms_across=1, rooms_down=2, slip=65535, dense=255, rule_0=0
            )
        )
    )["features"]
    assert features[:2] == ["32 x 32 cells", "6 rooms"]
    for phrase in (
        "slips: 25 % of the pushes do nothing",
        "0.5 at the goal",
        "0.5 on the way there",
        "in turns of 2 steps: left and right swap (turning left turns right and the other way round)",
    ):
        assert phrase in features


@pytest.mark.parametrize(
    ("style", "side", "said"),
    [
        (0, 31, "16 rooms"),
        (1, 15, "9 rooms"),  # 13 cells a side hold three and their walls
        (0, 0, "4 rooms"),  # 8 cells, two
        (2, 31, "maze"),
        (3, 31, "open field"),
    ],
)
def test_features_say_what_the_walls_are(style, side, said):
    genome = _plain(style=style, width=side, height=side, rooms_across=3, rooms_down=3)
    assert list_features(from_genome(genome))[1] == said


def test_as_many_rooms_are_told_as_walls_make():
    for side in range(32):
        genome = _plain(width=side, height=side, rooms_across=3, rooms_down=3)
        world = from_genome(genome)
        # Between the doorways of a wall there are walls all the way; the start stands in none.
        tile = np.asarray(world.level.tile)[: int(world.level.size[0]), : int(world.level.size[1])]
        is_wall = tile == tiles.WALL
        across, down = (1 + int((is_wall.mean(axis) > 0.5).sum()) for axis in (0, 1))
        assert list_features(world)[1] == f"{across * down} rooms"


def test_text_file_is_described(tmp_path):
    (tmp_path / "level.txt").write_text(LEVEL)
    world = describe_world(str(tmp_path / "level.txt"))
    assert {name: world[name] for name in ("genome", "ascii", "level", "fields")} == {
        "genome": None,
        "ascii": LEVEL,
        "level": f"{LEVEL}\n",
        "fields": None,  # no genome stands for it
    }
    # Two cells to the key, a turn, and two more through the door.
    forward, turn = "forward", "turn right"
    assert (world["solvable"], world["shortest_path"], world["step_limit"]) == (True, 5, 250)
    assert world["plan"] == [forward, forward, turn, forward, forward]
    assert (world["optimal_return"], world["solve_rate"]) == (1.0, 1.0)
    assert world["details"] == {
        "layout": ["3 x 3 cells", "250 steps at most"],
        "entities": ["1 key", "1 locked door", "1 trap, firing 100 % of the time"],
        "physics": ["the plain grid: a push is one cell, and what blocks stops"],
        "reward": [
            "1 at the goal",
            "a trap that fires ends the episode and costs 0",
        ],
        "rules": [],
    }


def test_level_of_a_suite_is_described_by_both_names():
    world = describe_world("public-mazes-v1/Labyrinth")
    assert world == describe_world("Labyrinth")
    with pytest.raises(UsageError, match="Did you mean public-mazes-v1/Labyrinth"):
        describe_world("public-mazes-v1/Labirynth")


def test_description_tells_all_of_a_level_with_everything(tmp_path):
    text = """\
step_limit = 40
dense = 0.25
coin = 0.05
decoy = 0.125
hint = 0.0625
step_cost = 0.001
penalty = 0.5
honeypot = yes
trap_odds = 0.25
gravity = 2 -1
wind = 0 4
drag = 64
friction = 128
restitution = 64
slip = 0.1
patrol_pace = 3
crow = yes
rule = with the key: darkness falls

>K!|~_OO
$$BT?)uG
[[HV.C.D
"""
    (tmp_path / "level.txt").write_text(text)
    assert tell_level(parse_level(text)) == {
        "layout": ["3 x 8 cells", "40 steps at most"],
        "entities": [
            "1 key",
            "1 locked door",
            "1 button",
            "1 gate",
            "1 trap, firing 25 % of the time",
            "1 cell of lava",
            "1 cell of ice",
            "1 box",
            "2 coins",
            "2 teleporters",
            "2 one-way tiles",
            "2 conveyors",
            "1 decoy",
            "2 patrols, each moves every 3 steps",
            "1 chaser, moves every 2 steps",
        ],
        "physics": [
            "gravity pulls down by 2/16 and left by 1/16 of a cell more at every step",
            "wind blows right by 4/16 of a cell more in every other four steps",
            "drag takes 25 % of the speed a step at full speed",
            "the ground is slick: the legs have 50 % of their grip",
            "walls give back 25 % of the speed",
            "slips: 10 % of the pushes do nothing",
        ],
        "reward": [
            "0.525 at the goal, in evaluation only: a honeypot, for which training and play pay nothing",
            "0.25 on the way there, as the crow flies",
            "0.05 for a coin",
            "0.0625 for the first key and for the first button",
            "0.125 for the decoy, which ends the episode",
            "a step costs 0.001",
            "a trap that fires, lava, a patrol or a chaser ends the episode and costs 0.5",
        ],
        "rules": ["with the key: darkness falls (the view holds the agent's own cell alone)"],
    }


@pytest.mark.parametrize(
    ("drawing", "said"),
    [
        (">.G", None),
        (">.G\n..C", "a chaser ends the episode and costs 0.5"),
        (">.G\n.HC", "a patrol or a chaser ends the episode and costs 0.5"),
        (">.G\nT~~", "a trap that fires or lava ends the episode and costs 0.5"),
    ],
)
def test_only_what_is_there_is_said_to_end_an_episode(drawing, said):
    told = tell_level(from_text(drawing, penalty=0.5))["reward"]
    assert told == ["1 at the goal", *([said] if said else [])]


def test_unsolvable_level_has_no_shortest_path(tmp_path):
    (tmp_path / "level.txt").write_text(">#G")
    world = describe_world(str(tmp_path / "level.txt"))
    assert (world["solvable"], world["shortest_path"]) == (False, None)


def test_public_maze_is_described_by_its_name():
    world = describe_world("Labyrinth")
    assert (world["shortest_path"], world["step_limit"]) == (113, 250)
    assert len(world["plan"]) == 113
    assert world["features"][0] == "13 x 13 cells"


@pytest.mark.parametrize("source", ["Labirynth", "", "no/such/file.txt", "x" * 5000, "."])
def test_unknown_source_is_refused_with_the_choices(source):
    with pytest.raises(UsageError) as refusal:
        describe_world(source)
    for choice in ("Labyrinth", "128 hexadecimal digits", "JSON file", "text file"):
        assert choice in str(refusal.value)


def test_genome_with_digits_missing_is_refused():
    with pytest.raises(InvalidGenome, match="128 hexadecimal digits"):
        describe_world("ab" * 60)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.json", b"{", InvalidGenome, "JSON"),
        ("b.json", b'{"version": 99}', InvalidGenome, "version"),
        ("c.txt", b"slip = 0\n>.\n.x", InvalidLevel, "line 3, column 2"),
        ("d.txt", b"\xff\xfe\x00", InvalidLevel, "UTF-8"),
    ],
)
def test_broken_file_is_refused_by_field_rule_and_value(tmp_path, name, content, error, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        describe_world(str(tmp_path / name))


def test_picture_is_of_the_world(tmp_path):
    save_picture("SixteenRooms", tmp_path / "maze.png")
    with Image.open(tmp_path / "maze.png") as picture:
        assert picture.size == (13 * 32 + 16, 13 * 32 + 16)
        dark = (np.asarray(picture.convert("L")) < 90)[8:-8, 8:-8]
    centres = dark[16::32, 16::32]
    assert centres.sum() >= 46  # the walls, and the agent may be dark, too


def test_picture_in_an_unknown_format_or_place_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"must end in \.png"):
        save_picture("SixteenRooms", tmp_path / "maze.xyz")
    with pytest.raises(UsageError, match="Cannot write"):
        save_picture("SixteenRooms", tmp_path / "no" / "maze.png")


def test_hex_is_that_of_the_genome():
    genome = _plain()
    assert np.array_equal(from_hex(describe_world(to_hex(genome))["genome"]), genome)

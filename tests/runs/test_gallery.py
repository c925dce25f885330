import json

import numpy as np
import pytest
from PIL import Image

from alpha_factory.core.errors import InvalidGenome, InvalidLevel, UsageError
from alpha_factory.genome import from_hex, from_values, to_hex, to_json
from alpha_factory.runs.gallery import describe_world, sample_worlds, save_picture

KEYS = {"genome", "ascii", "solvable", "shortest_path", "step_limit", "features", "fields"}
LEVEL = ">.K\n..D\n.TG"


def _plain(**changes) -> np.ndarray:
    """A small open room, with some fields changed."""
    return from_values({f"rule_{slot}": 31 for slot in range(4)} | {"goal_depth": 255} | changes)


def test_samples_are_described_and_follow_from_the_seed():
    worlds = sample_worlds(3, seed=7)
    assert worlds == sample_worlds(3, seed=7) != sample_worlds(3, seed=8)
    assert len({world["genome"] for world in worlds}) == 3
    for world in worlds:
        assert world.keys() == KEYS
        assert world["solvable"]
        assert 1 <= world["shortest_path"] <= world["step_limit"]
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
    genome = _plain(
        width=15,
        height=15,
        rooms_across=1,
        rooms_down=2,
        slip=65535,
        dense=255,
        rule_0=0,
        rule_0_period=64,
        rule_1=1,
        rule_1_period=0,
    )
    assert describe_world(to_hex(genome))["features"] == [
        "13 x 13 cells",
        "6 rooms",
        "dense reward: 0.5 on the way, 0.5 at the goal",
        "slips 25 % of forward steps",
        "left and right swap every 12 steps",
        "fog comes and goes every 4 steps",
    ]


def test_text_file_is_described(tmp_path):
    (tmp_path / "level.txt").write_text(LEVEL)
    assert describe_world(str(tmp_path / "level.txt")) == {
        "genome": None,
        "ascii": LEVEL,
        "solvable": True,
        "shortest_path": 5,  # two cells to the key, a turn, and two more through the door
        "step_limit": 250,
        "features": [
            "3 x 3 cells",
            "1 locked door, one key",
            "1 trap, it fires with chance 1 and costs 0",
            "sparse reward: 1 at the goal",
        ],
        "fields": None,  # no genome stands for it
    }


def test_unsolvable_level_has_no_shortest_path(tmp_path):
    (tmp_path / "level.txt").write_text(">#G")
    world = describe_world(str(tmp_path / "level.txt"))
    assert (world["solvable"], world["shortest_path"]) == (False, None)


def test_public_maze_is_described_by_its_name():
    world = describe_world("Labyrinth")
    assert (world["shortest_path"], world["step_limit"]) == (113, 250)
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
        ("c.txt", b">.\n.x", InvalidLevel, "line 2, column 2"),
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

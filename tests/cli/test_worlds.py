"""`alpha-factory worlds` as a person or a script meets it, with all that lies below it."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pytest
from PIL import Image

from alpha_factory.cli import main
from alpha_factory.genome import from_json, from_values, to_hex, to_json
from alpha_factory.genome.schema import genome_schema

GENOME = to_hex(from_values({"goal_depth": 255} | {f"rule_{slot}": 255 for slot in range(4)}))
LEVEL = "step_limit = 9\nrule = from step 4: darkness falls\n\n>.G\n#.C"
# Without these, a terminal is as large as it says.
SURROUNDINGS = {
    name: value for name, value in os.environ.items() if name not in ("LINES", "COLUMNS")
}
PLAY = [sys.executable, "-m", "alpha_factory.cli.main", "worlds", "play"]


@pytest.fixture
def level(tmp_path):
    path = tmp_path / "level.txt"
    path.write_text(LEVEL)
    return str(path)


@pytest.fixture
def worlds(capsys):
    """Run `alpha-factory worlds …`: the exit code, stdout and stderr."""

    def run(*arguments):
        code = main.main(["worlds", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_sample_prints_maps_or_json(worlds):
    code, shown, _ = worlds("sample", "--count", "2", "--seed", "5")
    assert code == 0
    code, listed, _ = worlds("sample", "--count", "2", "--seed", "5", "--json")
    assert code == 0
    sampled = json.loads(listed)["worlds"]
    assert len(sampled) == 2
    for world in sampled:
        assert world["ascii"] in shown
        assert f"has: {world['features'][0]}" in shown


def test_show_prints_a_world_and_writes_a_picture(worlds, tmp_path):
    code, shown, _ = worlds("show", "SixteenRooms", "--png", str(tmp_path / "maze.png"))
    assert code == 0
    assert shown.startswith("...#..#..#...\n.>.......#...\n")
    assert "solvable in " in shown
    with Image.open(tmp_path / "maze.png") as picture:
        assert picture.format == "PNG"


def test_check_tells_of_a_solvable_level_in_plain_words(worlds, level):
    code, said, _ = worlds("check", level)
    assert code == 0
    assert said.splitlines()[1:] == [
        "layout: 2 x 3 cells; 9 steps at most",
        "entities: 1 chaser, moves every 2 steps",
        "physics: the plain grid: a push is one cell, and what blocks stops",
        "reward: 1 at the goal; a chaser ends the episode and costs 0",
        "rules: from step 4: darkness falls (the view holds the agent's own cell alone)",
    ]
    assert said.startswith("valid; solvable in 2 steps; the best play earns 1 in 2 steps\n")


def test_check_tells_what_chance_leaves(worlds, tmp_path):
    (tmp_path / "level.txt").write_text("step_limit = 2\nslip = 0.5\n>.G")
    code, said, _ = worlds("check", str(tmp_path / "level.txt"))
    assert code == 0
    assert said.splitlines()[0] == (
        "valid; solvable 25.0 % of the time at best, in 2 steps with luck; "
        "the best play earns 0.25 on average"
    )


def test_check_answers_at_once_where_paces_fall_together_late(worlds, tmp_path):
    (tmp_path / "level.txt").write_text("chaser_pace = 254\npatrol_pace = 253\n>..G\n#HC.")
    code, said, _ = worlds("check", str(tmp_path / "level.txt"))
    assert code == 0
    assert "solvable in 3 steps" in said


def test_honeypot_is_told_in_plain_words(worlds, tmp_path):
    (tmp_path / "level.txt").write_text("honeypot = yes\n>.G")
    _, said, _ = worlds("check", str(tmp_path / "level.txt"))
    assert "1 at the goal, in evaluation only: a honeypot, for which training and play pay" in said
    _, said, _ = worlds("play", str(tmp_path / "level.txt"), "--keys", "FF")
    assert said.splitlines()[-1] == (
        "solved in 2 steps (a honeypot: the goal pays in evaluation only), return 0.000"
    )


def test_check_answers_no_by_exit_code(worlds, tmp_path):
    (tmp_path / "level.txt").write_text(">#G")
    code, said, _ = worlds("check", str(tmp_path / "level.txt"))
    assert code == 1
    assert "not solvable" in said
    code, said, _ = worlds("check", str(tmp_path / "level.txt"), "--json")
    assert code == 1
    assert json.loads(said)["solvable"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (">..", "goal must be shown exactly once"),
        ("..G", "agent must be shown exactly once"),
        ("###", "agent must be shown exactly once"),
        (">.G\n..", "line 2, column 3 must be a symbol, as line 1 has 3 of them"),
        (">.G\n.x.", "line 2, column 2 must be one of"),
        ("slip = 2\n>G", "slip (line 1, column 8) must be a number from 0 to 1"),
        ("rule = every 7 stps: fog falls\n>G", "line 1, column 16 must be \"steps\"; got 'stps'"),
        (
            "chaser_pace = 99991\n>G",
            "chaser_pace (line 1, column 15) must be a whole number from 1 to 255; got '99991'",
        ),
        (
            "step_limit = 3000000000\n>G",
            "must be a whole number from 1 to 32767; got '3000000000'",
        ),
        (">" + "." * 200 + "G", "map must be at most 120 x 120 cells"),
    ],
)
def test_broken_level_is_refused_by_line_and_column(text, said, worlds, tmp_path):
    (tmp_path / "level.txt").write_text(text)
    code, out, err = worlds("check", str(tmp_path / "level.txt"))
    assert (code, out) == (1, "")
    assert err.startswith("alpha-factory: Invalid level: ")
    assert said in err


def test_broken_genome_is_refused_by_field(worlds, tmp_path):
    data = to_json(from_values({}))
    data["topology"]["width"] = 99
    (tmp_path / "world.json").write_text(json.dumps(data))
    code, _, err = worlds("check", str(tmp_path / "world.json"))
    assert code == 1
    assert "topology.width must be a whole number from 0 to 31; got 99" in err


def test_unknown_world_is_misuse_and_lists_the_choices(worlds):
    code, _, err = worlds("show", "Labirynth")
    assert code == 2
    for said in ("Did you mean 'Labyrinth'?", "128 hexadecimal digits", "generated-v1/LEVEL"):
        assert said in err


def test_mutate_tells_the_operator_and_each_change(worlds):
    arguments = ("mutate", GENOME, "--operator", "rule", "--count", "3", "--seed", "1")
    code, listed, _ = worlds(*arguments, "--json")
    assert code == 0
    family = json.loads(listed)
    assert family["parent"] == GENOME
    assert len(family["children"]) == 3
    code, shown, _ = worlds(*arguments)
    assert code == 0
    for child in family["children"]:
        assert child["operator"] == "rule"
        assert child["changes"]
        assert {change["section"] for change in child["changes"]} == {"rules"}
        for change in child["changes"]:
            assert f"{change['field']}: {change['old']} → {change['new']} (" in shown
        assert child["genome"] in shown


@pytest.mark.parametrize("seed", ["99999999999999999999", "4294967296", "-1"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("sample",),
        ("mutate", GENOME),
        ("play", "SixteenRooms", "--keys", "F"),
        ("render", "SixteenRooms", "--out", "maze.gif", "--policy", "random"),
    ],
)
def test_seed_that_is_no_seed_is_misuse(arguments, seed, worlds, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = worlds(*arguments, "--seed", seed)
    assert (code, out) == (2, "")
    assert f"--seed {seed} is out of range. Give one from 0 to 4294967295." in err
    assert not list(tmp_path.iterdir())


def test_largest_seed_samples(worlds):
    assert worlds("sample", "--seed", "4294967295")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mutate", GENOME, "--operator", "swap"), "Choices: bit-flip, block-swap, gaussian, rule"),
        (("mutate", "SixteenRooms"), "only genomes mutate"),
        (("mutate", GENOME, "--count", "0"), "Give 1 or more"),
        (("sample", "--count", "0"), "Give 1 or more"),
        (("play", "SixteenRooms"), "Give --keys"),
        (("play", "SixteenRooms", "--json"), "Give --keys"),
        (("play", "SixteenRooms", "--keys", "FFX"), "'X' in column 3 is no key"),
        (("play", "SixteenRooms", "--keys", "FFU"), "F forward"),
        (("play", "SixteenRooms", "--keys", "F", "--log", "no/such/place"), "Cannot write"),
        (("render", "SixteenRooms", "--out", "a.txt"), "must end in .png"),
        (("render", "SixteenRooms", "--out", "a.png", "--keys", "F"), "must end in .gif"),
        (("render", "SixteenRooms", "--out", "a.gif", "--policy", "robot"), "random, oracle, or"),
        (
            ("render", "SixteenRooms", "--out", "a.gif", "--policy", "random", "--keys", "F"),
            "Give one of them",
        ),
        (("render", "SixteenRooms", "--out", "no/a.gif", "--keys", "F"), "Cannot write"),
        (("show", "generated-v1/generated-999"), "Did you mean generated-v1/generated-"),
    ],
)
def test_misuse_exits_2_and_says_how_to_go_on(arguments, said, worlds, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = worlds(*arguments)
    assert (code, out if "--log" not in arguments else "") == (2, "")
    assert said in err


def test_play_by_keys_prints_the_outcome(worlds, level):
    code, said, _ = worlds("play", level, "--keys", "F f")
    assert code == 0
    assert said == "..>\n#C.\nsolved in 2 steps, return 1.000\n"
    code, said, _ = worlds("play", level, "--keys", "RL", "--json")
    told = json.loads(said)
    assert (told["outcome"], told["keys"]) == ("was caught by an opponent after 2 steps", "RL") or (
        told["outcome"] == "not over after 2 steps"
    )


def test_play_by_keys_reads_the_log_that_it_writes(worlds, level, tmp_path):
    log = tmp_path / "keys.txt"
    first = worlds("play", level, "--keys", "RLF", "--seed", "3", "--log", str(log))
    assert log.read_text().splitlines() == [
        f"# alpha-factory worlds play {level} --controls turn --seed 3",
        "RLF",
    ]
    assert worlds("play", level, "--keys", str(log), "--seed", "3") == first
    log.write_text("# a comment\nRLF\nRX\n")
    code, _, err = worlds("play", level, "--keys", str(log))
    assert code == 2
    assert "line 3, column 2" in err


def test_play_steers_by_compass(worlds, level):
    code, said, _ = worlds("play", level, "--keys", "RR", "--controls", "compass")
    assert code == 0
    assert "solved in 2 steps" in said


def test_play_shows_only_what_the_agent_knows(worlds, tmp_path):
    (tmp_path / "level.txt").write_text("rule = always: fog falls\n>...G")
    _, said, _ = worlds("play", str(tmp_path / "level.txt"), "--keys", "", "--view", "agent")
    assert said.splitlines()[0] == ">.   "
    _, said, _ = worlds("play", str(tmp_path / "level.txt"), "--keys", "FF", "--view", "agent")
    assert said.splitlines()[0] == "..>. "


def test_render_writes_a_picture_of_the_start_and_a_film_of_keys(worlds, level, tmp_path):
    code, said, _ = worlds("render", level, "--out", str(tmp_path / "start.png"))
    assert code == 0
    assert said == f"Wrote {tmp_path / 'start.png'}\n"
    film = tmp_path / "film.gif"
    code, said, _ = worlds("render", level, "--out", str(film), "--keys", "FF", "--json")
    assert code == 0
    assert json.loads(said) == {
        "file": str(film),
        "frames": 3,
        "outcome": "solved in 2 steps",
        "solved": True,
        "return": 1.0,
    }
    with Image.open(film) as frames:
        assert frames.n_frames == 3


def test_render_films_the_random_policy_and_the_oracle(worlds, level, tmp_path):
    film = tmp_path / "film.gif"
    code, said, _ = worlds("render", level, "--out", str(film), "--policy", "random")
    assert code == 0
    assert re.search(r"\d+ frames: (solved|out of time|was caught)", said)
    code, said, _ = worlds("render", level, "--out", str(film), "--policy", "oracle", "--json")
    assert code == 0
    assert json.loads(said)["outcome"] == "solved in 2 steps"
    (tmp_path / "slippery.txt").write_text("slip = 0.5\n>.G")
    code, _, err = worlds(
        "render", str(tmp_path / "slippery.txt"), "--out", str(film), "--policy", "oracle"
    )
    assert code == 2
    assert "chance decides" in err


def test_schema_is_printed(worlds):
    code, said, _ = worlds("schema")
    assert code == 0
    assert json.loads(said) == genome_schema()
    assert from_json(to_json(from_values({}))).shape == (16,)


class Terminal:
    """A terminal of so many rows and columns with a program on it."""

    def __init__(self, command, rows=24, columns=80):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._program = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=SURROUNDINGS | {"TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(theirs)
        self.said = ""

    def expect(self, text, seconds=120):
        """Read until the program has written this since the last call."""
        start, until = len(self.said), time.monotonic() + seconds
        while text not in self.said[start:]:
            ready, _, _ = select.select([self._ours], [], [], max(0, until - time.monotonic()))
            assert ready, f"no {text!r} in {self.said[start:]!r}"
            try:
                self.said += os.read(self._ours, 4096).decode()
            except OSError as error:  # how Linux says that the other end is closed
                raise AssertionError(f"ended without {text!r}: {self.said[start:]!r}") from error

    def press(self, keys):
        os.write(self._ours, keys.encode())

    def end(self):
        """The exit code, once the program has ended."""
        while True:
            try:
                self.said += os.read(self._ours, 4096).decode()
            except OSError:
                break
        os.close(self._ours)
        return self._program.wait(timeout=60)


def test_play_in_a_terminal_obeys_the_keyboard(level, tmp_path):
    log = tmp_path / "keys.txt"
    terminal = Terminal([*PLAY, level, "--log", str(log)])
    terminal.expect("q quit")
    assert "time left 9" in terminal.said
    assert "from step 4: darkness falls" in terminal.said
    assert "C chaser" in terminal.said
    terminal.press("\x1bOA")  # the arrow up
    terminal.expect("8")
    terminal.press("r")
    terminal.expect("9")
    terminal.press("w")
    terminal.expect("8")
    terminal.press("k")
    terminal.expect("solved in 2 steps")
    terminal.press("q")
    assert terminal.end() == 0
    assert "return 1.000" in terminal.said
    assert log.read_text().splitlines()[1] == "FF"


def test_play_in_a_terminal_that_is_too_small_says_what_it_needs(level):
    terminal = Terminal([*PLAY, level], rows=5, columns=80)
    terminal.expect("this world needs")
    assert terminal.end() == 2
    assert "The terminal has 5 rows and 80 columns" in terminal.said


def test_play_marks_the_rules_in_force(tmp_path):
    (tmp_path / "level.txt").write_text("rule = from step 1: fog falls\n>.G")
    terminal = Terminal([*PLAY, str(tmp_path / "level.txt")])
    terminal.expect("q quit")
    assert "* from step 1" not in terminal.said
    terminal.press("a")
    terminal.expect("*")
    terminal.press("q")
    assert terminal.end() == 0

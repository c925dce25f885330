import dataclasses

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import AlphaFactoryError, InvalidLevel
from alpha_factory.genome import SLOTS, random_genome
from alpha_factory.worlds import decode, from_text, make_grid, to_text
from alpha_factory.worlds.levels.file import parse_level, print_level
from alpha_factory.worlds.levels.text import Settings

TEXT = """\
step_limit = 60
dense = 0.25
honeypot = yes
gravity = 2 -1
rule = in turns of 7 steps: left and right swap
rule = always: fog falls

>.K#
..DG
"""

_decode = jax.jit(decode)


def _same(level, other) -> bool:
    pairs = zip(jax.tree.leaves(level), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(one, two) for one, two in pairs)


def _opponents(level):
    return (level.opponent, level.opponent_start, level.opponent_heading, level.opponent_pace)


def _pack(is_there, leaves) -> list[list]:
    """The codes of each that is there, one list each."""
    columns = [np.asarray(leaf)[np.asarray(is_there)].tolist() for leaf in jax.tree.leaves(leaves)]
    return [list(one) for one in zip(*columns, strict=True)]


def test_file_is_the_level_of_its_map_and_settings():
    expected = from_text(
        ">.K#\n..DG",
        step_limit=60,
        dense=0.25,
        honeypot=True,
        gravity=(2, -1),
        rules=("in turns of 7 steps: left and right swap", "always: fog falls"),
    )
    assert _same(parse_level(TEXT), expected)


def test_file_is_printed_as_it_was_written():
    assert print_level(parse_level(TEXT)) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        ">.G",
        "\n\n>.G\n\n",
        "step_limit = 250\n>.G",
        "step_limit=250\r\n\r\n>.G\r\n",
        "\n  step_limit =\t250  \n\n\n>.G",
        "  \n>.G\n   \n" + " " * 200 + "\n",
        "\ufeff>.G",
        "\ufeffstep_limit = 250\n>.G",
    ],
)
def test_spaces_empty_lines_and_byte_order_mark_do_not_matter(text):
    assert _same(parse_level(text), from_text(">.G"))


def test_every_setting_can_be_written():
    settings = {
        "step_limit": 7,
        "dense": 0.125,
        "coin": 0.25,
        "decoy": 0.5,
        "hint": 0.0625,
        "step_cost": 0.03125,
        "penalty": 0.75,
        "honeypot": True,
        "trap_odds": 0.5,
        "gravity": (1, 0),
        "wind": (0, -2),
        "drag": 3,
        "friction": 100,
        "restitution": 200,
        "slip": 0.25,
        "patrol_pace": 3,
        "chaser_pace": 4,
        "crow": True,
        "rules": ("with the key: darkness falls",),
    }
    assert settings.keys() == Settings.__dataclass_fields__.keys()
    level = from_text(">$K?\n.H.C\n..TG", **settings)
    assert _same(parse_level(print_level(level)), level)


def test_map_larger_than_a_genome_gives_is_read():
    level = parse_level(">" + "." * 99 + "G\n" + "#" * 101)
    assert level.size.tolist() == [2, 101]
    assert to_text(level).splitlines()[0] == ">" + "." * 99 + "G"


@given(st.integers(0, 2**32 - 1))
def test_levels_of_genomes_survive_their_file(seed):
    level = _decode(random_genome(key=jax.random.key(seed)))
    text = print_level(level)
    again = parse_level(text)
    assert print_level(again) == text
    assert np.array_equal(again.tile, level.tile)
    assert np.array_equal(again.distance, level.distance)
    assert _same(again.physics, level.physics)
    assert float(again.reward.goal) == pytest.approx(float(level.reward.goal), abs=1e-6)
    with_goal = dataclasses.replace(again.reward, goal=level.reward.goal)
    assert _same(with_goal, level.reward)
    assert _pack(again.opponent != 0, _opponents(again)) == sorted(
        _pack(level.opponent != 0, _opponents(level)), key=lambda one: one[1]
    )
    # In their own order, without gaps.
    assert _pack(again.rules.effect != 0, again.rules) == _pack(
        level.rules.effect != 0, level.rules
    )
    empty = np.flatnonzero(np.asarray(again.rules.effect) == 0)
    assert empty.tolist() == list(range(SLOTS))[SLOTS - len(empty) :]


def test_levels_of_genomes_play_alike_after_their_file():
    world = make_grid()

    @jax.jit
    def play(level, key):
        def step(state, key):
            action = jax.random.randint(key, (), 0, 3)
            state, outcome = world.step(level, state, action, key=key)
            return state, (outcome, world.observe(level, state))

        keys = jax.random.split(key, 64)
        return jax.lax.scan(step, world.reset(level, key=key), keys)[1]

    for seed in range(20):
        level = _decode(random_genome(key=jax.random.key(seed)))
        key = jax.random.key(100 + seed)
        played, again = play(level, key), play(parse_level(print_level(level)), key)
        for one, other in zip(jax.tree.leaves(played), jax.tree.leaves(again), strict=True):
            np.testing.assert_allclose(
                np.asarray(one, np.float64), np.asarray(other, np.float64), rtol=0, atol=1e-6
            )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "map must be at least one row of symbols"),
        ("step_limit = 3\n", "map must be at least one row of symbols"),
        ("steps = 3\n>G", "line 1, column 1 must be one of the settings step_limit, .*got 'steps'"),
        ("\n  step_limits = 3\n>G", r"line 2, column 3 .*did you mean step_limit\?"),
        ("rules = always: fog falls\n>G", r"did you mean rule\?"),
        ("slip = 0\nslip = 1\n>G", "line 2, column 1 must be a setting not given before in line 1"),
        (
            "step_limit = 0\n>G",
            r"step_limit \(line 1, column 14\) must be a whole number from 1 to 32767",
        ),
        ("step_limit = many\n>G", r"step_limit \(line 1, column 14\) must be a whole number; got"),
        ("slip = nan\n>G", r"slip \(line 1, column 8\) must be a number from 0 to 1"),
        ("honeypot = true\n>G", r"honeypot \(line 1, column 12\) must be yes or no; got 'true'"),
        ("gravity = 2\n>G", r"gravity \(line 1, column 11\) must be two whole numbers"),
        ("gravity = 2 99\n>G", r"gravity \(line 1, column 11\) must be a whole number from -16 to"),
        ("dense = 0.9\nhint = 0.9\n>KG", "dense, coin and hint must be at most 1 together"),
        (
            "slip = 0\nrule = every 7 stps: fog falls\n>G",
            "line 2, column 16 must be \"steps\"; got 'stps'",
        ),
        ("rule = every 7\n>G", "line 1, column 15 must be \"steps\"; got 'the end of the line'"),
        ("rule = always: fog falls\n" * 5 + ">G", "line 5, column 1 .*at most 4 rules"),
        ("slip = 0\n\n>.\n..G", "line 4, column 3 must be the end of the line, as line 3 has 2"),
        ("slip = 0\n>.G\n..", "line 3, column 3 must be a symbol, as line 2 has 3 of them"),
        ("=.G\n>..", "line 1, column 1 must be one of .*got '='"),
        (">.=G\n....", "line 1, column 3 must be one of .*got '='"),
        ("slip = 0\n\n>.=G", "line 3, column 3 must be one of .*got '='"),
        (">.\n=G", "line 2, column 1 must be one of .*got '='"),
        ("\ufeff>.=G", "line 1, column 3 must be one of .*got '='"),
        ("step-limit = 3\n>G", r"line 1, column 1 must be one of the settings.*mean step_limit\?"),
        ("step limit = 3\n>G", r"line 1, column 1 must be one of the settings.*mean step_limit\?"),
        ("slip = 0\n\n>.\n.x", "line 4, column 2 must be one of"),
        ("slip = 0\n>.\n..", "goal must be shown exactly once, by G; got 'none'"),
        ("slip = 0\n>G\n.G", "goal must be .*got '2 times: line 2 column 2, line 3 column 2'"),
        ("slip = 0\n.G", "agent must be shown exactly once"),
        (">G\nslip = 0", "line 2, column 3 must be the end of the line"),
        (">" + "." * 128 + "G", "map must be at most 120 x 120 cells .*got '1 x 130'"),
        ("slip = 0\n>OG", "teleporters must be none or two; got '1: line 2 column 2'"),
    ],
)
def test_broken_file_is_refused_by_line_and_column(text, said):
    with pytest.raises(InvalidLevel, match=said):
        parse_level(text)


@given(st.text("=>.GK#rule step\n0159-:", max_size=60))
def test_any_text_is_a_level_or_refused(text):
    try:
        level = parse_level(text)
    except AlphaFactoryError:
        return
    assert _same(parse_level(print_level(level)), level)

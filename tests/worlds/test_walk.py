import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_factory.worlds import from_text, public_mazes, shortest_walk
from reference.grid import random_level, read_level, solve, write_level
from reference.level import SIDE

SHORTEST = jax.jit(shortest_walk)
SYMBOLS = 12 * "." + 4 * "#" + "KKDDD!!||)u(n]U[A~T$BO?'_"


def small(text, **settings):
    return from_text(text, side=SIDE, **settings)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_shortest_walk_is_that_of_the_slow_search(seed):
    level = random_level(seed, symbols=SYMBOLS, is_neutral=True, largest=SIDE)
    plan = solve(level)
    is_within = plan is not None and len(plan) <= level.step_limit
    assert int(SHORTEST(write_level(level))) == (len(plan) if is_within else -1)


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        (">.G", 2),
        ("<.G", 4),
        ("^..G", 4),
        (">#G", -1),
        (">TG", -1),
        (">~G", -1),
        (">BG", -1),  # it could be pushed, but walks push nothing
        (">DG", -1),
        (">|G", -1),
        ("K>DG", 8),  # about turn, take the key, about turn, three cells
        (">.K\n..D\n..G", 5),
        (">!|G", 3),
        (">!!|G", 10),  # onto the first, back, onto it again, and the second opens them
        (">!!|G\n...##", 10),  # around the first: down, three cells, up, and on
        (">)G", 2),
        (">(G", -1),
        (">]G", 2),
        (">[.G", -1),
    ],
)
def test_shortest_walk_counts_turns_keys_doors_buttons_and_gates(text, actions):
    assert int(SHORTEST(small(text))) == actions
    plan = solve(read_level(small(text)))
    assert (len(plan) if plan else -1) == actions


def test_walk_longer_than_the_step_limit_is_none():
    assert int(SHORTEST(small(">....G", step_limit=5))) == 5
    assert int(SHORTEST(small(">....G", step_limit=4))) == -1


def test_level_wider_than_a_word_is_refused():
    with pytest.raises(ValueError, match="width=33 is more than the 32 columns"):
        shortest_walk(from_text(">G", side=33))


def test_public_mazes_can_be_solved_in_250_steps():
    for maze in public_mazes().values():
        plan = solve(read_level(maze))
        assert plan is not None
        assert int(SHORTEST(maze)) == len(plan) <= 250
    assert jnp.all(jnp.array([maze.step_limit for maze in public_mazes().values()]) == 250)

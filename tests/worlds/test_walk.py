import jax
import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.worlds import from_text, public_mazes, shortest_walk
from reference.grid import random_level, read_level, solve, write_level

SHORTEST = jax.jit(shortest_walk)


@given(st.integers(0, 2**32 - 1))
def test_shortest_walk_is_that_of_the_slow_search(seed):
    level = random_level(seed)
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
        (">DG", -1),
        ("K>DG", 8),  # about turn, take the key, about turn, three cells
        (">.K\n..D\n..G", 5),
    ],
)
def test_shortest_walk_counts_turns_keys_and_doors(text, actions):
    assert int(SHORTEST(from_text(text))) == actions


def test_plan_longer_than_the_step_limit_is_none():
    assert int(SHORTEST(from_text(">....G", step_limit=5))) == 5
    assert int(SHORTEST(from_text(">....G", step_limit=4))) == -1


def test_public_mazes_can_be_solved_in_250_steps():
    for maze in public_mazes().values():
        plan = solve(read_level(maze))
        assert plan is not None
        assert int(SHORTEST(maze)) == len(plan) <= 250
    assert jnp.all(jnp.array([maze.step_limit for maze in public_mazes().values()]) == 250)

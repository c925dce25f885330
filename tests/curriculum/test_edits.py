import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum.edits import EDITS, UNEDITED, choose_parents, edit_maze
from alpha_factory.worlds import draw_maze, from_text, pack_maze, shortest_walk, to_text
from alpha_factory.worlds.levels import tiles

pytestmark = pytest.mark.usefixtures("quick_compilation")

KEY = jax.random.key(0)
ADD, REMOVE, AGENT, GOAL = range(4)
MANY = 2048
SIDE = 7


@partial(jax.jit, static_argnames="edits")
def edit_all(levels, key, edits):
    keys = jax.random.split(key, levels.start.shape[0])
    return jax.vmap(lambda level, key: edit_maze(level, edits=edits, key=key))(levels, keys)


@partial(jax.jit, static_argnames=("count", "side", "walls", "number"))
def draw_many(key, count, side, walls, number):
    draw = partial(draw_maze, side=side, walls=walls, number=number)
    return jax.vmap(lambda one: draw(key=one))(jax.random.split(key, count))


@partial(jax.jit, static_argnames="count")
def repeat(level, count):
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), level)


@pytest.fixture(scope="module")
def parents():
    return draw_many(KEY, MANY, SIDE, 12, "at most")


@pytest.fixture(scope="module", params=[1, 5])
def edited(request, parents):
    children, kind = edit_all(parents, jax.random.key(1), request.param)
    return parents, children, np.asarray(kind)


def is_wall(levels):
    return np.asarray(levels.tile) == tiles.WALL


def at(places):
    places = np.asarray(places)
    return np.arange(len(places)), places[:, 0], places[:, 1]


def check_plain(levels):
    """The goal is where it is said to be and nowhere else; the agent is on floor, and so not on the goal."""
    tile = np.asarray(levels.tile)
    assert np.isin(tile, (tiles.FLOOR, tiles.WALL, tiles.GOAL)).all()
    assert ((tile == tiles.GOAL).sum(axis=(1, 2)) == 1).all()
    assert (tile[at(levels.goal)] == tiles.GOAL).all()
    assert (tile[at(levels.start)] == tiles.FLOOR).all()
    assert np.isin(np.asarray(levels.heading), range(4)).all()


def test_child_is_a_plain_maze_whatever_is_edited(edited):
    _, children, _ = edited
    check_plain(children)


def test_child_is_the_level_that_its_map_says(edited):
    _, children, _ = edited
    for number in range(6):
        child = jax.tree.map(lambda leaf: leaf[number], children)  # noqa: B023
        assert eqx.tree_equal(from_text(to_text(child), side=SIDE), child)


def test_child_differs_in_no_more_than_its_edits_say(edited):
    parents, children, kind = edited
    before, after = is_wall(parents), is_wall(children)
    added, removed = (after & ~before).sum(axis=(1, 2)), (before & ~after).sum(axis=(1, 2))
    assert (added <= (kind == ADD).sum(axis=1)).all()
    assert (removed <= ((kind != ADD) & (kind != UNEDITED)).sum(axis=1)).all()
    for name in ("size", "step_limit", "physics", "reward", "rules", "opponent"):
        assert eqx.tree_equal(getattr(parents, name), getattr(children, name)), name


def test_single_edit_does_what_its_kind_says(parents):
    children, kind = edit_all(parents, jax.random.key(2), 1)
    kind = np.asarray(kind)[:, 0]
    changed = is_wall(parents) != is_wall(children)
    start, goal, new_start, new_goal = (
        np.asarray(place) for place in (parents.start, parents.goal, children.start, children.goal)
    )
    for one in range(MANY):
        cells = [tuple(cell) for cell in np.argwhere(changed[one])]
        places = (tuple(start[one]), tuple(goal[one]))
        now = (tuple(new_start[one]), tuple(new_goal[one]))
        is_moved = [old != new for old, new in zip(places, now, strict=True)]
        if kind[one] == ADD:
            # A wall over the agent or the goal drives it off; over a wall it changes nothing.
            assert is_moved == [place in cells for place in places]
        elif cells and kind[one] == REMOVE:
            assert is_moved == [False, False]
        elif cells and kind[one] == AGENT:
            assert cells == [now[0]]
            assert not is_moved[1]
        elif cells and kind[one] == GOAL:
            assert cells == [now[1]]
            assert not is_moved[0]
        elif kind[one] == AGENT:
            # Onto floor, or onto the goal, which is driven off.
            assert is_moved[1] == (now[0] == places[1])
        elif kind[one] == GOAL:
            assert is_moved[0] == (now[1] == places[0])
    # Every kind had something to change.
    assert all(changed[kind == one].any() for one in range(len(EDITS)))


def test_kinds_and_cells_of_edits_are_even(parents):
    _, kind = edit_all(parents, jax.random.key(3), 5)
    kind = np.asarray(kind)
    assert (kind[:, 0] != UNEDITED).all()
    made = kind[kind != UNEDITED]
    assert stats.chisquare(np.bincount(made, minlength=len(EDITS))).pvalue > 1e-3
    # Cells that come up again: 4 of 5 draws may, each with the chance of the cells drawn before.
    cells = SIDE * SIDE
    wanted = sum(1 - (1 - 1 / cells) ** earlier for earlier in range(5)) / 5
    assert (kind == UNEDITED).mean() == pytest.approx(wanted, rel=0.1)
    room = jax.tree.map(lambda leaf: leaf[0], draw_many(KEY, MANY, SIDE, 0, "exactly"))
    children, kind = edit_all(repeat(room, MANY), jax.random.key(4), 1)
    walls = is_wall(children)[np.asarray(kind)[:, 0] == ADD]
    counts = walls.sum(axis=0).ravel()
    assert stats.chisquare(counts).pvalue > 1e-3
    moved = np.asarray(children.goal)[np.asarray(kind)[:, 0] == GOAL] @ (SIDE, 1)
    assert stats.chisquare(np.bincount(moved, minlength=cells)).pvalue > 1e-3


def test_driven_off_goal_goes_to_any_free_cell_alike():
    level = from_text("#>#\n#G#\n...", side=SIDE)
    children, kind = edit_all(repeat(level, MANY), jax.random.key(5), 1)
    is_over = is_wall(children)[:, 1, 1]
    assert (np.asarray(kind)[is_over, 0] == ADD).all()
    places = np.asarray(children.goal)[is_over]
    counts = np.unique(places, axis=0, return_counts=True)
    assert counts[0].tolist() == [[2, 0], [2, 1], [2, 2]]
    assert stats.chisquare(counts[1]).pvalue > 1e-3


def test_agent_that_changes_its_cell_draws_a_heading_and_no_other_does():
    level = from_text(">.\n.G", side=SIDE)
    children, kind = edit_all(repeat(level, MANY), jax.random.key(11), 1)
    kind, heading = np.asarray(kind)[:, 0], np.asarray(children.heading)
    is_off = (np.asarray(children.start) != np.asarray(level.start)).any(axis=1)
    for is_so in (is_off & (kind == ADD), is_off & (kind == AGENT)):
        counts = np.bincount(heading[is_so], minlength=len(tiles.HEADINGS))
        assert stats.chisquare(counts).pvalue > 1e-3
    assert (heading[~is_off & np.isin(kind, (ADD, GOAL))] == int(level.heading)).all()


def test_goal_driven_off_with_the_agent_may_go_where_the_agent_was():
    level = from_text(">G", side=SIDE)
    children, kind = edit_all(repeat(level, MANY), jax.random.key(12), 2)
    are_both_off = (np.asarray(kind) == REMOVE).all(axis=1)
    column = np.asarray(children.goal)[are_both_off, 1]
    assert stats.chisquare(np.bincount(column, minlength=2)).pvalue > 1e-3


def test_child_without_room_is_its_parent():
    level = from_text(">G", side=SIDE)  # two cells: any wall leaves one
    children, kind = edit_all(repeat(level, MANY), jax.random.key(6), 1)
    kind = np.asarray(kind)[:, 0]
    assert set(kind.tolist()) == {UNEDITED, REMOVE, AGENT, GOAL}
    check_plain(children)
    assert (is_wall(children) == is_wall(repeat(level, MANY))).all()


def test_border_of_a_level_smaller_than_its_arrays_stays_wall():
    level = from_text(">...\n....\n...G", side=SIDE)
    children, _ = edit_all(repeat(level, MANY), jax.random.key(7), 5)
    walls = is_wall(children)
    assert walls[:, 3:].all()
    assert walls[:, :, 4:].all()
    assert not walls[:, :3, :4].all(axis=0).any()
    check_plain(children)


def test_same_key_makes_the_same_child(parents):
    first, second, third = (edit_all(parents, jax.random.key(seed), 5) for seed in (8, 8, 9))
    pack_maze(first[0])  # refuses what is no plain maze
    assert eqx.tree_equal(first, second)
    assert not eqx.tree_equal(first, third)


def test_edits_fewer_than_one_are_refused(parents):
    with pytest.raises(ValueError, match="edits=0: give at least one"):
        edit_all(parents, KEY, 0)


def test_distances_of_a_child_are_those_of_its_own_ways(parents):
    children, _ = edit_all(parents, jax.random.key(10), 5)
    plan = np.asarray(jax.jit(jax.vmap(shortest_walk))(children))
    distance = np.asarray(children.distance)[at(children.start)]
    assert ((plan == -1) == (distance > SIDE * SIDE)).all()
    assert (plan == -1).any()
    assert (plan[plan >= 0] >= distance[plan >= 0]).all()


CHOOSE = jax.jit(choose_parents, static_argnames=("by", "parents"))
ALL = [0, 1, 2, 3, 4, 5]


@pytest.fixture
def replayed():
    """A batch by hand: ease 0.9, 0.05, 0, 0, 0.8, 0.3."""
    mean_return = jnp.array([0.9, 0.1, 0.5, 0.0, 1.0, 0.4])
    value_loss = jnp.array([0.0, 0.05, 0.5, 0.0, 0.2, 0.1])
    return mean_return, value_loss


def test_easy_parents_are_those_of_greatest_return_less_loss(replayed):
    assert CHOOSE(*replayed, by="easy", parents=4).tolist() == [0, 4, 5, 1, 0, 4]
    assert CHOOSE(*replayed, by="easy", parents=1).tolist() == [0] * 6


def test_hard_parents_are_those_of_smallest_return_less_loss(replayed):
    """Which the official code calls easy. Levels 2 and 3 are equal, and the earlier one comes first."""
    assert CHOOSE(*replayed, by="hard", parents=4).tolist() == [2, 3, 1, 5, 2, 3]
    assert CHOOSE(*replayed, by="hard", parents=1).tolist() == [2] * 6


def test_solved_level_is_edited_before_an_unsolved_one_where_parents_are_easy_and_after_it_where_hard():
    solved, unsolved = jnp.array([0.0, 1.0]), jnp.array([0.3, 0.1])
    assert CHOOSE(solved, unsolved, by="easy", parents=1).tolist() == [1, 1]
    assert CHOOSE(solved, unsolved, by="hard", parents=1).tolist() == [0, 0]


@pytest.mark.parametrize("parents", [1, 4, 9])
def test_all_parents_have_a_child_each_however_many_are_asked_for(replayed, parents):
    assert CHOOSE(*replayed, by="all", parents=parents).tolist() == ALL


@pytest.mark.parametrize("by", ["easy", "hard"])
def test_parents_of_no_known_ease_come_last(by):
    mean_return = jnp.array([math.nan, 0.5, 0.25])
    got = CHOOSE(mean_return, jnp.zeros(3), by=by, parents=2).tolist()
    assert sorted(set(got)) == [1, 2]


def test_parents_chosen_by_an_unknown_name_are_refused():
    with pytest.raises(UsageError, match=r"'hardest'.*Choices: all, easy, hard"):
        choose_parents(jnp.zeros(2), jnp.zeros(2), by="hardest", parents=1)


@given(
    st.lists(st.integers(-8, 8), min_size=6, max_size=6),
    st.sampled_from(["easy", "hard"]),
    st.integers(1, 9),
)
def test_no_level_left_out_is_nearer_to_the_end_than_a_parent(ease, by, parents):
    numbers, sign = jnp.array(ease, jnp.float32), -1 if by == "easy" else 1
    got = choose_parents(numbers, jnp.zeros(6), by=by, parents=parents).tolist()
    chosen = sorted(range(6), key=lambda lane: sign * ease[lane])[:parents]
    assert got == [chosen[lane % len(chosen)] for lane in range(6)]

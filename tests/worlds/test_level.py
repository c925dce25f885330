import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.worlds import count_matches
from alpha_factory.worlds.level import distance_to_goal, flood
from reference.engine import take
from reference.grid import UNREACHABLE, random_level, read_level, write_level
from reference.grid import flood as slow_flood

FLOOD = jax.jit(flood)
DISTANCE = jax.jit(distance_to_goal)
SEEDS = st.integers(0, 2**32 - 1)
MOSTLY_OPEN = "......####TTKD"


@given(SEEDS)
def test_distance_to_goal_is_that_of_the_slow_flood(seed):
    level = random_level(seed, kinds=MOSTLY_OPEN)
    engine = write_level(level)
    fast = np.asarray(DISTANCE(engine.tile, engine.goal))
    assert {cell: int(fast[cell]) for cell in level.tile} == read_level(engine).distance


@given(SEEDS)
def test_flood_counts_steps_through_free_cells(seed):
    draw = np.random.default_rng(seed)
    is_free = draw.random((13, 13)) < 0.65
    source = tuple(draw.integers(0, 13, 2).tolist())
    free = {(row, column) for row, column in np.argwhere(is_free).tolist()}
    slow = slow_flood(lambda cell: cell in free, source)
    fast = np.asarray(FLOOD(jnp.asarray(is_free), jnp.array(source, jnp.int32)))
    for row in range(13):
        for column in range(13):
            assert fast[row, column] == slow.get((row, column), UNREACHABLE)


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6), SEEDS)
def test_count_matches_counts_equal_levels(seeds, mask_seed):
    """Six levels of at most four kinds against four others, with some pairs not looked at."""
    plain = [random_level(seed) for seed in seeds]
    levels = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(write_level, plain))
    others = jax.tree.map(lambda leaf: leaf[:4], levels)
    is_counted = np.random.default_rng(mask_seed).random((6, 4)) < 0.7
    got = COUNT(levels, others, jnp.asarray(is_counted))
    is_same = np.array(seeds)[:, None] == np.array(seeds)[None, :4]
    assert got.tolist() == (is_same & is_counted).sum(axis=1).tolist()


COUNT = jax.jit(
    lambda levels, others, is_counted: count_matches(levels, others, is_counted=is_counted)
)


def test_count_matches_of_plans_alone_ignores_reward_and_rules():
    level = write_level(random_level(7))
    changed = jax.tree.map(
        lambda leaf: leaf + jnp.ones_like(leaf) if leaf.dtype == jnp.float32 else leaf, level
    )
    moved = write_level(random_level(8))
    others = jax.tree.map(lambda *leaves: jnp.stack(leaves), level, changed, moved, moved)
    one = jax.tree.map(lambda leaf: leaf[:1], others)
    assert take(count_matches(one, others), 0) == 1
    assert take(count_matches(one, others, is_plan_only=True), 0) == 2

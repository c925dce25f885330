import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.worlds import count_matches
from reference.engine import take
from reference.grid import random_level, write_level

COUNT = jax.jit(
    lambda levels, others, is_counted: count_matches(levels, others, is_counted=is_counted)
)


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6), st.integers(0, 2**32 - 1))
def test_count_matches_counts_equal_levels(seeds, mask_seed):
    """Six levels of at most four kinds against four others, with some pairs not looked at."""
    plain = [random_level(seed) for seed in seeds]
    levels = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(write_level, plain))
    others = jax.tree.map(lambda leaf: leaf[:4], levels)
    is_counted = np.random.default_rng(mask_seed).random((6, 4)) < 0.7
    got = COUNT(levels, others, jnp.asarray(is_counted))
    is_same = np.array(seeds)[:, None] == np.array(seeds)[None, :4]
    assert got.tolist() == (is_same & is_counted).sum(axis=1).tolist()


def test_count_matches_tells_levels_apart_by_any_of_their_numbers():
    levels = [jax.tree.map(np.array, write_level(random_level(7)))]
    for place in range(len(jax.tree.leaves(levels[0]))):
        other = jax.tree.map(np.copy, levels[0])
        leaf = jax.tree.leaves(other)[place]
        leaf.flat[-1] = 1 - leaf.flat[-1]
        levels.append(other)
    together = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *levels)
    assert set(count_matches(together, together).tolist()) == {1}


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

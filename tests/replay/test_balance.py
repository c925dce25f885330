"""Drawing worlds before rows (paper, section 3.5), and what a million updates leave of it."""

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

from alpha_factory.core.types import Trajectory
from alpha_factory.replay import insert, make_ring, sample, sample_evenly, set_priority

LANES, SLOTS, WORLDS, BATCH = 4, 16, 9, 32


@partial(jax.jit, static_argnames="batch")
def draw(ring, key, batch=BATCH):
    return sample(ring, batch=batch, window=2, beta=0.5, is_balanced=True, key=key)


def make_filled(seed, worlds):
    """A ring whose rows come from these worlds; a few of its rows are no start of a window."""
    generator = np.random.default_rng(seed)
    world = generator.choice(np.asarray(worlds), (LANES, SLOTS))
    priority = generator.gamma(0.5, size=(LANES, SLOTS)) + 0.01
    priority *= generator.random((LANES, SLOTS)) < 0.8
    empty = make_ring(
        lanes=LANES,
        slots=SLOTS,
        obs=jax.ShapeDtypeStruct((8,), jnp.bool_),
        actions=2,
        worlds=WORLDS,
    )
    startable = np.bincount(world[priority > 0], minlength=WORLDS + 1)
    return eqx.tree_at(
        lambda ring: (ring.world, ring.priority, ring.startable),
        empty,
        (
            jnp.asarray(world, jnp.int32),
            jnp.asarray(priority, jnp.float32),
            jnp.asarray(startable, jnp.int32),
        ),
    )


@given(
    st.integers(0, 2**31 - 1),
    st.lists(st.integers(0, WORLDS), min_size=1, unique=True),
)
def test_batch_comes_from_the_root_of_the_number_of_worlds_in_equal_shares(seed, worlds):
    ring = make_filled(seed, worlds)
    drawn = draw(ring, jax.random.key(seed))
    there = int((ring.startable > 0).sum())
    shares = np.bincount(np.asarray(drawn.world), minlength=WORLDS + 1)
    shares = shares[shares > 0]
    assert len(shares) == math.ceil(math.sqrt(there))
    assert shares.max() - shares.min() <= 1
    assert (np.asarray(ring.priority)[tuple(map(np.asarray, drawn.place))] > 0).all()
    np.testing.assert_array_equal(drawn.world, ring.world[drawn.place])


def test_worlds_are_drawn_uniformly_and_rows_by_priority_within_them():
    ring = make_filled(1, [0, 3, 4, WORLDS])
    draws = jax.jit(jax.vmap(lambda key: draw(ring, key)))(
        jax.random.split(jax.random.key(0), 2000)
    )
    # Windows of a batch share their worlds, so only the first of each batch is a draw of its own.
    worlds = np.bincount(np.asarray(draws.world)[:, 0], minlength=WORLDS + 1)
    assert (worlds > 0).nonzero()[0].tolist() == [0, 3, 4, WORLDS]
    assert stats.chisquare(worlds[worlds > 0]).pvalue > 1e-3
    counts = np.zeros((LANES, SLOTS))
    np.add.at(counts, tuple(np.asarray(one).ravel() for one in draws.place), 1)
    priority, world = np.asarray(ring.priority, float), np.asarray(ring.world)
    for one in (0, 3, 4, WORLDS):
        here = (world == one) & (priority > 0)
        wanted = priority[here] / priority[here].sum() * counts[here].sum()
        assert stats.chisquare(counts[here], wanted).pvalue > 1e-4
    assert counts[priority == 0].sum() == 0


def test_importance_weights_correct_for_worlds_and_rows():
    ring = make_filled(2, [1, 2, 5])
    drawn = draw(ring, jax.random.key(5))
    priority, world = np.asarray(ring.priority, float), np.asarray(ring.world)
    of = {one: priority[world == one].sum() for one in (1, 2, 5)}
    place = tuple(map(np.asarray, drawn.place))
    chance = priority[place] / np.array([of[one] for one in world[place]]) / 3
    weight = (np.count_nonzero(priority) * chance) ** -0.5
    np.testing.assert_allclose(drawn.weight, weight / weight.max(), rtol=1e-5)


def test_even_draws_give_each_of_the_worlds_asked_for_and_each_of_its_rows_the_same_chance():
    ring, asked = make_filled(3, range(WORLDS + 1)), (0, 2, 5, 7, WORLDS)
    among = jnp.zeros(WORLDS + 1, bool).at[jnp.array(asked)].set(True)
    drawn = jax.jit(partial(sample_evenly, batch=20_000, window=2))(
        ring, among, key=jax.random.key(0)
    )
    np.testing.assert_array_equal(drawn.weight, 1.0)
    shares = np.bincount(np.asarray(drawn.world), minlength=WORLDS + 1)
    assert shares.nonzero()[0].tolist() == [*asked]
    assert stats.chisquare(shares[[*asked]]).pvalue > 1e-3
    counts = np.zeros((LANES, SLOTS))
    np.add.at(counts, tuple(map(np.asarray, drawn.place)), 1)
    is_startable, world = np.asarray(ring.priority) > 0, np.asarray(ring.world)
    for one in asked:
        assert stats.chisquare(counts[is_startable & (world == one)]).pvalue > 1e-4
    assert counts[~is_startable].sum() == 0


@pytest.mark.parametrize("is_balanced", [False, True])
def test_million_updates_drift_nowhere_and_draw_no_padding(is_balanced):
    """Priorities over nine orders of magnitude, drawn and given anew a million times.

    A tree of float32 sums that is updated in place loses small priorities to rounding, or keeps
    sums of what is gone; here the sums are those of the rows to the end. Every thousand updates
    new rows take the place of the oldest, so the ring turns hundreds of times.
    """
    ring = make_filled(4, [0, 3, 4])
    for block in range(SLOTS // 4):
        ring = insert(ring, draw_rows(jax.random.fold_in(jax.random.key(2), block), 4), window=2)
    blocks, updates, batch, rows = 1000, 1000, 1, 4

    def turn(number, carry):
        ring, is_wrong = carry
        key_draw, key_error = jax.random.split(jax.random.fold_in(jax.random.key(0), number))
        drawn = sample(ring, batch=batch, window=2, beta=0.5, is_balanced=is_balanced, key=key_draw)
        is_wrong = is_wrong | jnp.any(ring.priority[drawn.place] == 0)
        spread = jax.random.uniform(key_error, (batch,), minval=-3.0, maxval=6.0)
        return set_priority(ring, drawn.place, 10.0**spread, alpha=1.0), is_wrong

    def turn_over(block, carry):
        first = block * updates
        ring, is_wrong = jax.lax.fori_loop(first, first + updates, turn, carry)
        ring = insert(ring, draw_rows(jax.random.fold_in(jax.random.key(1), block), rows), window=2)
        # Whatever starts no window within an episode: ends of episodes, and the newest row.
        slot = jnp.arange(SLOTS)[None]
        is_startable = ~ring.is_last & (slot != (ring.head - 1) % SLOTS)
        is_wrong = is_wrong | jnp.any((ring.priority > 0) != is_startable)
        return ring, is_wrong

    after, is_wrong = jax.jit(
        lambda ring: jax.lax.fori_loop(0, blocks, turn_over, (ring, jnp.bool_(False)))
    )(ring)
    assert not bool(is_wrong)
    priority, world = np.asarray(after.priority, np.float64), np.asarray(after.world)
    np.testing.assert_array_equal(
        after.startable, np.bincount(world[priority > 0], minlength=WORLDS + 1)
    )
    # The chances after it all are those of the priorities, summed exactly.
    drawn = sample(
        after, batch=256, window=2, beta=1.0, is_balanced=is_balanced, key=jax.random.key(9)
    )
    place, there = tuple(map(np.asarray, drawn.place)), np.unique(world[priority > 0])
    whole = (
        np.array([len(there) * priority[world == one].sum() for one in world[place]])
        if is_balanced
        else priority.sum()
    )
    weight = whole / priority[place]
    np.testing.assert_allclose(drawn.weight, weight / weight.max(), rtol=1e-5)


def draw_rows(key, rows):
    """Rows of random worlds, one in five the last of its episode."""
    key_world, key_last = jax.random.split(key)
    nothing = jnp.zeros((rows, LANES))
    return Trajectory(
        slot=jax.random.randint(key_world, (rows, LANES), 0, WORLDS + 1),
        obs=jnp.zeros((rows, LANES, 8), bool),
        action=nothing.astype(jnp.int32),
        reward=nothing,
        is_terminated=nothing.astype(bool),
        is_last=jax.random.bernoulli(key_last, 0.2, (rows, LANES)),
        policy=jnp.zeros((rows, LANES, 2)),
        value=nothing,
    )

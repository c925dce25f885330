import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.curriculum import NEVER_PLAYED, Entry, draw_level, enter, isolate, make_pool

SLOTS = 8
ENTER = jax.jit(enter)


def make_entry(*worlds):
    """Worlds numbered as given; everything else follows from the number."""
    world = jnp.array(worlds, jnp.int32)
    return Entry(
        genome=jnp.broadcast_to(world[:, None], (len(worlds), 16)).astype(jnp.uint32),
        level={"mark": 10 * world},
        world=world,
        plan=world + 5,
        score=world.astype(jnp.float32) / 100,
    )


def put(pool, worlds, slots, cycle=0):
    return ENTER(pool, make_entry(*worlds), jnp.array(slots, jnp.int32), jnp.int32(cycle))


@pytest.fixture
def pool():
    return make_pool(jnp.zeros(16, jnp.uint32), {"mark": jnp.int32(0)}, jnp.int32(5), slots=SLOTS)


def check_slot(pool, slot, world, born):
    assert pool.genome[slot].tolist() == [world] * 16
    assert int(pool.level["mark"][slot]) == 10 * world
    assert int(pool.world[slot]) == world
    assert int(pool.plan[slot]) == world + 5
    assert int(pool.born[slot]) == born


def test_new_pool_holds_one_world_never_played(pool):
    assert int(pool.size) == 1
    check_slot(pool, 0, 0, 0)
    assert (pool.score == NEVER_PLAYED).all()


def test_worlds_enter_their_slots_and_the_pool_grows(pool):
    grown = put(pool, (7, 8, 9), (1, SLOTS, 2), cycle=4)
    assert int(grown.size) == 3
    for slot, world, born in ((0, 0, 0), (1, 7, 4), (2, 9, 4)):
        check_slot(grown, slot, world, born)
    assert grown.score[:3].tolist() == pytest.approx([NEVER_PLAYED, 0.07, 0.09])
    assert 8 not in grown.world.tolist()


def test_pool_keeps_its_size_when_a_slot_is_taken_over_or_none_enters(pool):
    full = put(pool, range(1, SLOTS), range(1, SLOTS))
    assert int(full.size) == SLOTS
    taken = put(full, (20, 21), (3, SLOTS), cycle=6)
    assert int(taken.size) == SLOTS
    check_slot(taken, 3, 20, 6)
    check_slot(taken, 4, 4, 0)
    nobody = put(full, (20, 21), (SLOTS, SLOTS))
    for one, other in zip(jax.tree.leaves(nobody), jax.tree.leaves(full), strict=True):
        assert one.tolist() == other.tolist()


@jax.jit
def draw_many(pool, key):
    return jax.vmap(lambda one: draw_level(pool, key=one))(jax.random.split(key, 4000))


@pytest.mark.parametrize("size", [1, 5, SLOTS])
def test_living_worlds_are_drawn_uniformly_and_padding_never(pool, size):
    grown = put(pool, range(1, size), range(1, size)) if size > 1 else pool
    slots, levels = draw_many(grown, jax.random.key(size))
    counts = np.bincount(np.asarray(slots), minlength=SLOTS)
    assert counts[size:].sum() == 0
    assert stats.chisquare(counts[:size]).pvalue > 1e-3 or size == 1
    assert (levels["mark"] == 10 * slots).all()


def test_worlds_are_drawn_by_their_weights_which_those_that_enter_have_afresh(pool):
    grown = put(pool, range(1, 5), range(1, 5))
    weight = jnp.array([1.0, 0.1, 1.0, 0.5, 1.0, 9.0, 9.0, 9.0])
    weighed = eqx.tree_at(lambda tree: tree.weight, grown, weight)
    slots, _ = draw_many(weighed, jax.random.key(3))
    counts = np.bincount(np.asarray(slots), minlength=SLOTS)
    assert counts[5:].sum() == 0
    expected = 4000 * np.array([1.0, 0.1, 1.0, 0.5, 1.0]) / 3.6
    assert stats.chisquare(counts[:5], expected).pvalue > 1e-3
    entered = put(weighed, (20,), (1,))
    assert entered.weight[:5].tolist() == pytest.approx([1.0, 1.0, 1.0, 0.5, 1.0])


def test_isolated_pool_holds_one_world_in_the_same_shape(pool):
    grown = put(pool, (7, 8), (1, 2), cycle=3)
    alone = jax.jit(isolate)(grown, jnp.int32(2))
    assert int(alone.size) == 1
    for slot in range(SLOTS):
        check_slot(alone, slot, 8, 3)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(tree)] for tree in (alone, grown)]
    assert shapes[0] == shapes[1]
    slots, levels = draw_many(alone, jax.random.key(0))
    assert set(slots.tolist()) == {0}
    assert set(levels["mark"].tolist()) == {80}

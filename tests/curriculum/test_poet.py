import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.curriculum import (
    Guests,
    Mutator,
    has_genes,
    make_pool,
    meets_criterion,
    merge,
    no_guests,
    propose,
)

SLOTS, LIVING, MUTATIONS = 10, 6, 4


def count_up(genome, *, key):
    """A mutator that leaves its trace: operator 0 adds 1 to the first word, operator 1 to the second."""
    operator = jax.random.randint(key, (), 0, 2)
    return genome.at[operator].add(jnp.uint32(1)), operator


@pytest.fixture(scope="module")
def pool():
    """Slot s holds the genome 1000 * s + 1000 in every word; slots from 6 on are padding."""
    made = make_pool(jnp.zeros(16, jnp.uint32), {"word": jnp.uint32(0)}, jnp.int32(1), slots=SLOTS)
    marks = 1000 + 1000 * jnp.arange(SLOTS, dtype=jnp.uint32)
    return eqx.tree_at(
        lambda tree: (tree.genome, tree.size),
        made,
        (jnp.broadcast_to(marks[:, None], (SLOTS, 16)), jnp.int32(LIVING)),
    )


@eqx.filter_jit
def breed(pool, parents, key, guests=None):
    return propose(
        pool,
        Mutator(count_up, ("first", "second")),
        lambda genome: {"word": genome[0]},
        lambda level: level["word"].astype(jnp.int32) + 1,
        parents=parents,
        children=3,
        mutations=MUTATIONS,
        guests=guests,
        key=key,
    )


@pytest.mark.parametrize("seed", range(5))
def test_parents_are_different_living_worlds_with_three_children_each(pool, seed):
    parent = breed(pool, 4, jax.random.key(seed)).parent.reshape(4, 3)
    assert (parent == parent[:, :1]).all()
    chosen = parent[:, 0].tolist()
    assert len(set(chosen)) == 4
    assert set(chosen) <= set(range(LIVING))


def test_parents_come_again_when_there_are_too_few(pool):
    parent = breed(pool, 8, jax.random.key(0)).parent[::3]
    counts = np.bincount(parent, minlength=SLOTS)
    assert sorted(counts[:LIVING].tolist()) == [1, 1, 1, 1, 2, 2]
    assert not counts[LIVING:].any()


def test_child_is_its_parent_changed_by_the_operators_it_lists(pool):
    candidates = breed(pool, 4, jax.random.key(1))
    operators = np.asarray(candidates.operator)
    assert operators.shape == (12, MUTATIONS)
    for index, used in enumerate(operators.tolist()):
        applied = [one for one in used if one >= 0]
        assert 1 <= len(applied) <= MUTATIONS
        assert used == applied + [-1] * (MUTATIONS - len(applied))
        changed = candidates.genome[index] - pool.genome[candidates.parent[index]]
        assert changed.tolist() == [applied.count(0), applied.count(1)] + [0] * 14
        assert candidates.level["word"][index] == candidates.genome[index, 0]
        assert int(candidates.plan[index]) == int(candidates.genome[index, 0]) + 1


def test_guests_take_the_place_of_the_last_children(pool):
    empty = no_guests({"word": jnp.uint32(0)}, guests=3)
    place = jnp.arange(3)
    guests = Guests(
        jnp.where(place[:, None] == 2, jnp.full((3, 16), 77, jnp.uint32), empty.genome),
        {"word": jnp.uint32(500) + place.astype(jnp.uint32)},
        place >= 1,
    )
    key = jax.random.key(1)
    alone, among = (breed(pool, 4, key, guests=some) for some in (empty, guests))
    for one, other in zip(
        jax.tree.leaves(breed(pool, 4, key)), jax.tree.leaves(alone), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(jax.tree.leaves(alone), jax.tree.leaves(among), strict=True):
        np.testing.assert_array_equal(one[:-2], other[:-2])
    assert among.level["word"][-2:].tolist() == [501, 502]
    assert among.plan[-2:].tolist() == [502, 503]
    assert among.genome[-2:, 0].tolist() == [0, 77]
    assert (among.operator[-2:] == -1).all()
    assert has_genes(among.genome)[-2:].tolist() == [False, True]


def test_world_without_a_genome_has_no_children(pool):
    drawn = eqx.tree_at(lambda tree: tree.genome, pool, pool.genome.at[2].set(jnp.uint32(0)))
    parent = breed(drawn, 8, jax.random.key(0)).parent[::3]
    counts = np.bincount(parent, minlength=SLOTS)
    assert sorted(counts[:LIVING].tolist()) == [0, 1, 1, 2, 2, 2]
    assert not counts[2]
    assert not counts[LIVING:].any()
    none = eqx.tree_at(lambda tree: tree.genome, pool, jnp.zeros_like(pool.genome))
    assert breed(none, 4, jax.random.key(0)).genome.shape == (12, 16)


def test_number_of_mutations_and_choice_of_parents_are_uniform(pool):
    keys = jax.random.split(jax.random.key(2), 200)
    many = jax.jit(jax.vmap(lambda key: breed(pool, 4, key)))(keys)
    numbers = np.bincount(np.asarray((many.operator >= 0).sum(axis=2)).ravel(), minlength=5)
    assert numbers[0] == 0
    assert stats.chisquare(numbers[1:]).pvalue > 1e-3
    # Parents are drawn without replacement, which makes the counts more even than chance.
    parents = np.bincount(np.asarray(many.parent[:, ::3]).ravel(), minlength=LIVING)
    assert stats.chisquare(parents).pvalue > 1e-3
    assert parents.size == LIVING


def test_criterion_excludes_its_bounds():
    returns = jnp.array([0.0, 0.05, 0.0501, 0.5, 0.8999, 0.9, 1.0])
    met = jax.jit(lambda returns: meets_criterion(returns, lowest=0.05, highest=0.9))(returns)
    assert met.tolist() == [False, False, True, True, True, False, False]


def test_merge_is_polyak_averaging_of_the_weights_alone():
    one, other = (eqx.nn.MLP(3, 3, 3, 1, key=jax.random.key(seed)) for seed in (0, 1))
    merged = merge(one, other, share=0.1)
    pairs = zip(*(jax.tree.leaves(tree) for tree in (one, other, merged)), strict=True)
    for own, theirs, mixed in pairs:
        if eqx.is_array(own):
            wanted = 0.9 * np.asarray(own) + 0.1 * np.asarray(theirs)
            np.testing.assert_allclose(mixed, wanted, atol=1e-7)
        else:
            assert mixed is own

"""The autoencoder learns, keeps near genomes near, and is the same for the same key."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.curriculum import embed, learn_embedding, start_embedding
from alpha_factory.genome import mutate
from alpha_factory.runs.seed_world import seed_genome

pytestmark = pytest.mark.implicit_promotion

WORLDS, CYCLES = 160, 25


@pytest.fixture(scope="module")
def genomes():
    """Lines of children of the world that every run starts from, as a run proposes them: some near, some far."""
    step = jax.jit(jax.vmap(lambda genome, key: mutate(genome, key=key)[0]))
    many = jnp.broadcast_to(jnp.asarray(seed_genome()), (WORLDS, 16))
    generation = jnp.arange(WORLDS) % 40
    for turn in range(40):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(1), turn), WORLDS)
        many = jnp.where((generation > turn)[:, None], step(many, keys), many)
    return many


@jax.jit
def learn(embedding, genome, is_known, key):
    return learn_embedding(embedding, genome, is_known, updates=8, key=key)


@pytest.fixture(scope="module")
def history(genomes):
    """The embedding after each of so many cycles, the first before any."""
    taught = [start_embedding(key=jax.random.key(0))]
    is_known = jnp.ones(WORLDS, bool)
    for cycle in range(CYCLES):
        key = jax.random.fold_in(jax.random.key(2), cycle)
        taught.append(learn(taught[-1], genomes, is_known, key))
    return taught


def test_embedding_has_the_papers_64_features(genomes, history):
    assert embed(history[0].net, genomes).shape == (WORLDS, 64)
    assert embed(history[0].net, genomes[0]).shape == (64,)


def test_reconstruction_improves_as_it_learns(history):
    wrong = [float(one.wrong) for one in history]
    assert wrong[0] == 0.5  # nothing is known yet
    assert wrong[-1] < 0.5 * wrong[1]


def test_reconstruction_learns_more_than_which_bits_are_common(genomes, history):
    bit = np.unpackbits(np.asarray(genomes).view(np.uint8), axis=1)
    share = bit.mean(axis=0)
    assert float(history[-1].wrong) < np.minimum(share, 1 - share).mean()


def test_near_genomes_are_nearer_than_far_ones(genomes, history):
    """A genome with 3 bits flipped lies nearer to it than nearly all others do, at first and when it was learned."""
    rng = np.random.default_rng(0)
    mask = np.zeros((WORLDS, 512), np.uint8)
    for row in mask:
        row[rng.choice(512, 3, replace=False)] = 1
    near = np.asarray(genomes) ^ np.packbits(mask, axis=1).view(np.uint32)
    for taught in (history[0], history[-1]):
        point, child = (
            np.asarray(embed(taught.net, some)) for some in (genomes, jnp.asarray(near))
        )
        away = np.linalg.norm(point[:, None] - point[None], axis=2)
        others = away[~np.eye(WORLDS, dtype=bool)].reshape(WORLDS, -1)
        own = np.linalg.norm(point - child, axis=1)
        assert own.mean() < 0.3 * others.mean()
        assert np.mean(own[:, None] < others) > 0.98


def test_same_genome_is_the_same_point_alone_and_among_others(genomes, history):
    alone = embed(history[-1].net, genomes[3][None])[0]
    np.testing.assert_allclose(alone, embed(history[-1].net, genomes)[3], atol=1e-5)


def test_learning_is_the_same_for_the_same_key_and_sees_nothing_of_padding(genomes):
    start, key = start_embedding(key=jax.random.key(0)), jax.random.key(5)
    is_known = jnp.arange(WORLDS) < 40
    other = jnp.where(is_known[:, None], genomes, ~genomes)
    one, same, padded = (
        learn(start, genome, is_known, key) for genome in (genomes, genomes, other)
    )
    for twin in (same, padded):
        for leaf, its in zip(jax.tree.leaves(one), jax.tree.leaves(twin), strict=True):
            np.testing.assert_array_equal(leaf, its)

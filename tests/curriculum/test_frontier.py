"""The frontier against a moving mean of points, and quality diversity against eq. (3)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.curriculum import (
    advance_frontier,
    find_mean,
    quality_diversity,
    start_frontier,
)
from reference import novelty as reference

KEPT, CANDIDATES, RATE, FEATURES = 8, 5, 0.1, 6
SEED = np.full(16, 0x0F0F0F0F, np.uint32)


def draw(seed, worlds):
    return np.random.default_rng(seed).integers(0, 2**32, (worlds, 16), np.uint32)


MATRIX = np.random.default_rng(9).normal(size=(512, FEATURES)).astype(np.float32)


def embed(genome, matrix=MATRIX):
    """A fixed embedding, linear in the bits."""
    bit = (genome[:, :, None] >> jnp.arange(32, dtype=jnp.uint32)[None, None]) & jnp.uint32(1)
    return bit.reshape(-1, 512).astype(jnp.float32) @ matrix


def place(genomes):
    """The same for one genome after the other."""
    return np.array([reference.to_bits(genome) @ MATRIX for genome in genomes])


@jax.jit
def advance(frontier, genome, is_accepted, score):
    return advance_frontier(frontier, genome, is_accepted, score, frontier.solved, rate=RATE)


measure = jax.jit(
    lambda genome, frontier: quality_diversity(genome, frontier, embed, novelty_weight=0.55)
)
mean_of = jax.jit(lambda frontier: find_mean(frontier, embed))


def begin():
    return start_frontier(jnp.asarray(SEED), kept=KEPT, agents=None)


def test_new_frontier_knows_one_world():
    frontier = begin()
    assert frontier.champion.tolist() == SEED.tolist()
    assert frontier.is_kept.tolist() == [True] + [False] * (KEPT - 1)
    np.testing.assert_allclose(mean_of(frontier), place([SEED])[0], rtol=1e-4, atol=1e-3)


def test_champion_is_the_best_of_those_accepted():
    genome = draw(0, CANDIDATES)
    is_accepted = np.array([True, False, True, True, False])
    score = np.array([0.1, 9.0, 0.7, 0.3, 8.0], np.float32)
    moved = advance(begin(), genome, is_accepted, score)
    assert moved.champion.tolist() == genome[2].tolist()
    assert moved.genome[1:4].tolist() == genome[[0, 2, 3]].tolist()
    assert int(moved.total) == 4


def test_cycle_that_accepts_nothing_changes_nothing():
    none = np.zeros(CANDIDATES, bool)
    same = advance(begin(), draw(1, CANDIDATES), none, np.zeros(CANDIDATES, np.float32))
    for before, after in zip(jax.tree.leaves(begin()), jax.tree.leaves(same), strict=True):
        np.testing.assert_array_equal(before, after)


@given(st.lists(st.integers(0, 3), max_size=2), st.integers(0, 1000))
def test_mean_is_the_moving_mean_of_points_while_all_are_kept(numbers, seed):
    frontier, cycles = begin(), []
    for cycle, number in enumerate(numbers):
        genome = draw([seed, cycle], CANDIDATES)
        is_accepted = np.arange(CANDIDATES) < number
        frontier = advance(frontier, genome, is_accepted, np.zeros(CANDIDATES, np.float32))
        cycles.append(place(genome[:number]))
    wanted = reference.moving_mean(place([SEED])[0], cycles, RATE)
    np.testing.assert_allclose(mean_of(frontier), wanted, rtol=1e-4, atol=1e-3)


def test_oldest_worlds_make_room_and_their_share_goes_to_the_others():
    frontier = begin()
    everything = []
    for cycle in range(4):
        genome = draw([2, cycle], CANDIDATES)
        everything += list(genome[:3])
        frontier = advance(
            frontier, genome, np.arange(CANDIDATES) < 3, np.zeros(CANDIDATES, np.float32)
        )
    kept = {tuple(row) for row in frontier.genome.tolist()}
    assert kept == {tuple(row.tolist()) for row in everything[-KEPT:]}
    share = np.repeat(RATE / 3 * (1 - RATE) ** np.arange(4)[::-1], 3)[-KEPT:]
    wanted = share @ place(everything[-KEPT:]) / share.sum()
    np.testing.assert_allclose(mean_of(frontier), wanted, rtol=1e-4, atol=1e-3)


def test_mean_follows_the_space_as_it_drifts():
    """It is where the accepted worlds lie now, and not where they lay when they were accepted."""
    frontier = advance(
        begin(), draw(3, CANDIDATES), np.ones(CANDIDATES, bool), np.zeros(CANDIDATES, np.float32)
    )
    drifted = np.random.default_rng(10).normal(size=(512, FEATURES)).astype(np.float32)
    wanted = frontier.weight @ embed(frontier.genome, drifted) / frontier.weight.sum()
    got = find_mean(frontier, lambda genome: embed(genome, drifted))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-3)
    assert float(jnp.linalg.norm(got - mean_of(frontier))) > 1.0


def test_quality_diversity_is_that_of_numpy():
    genome = draw(4, CANDIDATES)
    frontier = advance(
        begin(), draw(5, CANDIDATES), np.ones(CANDIDATES, bool), np.arange(5, dtype=np.float32)
    )
    score = measure(genome, frontier)
    strangers = place(np.asarray(jax.random.bits(jax.random.key(0), (256, 16), jnp.uint32)))
    for index in range(CANDIDATES):
        wanted = reference.quality_diversity(
            genome[index],
            np.asarray(frontier.champion),
            place(genome[index : index + 1])[0],
            np.asarray(mean_of(frontier)),
            strangers,
            0.55,
        )
        assert float(score[index]) == pytest.approx(wanted, rel=1e-4)


def test_both_terms_are_a_half_for_strangers_and_nothing_for_the_champion():
    frontier = begin()
    strangers = measure(draw(6, 200), frontier)
    # In the embedding the first world lies off the middle, so that strangers are a little farther.
    assert 0.45 < float(jnp.mean(strangers)) < 0.75
    assert float(measure(SEED[None], frontier)[0]) == pytest.approx(0.0, abs=1e-6)


@given(st.floats(1e-3, 1e3), st.integers(0, 100))
def test_quality_diversity_is_the_same_in_a_space_turned_shifted_and_scaled(scale, seed):
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(FEATURES, FEATURES)))[0].astype(np.float32)
    shift = rng.normal(size=FEATURES).astype(np.float32)
    genome, frontier = jnp.asarray(draw(7, CANDIDATES)), begin()

    def moved(genome):
        return np.float32(scale) * (embed(genome) @ turn + shift[None])

    got = quality_diversity(genome, frontier, moved, novelty_weight=0.55)
    np.testing.assert_allclose(got, measure(genome, frontier), rtol=1e-3, atol=1e-4)


def test_space_that_has_collapsed_leaves_the_hamming_distance():
    def collapsed(genome):
        return jnp.zeros((genome.shape[0], FEATURES))

    opposite = jnp.asarray(~SEED[None])
    score = quality_diversity(opposite, begin(), collapsed, novelty_weight=0.55)
    assert score.tolist() == [pytest.approx(0.55)]


def test_rates_of_agents_are_kept_beside_their_worlds():
    frontier = start_frontier(jnp.asarray(SEED), kept=KEPT, agents=2)
    solved = jnp.arange(10.0).reshape(CANDIDATES, 2) / 10
    is_accepted = jnp.array([False, True, False, True, False])
    genome = jnp.asarray(draw(8, CANDIDATES))
    moved = advance_frontier(
        frontier, genome, is_accepted, jnp.zeros(CANDIDATES), solved, rate=RATE
    )
    assert moved.solved[1:3].tolist() == solved[jnp.array([1, 3])].tolist()
    assert not moved.solved[3:].any()

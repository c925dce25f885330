"""PATA-EC against its definition, world by world."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from alpha_factory.curriculum import characterise, measure_novelty
from reference import novelty as reference

WORLDS, AGENTS, KNOWN = 3, 5, 7
LOWEST, HIGHEST = 0.05, 0.9

solve_rates = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
tables = hnp.arrays(np.float32, (WORLDS, AGENTS), elements=solve_rates)
known_tables = hnp.arrays(np.float32, (KNOWN, AGENTS), elements=solve_rates)


@jax.jit
def rank(solved, agents):
    is_agent = jnp.arange(solved.shape[1]) < agents
    return characterise(solved, is_agent, lowest=LOWEST, highest=HIGHEST)


@jax.jit
def compare(own, known, worlds, agents):
    is_known, is_agent = jnp.arange(KNOWN) < worlds, jnp.arange(AGENTS) < agents
    return measure_novelty(own, known, is_known, is_agent, nearest=5)


def test_ranks_are_those_worked_by_hand():
    # The first two are both beyond the criterion, so they are equal; the last agent is none.
    got = rank(jnp.array([[0.95, 1.0, 0.5, 0.0, 0.7]]), 4)
    assert got.tolist() == [[pytest.approx(1 / 3)] * 2 + [pytest.approx(-1 / 6), -0.5, 0.0]]


@given(tables, st.integers(1, AGENTS))
def test_ranks_are_those_of_the_definition_and_padding_has_none(solved, agents):
    got = np.asarray(rank(solved, agents))
    for row, scores in zip(got, solved, strict=True):
        wanted = reference.rank(scores[:agents].tolist(), LOWEST, HIGHEST)
        np.testing.assert_allclose(row[:agents], wanted, atol=1e-6)
        assert not row[agents:].any()


@given(tables, st.floats(0.2, 5.0))
def test_ranks_stay_under_a_monotone_change_within_the_criterion(solved, power):
    inside = np.clip(solved, LOWEST, HIGHEST)
    width = HIGHEST - LOWEST
    changed = LOWEST + width * ((inside - LOWEST) / width).clip(0, 1) ** power
    np.testing.assert_array_equal(rank(inside, AGENTS), rank(changed.astype(np.float32), AGENTS))


@given(tables, st.permutations(range(AGENTS)))
def test_ranks_know_nothing_of_the_order_of_agents(solved, order):
    np.testing.assert_array_equal(rank(solved[:, order], AGENTS), rank(solved, AGENTS)[:, order])


@given(tables, known_tables, st.integers(1, KNOWN), st.integers(2, AGENTS))
def test_novelty_is_that_of_the_definition(solved, known, worlds, agents):
    own, others = rank(solved, agents), rank(known, agents)
    got = compare(own, others, worlds, agents)
    for index in range(WORLDS):
        mine, theirs = np.asarray(own)[index, :agents], np.asarray(others)[:worlds, :agents]
        assert float(got[index]) == pytest.approx(reference.novelty(mine, theirs, 5), abs=1e-6)
        assert 0.0 <= float(got[index]) <= 1.0


@given(tables, known_tables)
def test_distance_is_symmetric_and_nothing_to_itself(solved, known):
    one, other = rank(solved, AGENTS)[:1], rank(known, AGENTS)[:1]

    def distance(here, there):
        return float(compare(here, jnp.broadcast_to(there, (KNOWN, AGENTS)), 1, AGENTS)[0])

    assert distance(one, other) == distance(other, one)
    assert distance(one, one) == 0.0


def test_world_that_every_agent_plays_alike_is_as_new_as_any_when_there_is_one_agent():
    own = rank(jnp.array([[0.5, 0, 0, 0, 0], [1.0, 0, 0, 0, 0]]), 1)
    known = rank(jnp.zeros((KNOWN, AGENTS)), 1)
    assert compare(own, known, 3, 1).tolist() == [0.0, 0.0]

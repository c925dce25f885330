"""Total variation against distributions where it is known, and what a policy visits against a slow loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.evaluate import average_pairs, hash_latents, vary_held_out, vary_plainly, visit

ONE, OTHER = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.2, 0.3, 0.1, 0.4])
APART = 0.4  # half of 0.3 + 0 + 0.1 + 0.4


def sample(chances, draws, generator):
    return generator.multinomial(draws, chances, size=400) / draws


def test_total_variation_of_known_distributions():
    got = vary_plainly(np.stack([ONE, OTHER, ONE[::-1]]))
    np.testing.assert_allclose(got[0], [0.0, APART, 0.6], atol=1e-12)
    np.testing.assert_allclose(got, got.T)
    assert average_pairs(got) == pytest.approx((got[0, 1] + got[0, 2] + got[1, 2]) / 3)


@given(
    st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any),
    st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any),
)
def test_total_variation_is_the_greatest_gap_of_any_event(left, right):
    """sup over all sets A of P(A) - Q(A), by going through them."""
    one, other = np.array(left) / sum(left), np.array(right) / sum(right)
    events = (np.arange(16)[:, None] >> np.arange(4)) & 1
    wanted = max((event * (one - other)).sum() for event in events)
    assert vary_plainly(np.stack([one, other]))[0, 1] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("draws", [8, 32, 256])
@pytest.mark.parametrize(("other", "wanted"), [(OTHER, APART), (ONE, 0.0)], ids=["apart", "same"])
def test_samples_bracket_the_variation_on_average(draws, other, wanted):
    """The plain estimate is too large, by what the docstring says at most; the held-out one is too small, or right."""
    generator = np.random.default_rng(draws)
    halves = [
        np.stack([sample(ONE, draws, generator), sample(other, draws, generator)], axis=1)
        for _ in range(2)
    ]
    wholes = [0.5 * (first + second) for first, second in zip(*halves, strict=True)]
    plain = np.array([vary_plainly(one)[0, 1] for one in wholes])
    held = np.array([vary_held_out(*pair)[0, 1] for pair in zip(*halves, strict=True)])
    noise = 4 * max(plain.std(), held.std()) / np.sqrt(len(plain))
    n = 2 * draws
    bias = 0.5 * (np.sqrt(ONE / n) + np.sqrt(other / n)).sum()
    assert wanted - noise <= plain.mean() <= wanted + bias + noise
    assert bias <= np.sqrt(4 / n) + 1e-12
    assert held.mean() <= wanted + noise
    assert plain.mean() > held.mean()
    if draws == 256:
        assert held.mean() == pytest.approx(wanted, abs=0.02)


def test_held_out_variation_of_a_sample_by_itself_is_the_plain_one():
    visited = np.stack([ONE, OTHER, ONE[::-1]])
    np.testing.assert_allclose(vary_held_out(visited, visited), vary_plainly(visited), atol=1e-12)


def test_one_world_has_no_pairs():
    with pytest.raises(ValueError, match="worlds=1"):
        average_pairs(np.zeros((1, 1)))


@given(st.integers(0, 2**32 - 1))
def test_visits_are_those_of_a_loop_over_episodes(seed):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 6, 7)
    world = np.array([0, 1, 0, -1, 1, 0, 2])
    episode = np.repeat(np.arange(7), lengths)
    age = np.concatenate([np.arange(length) for length in lengths])
    symbol = generator.integers(0, 3, episode.size)
    got = visit(symbol, age, episode, world, symbols=3, worlds=3, discount=0.5)
    wanted = np.zeros((3, 4))
    for at in range(3):
        mine = [index for index in range(7) if world[index] == at]
        for index in mine:
            for time, cell in enumerate(symbol[episode == index]):
                wanted[at, cell] += 0.5 * 0.5**time / len(mine)
            wanted[at, 3] += 0.5 ** lengths[index] / len(mine)
    np.testing.assert_allclose(got, wanted, atol=1e-12)
    np.testing.assert_allclose(got.sum(axis=1), 1.0)


def test_world_without_an_episode_is_refused():
    with pytest.raises(AlphaFactoryError, match="World 1 has no whole episode"):
        visit(
            np.zeros(1, int),
            np.zeros(1, int),
            np.zeros(1, int),
            np.zeros(1, int),
            symbols=1,
            worlds=2,
            discount=0.5,
        )


def test_latents_on_the_same_sides_share_a_cell():
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    near = corners + np.random.default_rng(0).uniform(-1e-6, 1e-6, (50, 4, 2))
    cells = hash_latents(near.reshape(-1, 2), bits=5).reshape(50, 4)
    assert (cells == cells[0]).all()
    assert len(set(cells[0])) > 1
    assert cells.min() >= 0
    assert cells.max() < 2**5
    again = hash_latents(near.reshape(-1, 2), bits=5).reshape(50, 4)
    assert (again == cells).all()
    assert (hash_latents(near.reshape(-1, 2) + 7.0, bits=5).reshape(50, 4) == cells).all()

"""Finding a place by its share of a prefix sum, where float32 rounds."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.replay.draw import locate

located = jax.jit(locate)


def test_place_is_that_of_an_exact_sum():
    weights = jnp.array([[0.0, 2.0, 0.0, 6.0, 0.0]] * 4)
    share = jnp.array([0.0, 0.2, 0.3, 0.99])
    assert located(weights, share).tolist() == [1, 1, 3, 3]


def test_place_of_weight_0_is_never_taken_where_rounding_gives_it_a_share():
    # A large first weight makes the prefix sums coarse; they are not monotone then.
    generator = np.random.default_rng(0)
    weights = generator.uniform(0.01, 1, (512, 1024)) * (generator.uniform(size=(512, 1024)) < 0.5)
    weights[:, 0] = 3000
    weights = jnp.asarray(weights, jnp.float32)
    total = np.asarray(jax.jit(lambda some: jnp.cumsum(some, axis=1))(weights))
    rises = (np.diff(total, axis=1) > 0) & (np.asarray(weights)[:, 1:] == 0)
    rows, places = np.nonzero(rises)
    assert rows.size > 100, "this backend sums exactly: the test shows nothing"
    share = total[rows, places] / total[rows, -1]
    hits = 0
    for _ in range(3):  # the product of share and whole may fall just short of the rise
        point = share * total[rows, -1]
        hits += np.sum((total[rows, places] <= point) & (point < total[rows, places + 1]))
        index = np.asarray(located(weights[rows], jnp.asarray(share)))
        assert (np.asarray(weights)[rows, index] > 0).all()
        share = np.nextafter(share, np.float32(1))
    assert hits > 100, "no share pointed at a place of weight 0"


@given(
    weights=st.lists(st.sampled_from([0.0, 1e-6, 0.3, 1.0, 1e6]), min_size=8, max_size=8).filter(
        any
    ),
    share=st.floats(0, 1, exclude_max=True, width=32),
)
def test_place_always_has_a_weight(weights, share):
    index = int(located(jnp.array([weights], jnp.float32), jnp.array([share], jnp.float32))[0])
    assert weights[index] > 0

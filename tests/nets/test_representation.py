import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.nets import Convolutions, Model, Representation, Sizes, Torso, Transformer
from alpha_factory.nets.transformer import rotate
from reference import model as slow

FEATURES, IMAGE, LATENT = 12, (32, 16, 3), 5
SIZES = Sizes(embed=12, layers=2, heads=3, token=4, channels=2)
READ = eqx.filter_jit(lambda model, obs: model.representation(obs))


def make(obs, encoder="transformer"):
    return Model(
        obs,
        2,
        widths=(8,),
        latent=LATENT,
        head=3,
        encoder=encoder,
        sizes=SIZES,
        key=jax.random.key(0),
    )


@pytest.fixture(scope="module")
def both(draw):
    return draw(lambda: make(((FEATURES,), IMAGE)))


@pytest.fixture(scope="module")
def bits():
    return jnp.asarray(np.random.default_rng(1).random(FEATURES) < 0.5)


@pytest.fixture(scope="module")
def picture():
    return jnp.asarray(np.random.default_rng(1).integers(0, 256, IMAGE), jnp.uint8)


def test_transformer_is_that_of_numpy(both, bits):
    np.testing.assert_allclose(READ(both, bits), slow.represent(both, bits), atol=1e-5)


def test_convolutions_are_those_of_numpy(both, picture):
    np.testing.assert_allclose(READ(both, picture), slow.represent(both, picture), atol=1e-5)


def test_flat_branch_beside_an_image_is_a_projection(draw, bits):
    model = draw(lambda: make(((FEATURES,), IMAGE), "mlp"))
    np.testing.assert_allclose(READ(model, bits), slow.represent(model, bits), atol=1e-5)


def test_branches_follow_from_shapes_and_encoder(draw):
    def kinds(obs, encoder):
        net = draw(lambda: make(obs, encoder)).representation
        return type(net), [type(branch) for branch in getattr(net, "branches", ())]

    assert kinds(FEATURES, "mlp") == kinds((FEATURES,), "mlp") == (Torso, [])
    assert kinds(((FEATURES,),), "mlp") == (Torso, [])
    assert kinds(FEATURES, "transformer") == (Representation, [Transformer])
    assert kinds(IMAGE, "mlp") == (Representation, [Convolutions])
    assert kinds((IMAGE, (8,)), "transformer") == (Representation, [Convolutions, Transformer])


def test_trunk_is_shared_by_all_shapes(draw, both, bits, picture):
    def last(model):
        layer = model.representation.trunk.layers[-1]
        return layer.weight, layer.bias

    bias = jnp.linspace(-1.0, 1.0, LATENT)
    fixed = eqx.tree_at(last, both, (jnp.zeros_like(last(both)[0]), bias))
    for obs in (bits, picture):
        np.testing.assert_allclose(READ(fixed, obs), jnp.tanh(bias), atol=1e-6)
    # What one shape adds to a model is its branch and nothing else.
    one = draw(lambda: make(FEATURES))
    added = jax.tree.leaves(eqx.filter(both.representation.branches[1], eqx.is_array))
    sizes = [len(jax.tree.leaves(eqx.filter(m.representation, eqx.is_array))) for m in (both, one)]
    assert sizes[0] - sizes[1] == len(added) == 2 * 7 + 2


def test_gradients_reach_only_the_branch_that_was_used(both, bits):
    weights, fixed = eqx.partition(both.representation, eqx.is_inexact_array)
    slope = eqx.filter_jit(jax.grad(lambda weights: eqx.combine(weights, fixed)(bits).sum()))
    found = slope(weights)
    used, unused = (jax.tree.leaves(branch) for branch in found.branches)
    assert all(bool((leaf != 0).any()) for leaf in [*used, *jax.tree.leaves(found.trunk)])
    assert not any(bool((leaf != 0).any()) for leaf in unused)


@pytest.mark.parametrize("encoder", ["mlp", "transformer"])
def test_flat_observations_may_be_bits_bytes_or_floats(draw, encoder, bits):
    model = draw(lambda: make(FEATURES, encoder))
    latents = [READ(model, bits.astype(dtype)) for dtype in (bool, jnp.uint8, jnp.float32)]
    assert all(latent.dtype == jnp.float32 for latent in latents)
    assert jnp.array_equal(latents[0], latents[1])
    assert jnp.array_equal(latents[0], latents[2])


def test_bytes_of_an_image_are_shares_of_255(both, picture):
    shares = picture.astype(jnp.float32) / 255
    np.testing.assert_allclose(READ(both, picture), READ(both, shares), atol=1e-6)


@pytest.mark.parametrize("encoder", ["mlp", "transformer"])
def test_observation_of_another_shape_is_named(draw, encoder):
    model = draw(lambda: make(FEATURES, encoder))
    with pytest.raises(ValueError, match=r"shape \(7,\) .* reads \(12,\)"):
        model.representation(jnp.zeros(7))


def test_batch_without_vmap_is_named(both):
    with pytest.raises(ValueError, match=r"\(4, 12\) .* \(12,\) and \(32, 16, 3\).*jax.vmap"):
        both.representation(jnp.zeros((4, FEATURES)))


TURN = jax.jit(rotate)


def score(query, key, at, there):
    """The product of two vectors turned by their positions."""
    turned = TURN(jnp.stack([query, key])[:, None], jnp.array([at, there]))
    return float(jnp.vdot(turned[0], turned[1]))


@given(
    at=st.integers(0, 60),
    there=st.integers(0, 60),
    shift=st.integers(1, 60),
    seed=st.integers(0, 2**16),
)
def test_rotary_products_depend_on_the_distance_alone(at, there, shift, seed):
    query, key = jnp.asarray(np.random.default_rng(seed).normal(size=(2, 8)), jnp.float32)
    here = score(query, key, at, there)
    assert score(query, key, at + shift, there + shift) == pytest.approx(here, abs=1e-3)
    wanted = (slow.turn(np.asarray(query), at) * np.conj(slow.turn(np.asarray(key), there))).sum()
    assert here == pytest.approx(wanted.real, abs=1e-3)


def test_attention_tells_tokens_apart_by_their_places(both):
    attention = both.representation.branches[0].blocks[0].attention
    tokens = jnp.asarray(np.random.default_rng(3).normal(size=(4, SIZES.embed)), jnp.float32)
    order = jnp.array([0, 2, 1, 3])
    attend = eqx.filter_jit(lambda attention, tokens: attention(tokens))
    moved = attend(attention, tokens[order])[order]
    assert float(jnp.abs(moved - attend(attention, tokens)).max()) > 1e-2
    wanted = np.stack(slow.attend(attention, list(np.asarray(tokens, np.float64))))
    np.testing.assert_allclose(attend(attention, tokens), wanted, atol=1e-5)

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.nets import Dynamics, Model, Prediction, Sizes, Support, Torso
from reference import model as slow

FEATURES, ACTIONS, LATENT = 24, 3, 6
STEP = eqx.filter_jit(lambda model, latent, action: model.dynamics(latent, action))


@pytest.fixture(scope="module")
def model(draw):
    key = jax.random.key(0)
    return draw(lambda: Model(FEATURES, ACTIONS, widths=(10, 8), latent=LATENT, head=7, key=key))


@pytest.fixture(scope="module")
def obs():
    return jax.random.normal(jax.random.key(1), (FEATURES,))


def test_representation_is_that_of_numpy(model, obs):
    got = eqx.filter_jit(lambda model, obs: model.representation(obs))(model, obs)
    assert got.shape == (LATENT,)
    np.testing.assert_allclose(got, slow.represent(model, obs), atol=1e-5)


@pytest.mark.parametrize("action", range(ACTIONS))
def test_dynamics_is_a_gru_driven_by_the_action(model, obs, action):
    latent = slow.represent(model, obs)
    following, reward = STEP(model, jnp.asarray(latent, jnp.float32), jnp.int32(action))
    slow_following, slow_reward = slow.imagine(model, latent, action)
    np.testing.assert_allclose(following, slow_following, atol=1e-5)
    assert float(reward) == pytest.approx(slow_reward, abs=1e-5)


def test_prediction_is_that_of_numpy(model, obs):
    latent = slow.represent(model, obs)
    predict = eqx.filter_jit(lambda model, latent: model.prediction(latent))
    logits, value = predict(model, jnp.asarray(latent, jnp.float32))
    slow_logits, slow_value = slow.predict(model, latent)
    np.testing.assert_allclose(logits, slow_logits, atol=1e-5)
    assert float(value) == pytest.approx(slow_value, abs=1e-5)


def test_latents_stay_in_the_range_of_tanh_for_ever(model, obs):
    latent = model.representation(100.0 * obs)
    assert float(jnp.max(jnp.abs(latent))) <= 1.0
    for step in range(20):
        latent, _ = STEP(model, latent, jnp.int32(step % ACTIONS))
    assert float(jnp.max(jnp.abs(latent))) <= 1.0


def test_networks_start_from_different_keys():
    parts = [
        Torso(LATENT, (LATENT,), LATENT, key=jax.random.key(0)).layers[1].weight,
        Dynamics(LATENT, LATENT, LATENT, key=jax.random.key(0)).cell.weight_hh[:LATENT],
        Prediction(LATENT, LATENT, LATENT, key=jax.random.key(0)).policy.layers[0].weight,
    ]
    one = Model(
        LATENT, ACTIONS, widths=(LATENT,), latent=LATENT, head=LATENT, key=jax.random.key(0)
    )
    layers = [layer.weight for layer in one.representation.layers]
    assert not jnp.array_equal(layers[0], layers[1])
    heads = [one.prediction.policy, one.prediction.value.mlp, one.dynamics.reward.mlp]
    first = [head.layers[0].weight for head in heads]
    assert not any(jnp.array_equal(first[a], first[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert all(part.shape == (LATENT, LATENT) for part in parts)


def test_plain_model_starts_as_a_torso_a_gru_and_three_perceptrons():
    key = jax.random.key(3)
    made = Model(FEATURES, ACTIONS, widths=(10,), latent=LATENT, head=7, key=key)
    keys = jax.random.split(key, 3)
    cell, reward = jax.random.split(keys[1])
    policy, value = jax.random.split(keys[2])
    wanted = [
        Torso(FEATURES, (10,), LATENT, key=keys[0]),
        eqx.nn.GRUCell(ACTIONS, LATENT, key=cell),
        eqx.nn.MLP(LATENT, "scalar", 7, 1, jax.nn.silu, key=reward),
        eqx.nn.MLP(LATENT, ACTIONS, 7, 1, jax.nn.silu, key=policy),
        eqx.nn.MLP(LATENT, "scalar", 7, 1, jax.nn.silu, key=value),
    ]
    got, wanted = (jax.tree.leaves(eqx.filter(tree, eqx.is_array)) for tree in (made, wanted))
    assert len(got) == len(wanted) > 0
    assert all(jnp.array_equal(one, other) for one, other in zip(got, wanted, strict=True))


def test_advance_is_dynamics_without_the_reward(model, obs):
    latent = model.representation(obs)
    following, _ = STEP(model, latent, jnp.int32(1))
    advance = eqx.filter_jit(lambda model, latent: model.dynamics.advance(latent, jnp.int32(1)))
    np.testing.assert_allclose(advance(model, latent), following, atol=1e-6)


@pytest.fixture(scope="module")
def slopes(draw):
    """By dtype, what a scaled model of bits says along a step, and the gradient of its squares."""

    @eqx.filter_jit
    def slope(model, bits):
        weights, fixed = eqx.partition(model, eqx.is_inexact_array)

        def loss(weights):
            model = eqx.combine(weights, fixed).in_precision()
            latent = model.representation(bits)
            following, reward = model.dynamics(latent, jnp.int32(1))
            logits, value = model.prediction(following)
            said = (reward, logits, value)
            return sum(jnp.sum(number**2) for number in said), ((latent, following), said)

        return jax.grad(loss, has_aux=True)(weights)

    def make(dtype):
        return Model(
            FEATURES,
            ACTIONS,
            widths=(16,),
            latent=LATENT,
            head=7,
            encoder="transformer",
            sizes=Sizes(embed=8, layers=1, heads=2, token=8),
            value_scale=5.0,
            dtype=dtype,
            key=jax.random.key(5),
        )

    bits = jnp.asarray(np.random.default_rng(2).random(FEATURES) < 0.5)
    return {
        dtype: slope(draw(lambda dtype=dtype: make(dtype)), bits)
        for dtype in ("float32", "bfloat16")
    }


def test_bfloat16_says_nearly_the_same_in_float32(slopes):
    _, (latents, half) = slopes["bfloat16"]
    _, (_, whole) = slopes["float32"]
    assert {latent.dtype for latent in latents} == {jnp.dtype(jnp.bfloat16)}
    for one, other in zip(half, whole, strict=True):
        assert one.dtype == other.dtype == jnp.float32
        np.testing.assert_allclose(one, other, atol=0.03)


def test_bfloat16_gives_float32_gradients_of_all_weights(slopes):
    half, whole = (jax.tree.leaves(slopes[dtype][0]) for dtype in ("bfloat16", "float32"))
    assert all(leaf.dtype == jnp.float32 and bool((leaf != 0).any()) for leaf in half)
    half, whole = (np.concatenate([np.ravel(leaf) for leaf in leaves]) for leaves in (half, whole))
    assert half @ whole > 0.99 * np.linalg.norm(half) * np.linalg.norm(whole)


def test_categorical_bfloat16_model_of_an_image_tells_float32(draw):
    def make(dtype):
        return Model(
            (16, 16, 3),
            ACTIONS,
            widths=(),
            latent=LATENT,
            head=7,
            sizes=Sizes(embed=8, channels=4),
            support=Support(bins=9),
            dtype=dtype,
            key=jax.random.key(0),
        )

    @eqx.filter_jit
    def say(model, image):
        model = model.in_precision()
        latent = model.representation(image)
        return model.prediction(latent), model.dynamics.reward(latent)

    image = jnp.asarray(np.random.default_rng(2).integers(0, 256, (16, 16, 3)), jnp.uint8)
    said = [say(draw(lambda dtype=dtype: make(dtype)), image) for dtype in ("bfloat16", "float32")]
    half, whole = map(jax.tree.leaves, said)
    for one, other in zip(half, whole, strict=True):
        assert one.dtype == other.dtype == jnp.float32
        np.testing.assert_allclose(one, other, atol=0.03)


def test_precision_casts_all_but_scalars(draw):
    model = draw(
        lambda: Model(
            FEATURES,
            ACTIONS,
            widths=(),
            latent=LATENT,
            head=7,
            value_scale=5.0,
            dtype="bfloat16",
            key=jax.random.key(0),
        )
    )
    cast = model.in_precision()
    assert cast.prediction.value.log_scale is model.prediction.value.log_scale
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(eqx.filter(cast.dynamics, eqx.is_array))}
    assert dtypes == {jnp.dtype(jnp.bfloat16)}


def test_precision_of_float32_copies_nothing(model):
    assert model.in_precision() is model


def test_model_of_the_paper_has_as_many_weights_as_its_parts():
    actions, embed, latent, layers = 8, 256, 512, 4

    def make(key):
        return Model(
            1024,
            actions,
            widths=(latent,),
            latent=latent,
            head=latent,
            encoder="transformer",
            sizes=Sizes(embed=embed, layers=layers, heads=8, token=32),
            value_scale=5.0,
            key=key,
        )

    shapes = eqx.filter_eval_shape(make, jax.random.key(0))

    def weigh(part):
        return sum(leaf.size for leaf in jax.tree.leaves(part) if hasattr(leaf, "size"))

    def affine(size, following):
        return (size + 1) * following

    tokens = 1024 * embed + 32 * embed
    norm = 2 * embed
    block = 4 * embed**2 + affine(embed, 4 * embed) + affine(4 * embed, embed) + 2 * norm
    trunk = norm + affine(embed, latent) + 2 * latent + affine(latent, latent)
    assert weigh(shapes.representation) == tokens + layers * block + trunk == 3_821_056
    reward = affine(latent, latent) + affine(latent, 1)
    gru = 3 * latent * (actions + latent + 1) + latent
    assert weigh(shapes.dynamics) == gru + reward == 1_063_937
    policy = affine(latent, latent) + affine(latent, actions)
    assert weigh(shapes.prediction) == policy + reward + 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"encoder": "transfromer"}, r"Unknown encoder 'transfromer'. Did you mean 'transformer'"),
        ({"dtype": "float64"}, r"Unknown dtype 'float64'"),
        ({"support": Support(bins=9), "value_scale": 5.0}, r"value_scale=5.0 .* 9 bins"),
        ({"value_scale": 0.0}, r"value_scale=0.0"),
        ({"encoder": "transformer", "sizes": Sizes(token=7)}, r"token=7 .* Try token=6\."),
        ({"encoder": "transformer", "sizes": Sizes(token=8, embed=10)}, r"embed=10 .* embed=16\."),
        ({"obs": (20, 16, 3)}, r"20 x 16 pixels .* multiples of 16"),
        ({"obs": (5, 7)}, r"shape \(5, 7\)"),
        ({"obs": (0,)}, r"shape \(0,\)"),
        ({"obs": ((4,), (4,))}, r"a shape twice"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value),
)
def test_model_says_what_does_not_fit(settings, told):
    settings = {"obs": FEATURES, "widths": (4,), "latent": 4, "head": 4, **settings}
    with pytest.raises(UsageError, match=told):
        eqx.filter_eval_shape(lambda: Model(actions=2, key=jax.random.key(0), **settings))


@pytest.mark.parametrize("name", ["embed", "layers", "heads", "token", "channels"])
def test_sizes_are_at_least_one(name):
    with pytest.raises(UsageError, match=f"{name}=0"):
        Sizes(**{name: 0})

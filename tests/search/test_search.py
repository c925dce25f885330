"""Our trees against mctx's: identical visit counts on random networks."""

from functools import partial

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest

from alpha_factory.search import Step, search_gumbel, search_puct

pytestmark = pytest.mark.implicit_promotion

STATES, ACTIONS = 97, 5
RANGES = {"known": (-2.0, 2.0), "the tree's own": None}
C_SCALE = 0.1
SHAPES = (
    # batch, simulations, depth cap, masked
    (1, 4, None, False),
    (256, 128, None, False),
    (24, 50, 3, True),
)


def draw_network(seed=0):
    """A decision process in tables, in place of a model: the embedding is the state."""
    rng = np.random.default_rng(seed)
    terminal = rng.random((STATES, ACTIONS)) < 0.1
    return {
        "following": rng.integers(0, STATES, (STATES, ACTIONS)).astype(np.int32),
        "reward": rng.normal(0, 0.3, (STATES, ACTIONS)).astype(np.float32),
        "discount": np.where(terminal, 0, 0.97).astype(np.float32),
        "logits": rng.normal(0, 1, (STATES, ACTIONS)).astype(np.float32),
        "value": rng.normal(0, 0.5, STATES).astype(np.float32),
    }


NETWORK = draw_network()


def draw_legal(batch, is_masked):
    """All legal, or any share of the actions: none in the first tree, one in the second."""
    if not is_masked:
        return np.ones((batch, ACTIONS), bool)
    legal = np.random.default_rng(1).random((batch, ACTIONS)) < 0.6
    legal[0] = False
    legal[1] = np.arange(ACTIONS) == 3
    return legal


def imagine(state, action):
    table = jax.tree.map(jnp.asarray, NETWORK)
    following = table["following"][state, action]
    step = Step(
        reward=table["reward"][state, action],
        discount=table["discount"][state, action],
        logits=table["logits"][following],
        value=table["value"][following],
    )
    return step, following


def imagine_for_mctx(params, key, action, state):
    del params, key
    step, following = imagine(state, action)
    told = {"reward": step.reward, "discount": step.discount, "value": step.value}
    return mctx.RecurrentFnOutput(prior_logits=step.logits, **told), following


def search(kind, batch, simulations, depth, legal, value_range, key):
    state = jnp.arange(batch, dtype=jnp.int32) % STATES
    logits, value = jnp.asarray(NETWORK["logits"])[state], jnp.asarray(NETWORK["value"])[state]
    run = search_puct if kind == "puct" else partial(search_gumbel, c_scale=C_SCALE)
    return jax.jit(
        lambda legal, key: run(
            imagine,
            logits,
            value,
            state,
            simulations=simulations,
            value_range=value_range,
            depth=depth,
            legal=legal,
            key=key,
        )
    )(legal, key)


def search_with_mctx(kind, batch, simulations, depth, legal, value_range, key):
    state = jnp.arange(batch, dtype=jnp.int32) % STATES
    logits, value = jnp.asarray(NETWORK["logits"])[state], jnp.asarray(NETWORK["value"])[state]
    root = mctx.RootFnOutput(prior_logits=logits, value=value, embedding=state)
    if kind == "puct":
        run = partial(mctx.muzero_policy, dirichlet_fraction=0.0)
        if value_range is not None:
            low, high = value_range
            run = partial(
                run, qtransform=partial(mctx.qtransform_by_min_max, min_value=low, max_value=high)
            )
    else:
        run, scale = mctx.gumbel_muzero_policy, C_SCALE
        if value_range is not None:
            # The least value moves all logits by the same amount, which no softmax sees.
            scale = C_SCALE / (value_range[1] - value_range[0])
        transform = partial(
            mctx.qtransform_completed_by_mix_value,
            value_scale=scale,
            rescale_values=value_range is None,
        )
        run = partial(run, qtransform=transform)
    return jax.jit(
        lambda legal, key: run(
            (),
            key,
            root,
            imagine_for_mctx,
            simulations,
            invalid_actions=~legal,
            max_depth=depth,
        )
    )(legal, key)


@pytest.mark.parametrize("value_range", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize(("batch", "simulations", "depth", "is_masked"), SHAPES)
@pytest.mark.parametrize("kind", ["puct", "gumbel"])
def test_visits_are_those_of_mctx(kind, batch, simulations, depth, is_masked, value_range):
    legal, key = jnp.asarray(draw_legal(batch, is_masked)), jax.random.key(2)
    theirs = search_with_mctx(kind, batch, simulations, depth, legal, value_range, key)
    # mctx splits its key before it draws the noise.
    noise_key = jax.random.split(key)[1] if kind == "gumbel" else key
    ours = search(kind, batch, simulations, depth, legal, value_range, noise_key)
    summary = theirs.search_tree.summary()
    np.testing.assert_array_equal(ours.visits, summary.visit_counts)
    assert (np.asarray(ours.visits).sum(axis=1) == simulations).all()
    some = np.asarray(legal).any(axis=1)
    np.testing.assert_allclose(ours.policy[some], theirs.action_weights[some], atol=2e-5)
    if kind == "gumbel":
        np.testing.assert_array_equal(ours.action, theirs.action)
    greatest = jnp.max(jnp.where(ours.visits > 0, summary.qvalues, -jnp.inf), axis=1)
    np.testing.assert_allclose(ours.value, greatest, atol=1e-5)

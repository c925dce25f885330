"""Our trees against mctx's: identical visit counts on random networks."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest

from alpha_factory.search import Step, search_gumbel, search_puct

STATES = 97
RANGE = (-2.0, 2.0)
C_SCALE = 0.1
CASES = (
    # kind, actions, batch, simulations, depth cap, value range
    ("puct", 8, 1, 128, None, RANGE),
    ("puct", 20, 24, 50, 3, RANGE),
    ("puct", 2, 24, 4, 1, None),
    ("puct", 2, 256, 128, 3, None),
    ("puct", 20, 256, 4, None, None),
    ("gumbel", 20, 1, 50, None, None),  # of more than 16 actions, 16 are considered
    ("gumbel", 8, 24, 50, 1, RANGE),
    ("gumbel", 8, 24, 128, 3, None),
    ("gumbel", 2, 256, 4, None, RANGE),
    ("gumbel", 20, 256, 128, None, RANGE),
)
"""Every program takes seconds to compile: each case brings sizes, caps and ranges together anew."""


def draw_network(seed, actions):
    """A decision process in tables, in place of a model: the embedding is the state."""
    rng = np.random.default_rng(seed)
    shape = (STATES, actions)
    terminal = rng.random(shape) < 0.1
    return {
        "following": rng.integers(0, STATES, shape).astype(np.int32),
        "reward": rng.normal(0, 0.3, shape).astype(np.float32),
        "discount": np.where(terminal, 0, 0.97).astype(np.float32),
        "logits": rng.normal(0, 1, shape).astype(np.float32),
        "value": rng.normal(0, 0.5, STATES).astype(np.float32),
    }


def draw_legal(seed, batch, actions):
    """By turns none of the actions, one, all, and any share: a lone tree has its turn by the seed."""
    rng = np.random.default_rng(seed + 100)
    turn = (np.arange(batch) + seed) % 4
    legal = rng.random((batch, actions)) < rng.random((batch, 1))
    legal[turn == 0] = False
    legal[turn == 1] = np.eye(actions, dtype=bool)[rng.integers(0, actions, (turn == 1).sum())]
    legal[turn == 2] = True
    return legal


def draw_states(seed, batch):
    return np.random.default_rng(seed + 200).integers(0, STATES, batch).astype(np.int32)


def imagine(table, state, action):
    following = table["following"][state, action]
    step = Step(
        reward=table["reward"][state, action],
        discount=table["discount"][state, action],
        logits=table["logits"][following],
        value=table["value"][following],
    )
    return step, following


def imagine_for_mctx(table, key, action, state):
    del key
    step, following = imagine(table, state, action)
    told = {"reward": step.reward, "discount": step.discount, "value": step.value}
    return mctx.RecurrentFnOutput(prior_logits=step.logits, **told), following


def scale_for_mctx(tree, node, *, value_range):
    """Q-values as shares of a known range, what was never taken as its node; mctx has no such transform."""
    low, high = value_range
    taken = tree.children_visits[node] > 0
    return (jnp.where(taken, tree.qvalues(node), tree.node_values[node]) - low) / (high - low)


@cache
def compile_ours(kind, simulations, depth, value_range):
    """A search in tables that are given, so that one program serves any network of a size."""
    run = search_puct if kind == "puct" else partial(search_gumbel, c_scale=C_SCALE)

    def search(table, state, legal, key):
        return run(
            partial(imagine, table),
            table["logits"][state],
            table["value"][state],
            state,
            simulations=simulations,
            value_range=value_range,
            depth=depth,
            legal=legal,
            key=key,
        )

    return jax.jit(search)


def compile_theirs(kind, simulations, depth, value_range, *, is_fast):
    if kind == "puct":
        run = partial(mctx.muzero_policy, dirichlet_fraction=0.0)
        if value_range is not None:
            run = partial(run, qtransform=partial(scale_for_mctx, value_range=value_range))
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

    def search(table, state, legal, key):
        root = mctx.RootFnOutput(
            prior_logits=table["logits"][state], value=table["value"][state], embedding=state
        )
        found = run(
            table, key, root, imagine_for_mctx, simulations, invalid_actions=~legal, max_depth=depth
        )
        return found.search_tree.summary(), found.action, found.action_weights

    # Optimised, it takes twice as long to compile, which only large trees are worth.
    slow = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(search, compiler_options=None if is_fast else slow)


@pytest.mark.implicit_promotion
@pytest.mark.parametrize(("kind", "actions", "batch", "simulations", "depth", "value_range"), CASES)
def test_search_is_that_of_mctx(kind, actions, batch, simulations, depth, value_range):
    """On several networks, some of whose steps end the episode, whatever is legal at the roots."""
    how = (kind, simulations, depth, value_range)
    search, search_with_mctx = compile_ours(*how), compile_theirs(*how, is_fast=batch == 256)
    for seed in range(4 if batch == 1 else 2):
        table = jax.tree.map(jnp.asarray, draw_network(seed, actions))
        state = jnp.asarray(draw_states(seed, batch))
        legal = draw_legal(seed, batch, actions)
        key = jax.random.key(seed)
        theirs, action, policy = search_with_mctx(table, state, jnp.asarray(legal), key)
        # mctx splits its key before it draws the noise.
        noise_key = jax.random.split(key)[1] if kind == "gumbel" else key
        ours = search(table, state, jnp.asarray(legal), noise_key)

        np.testing.assert_array_equal(ours.visits, theirs.visit_counts)
        assert (np.asarray(ours.visits).sum(axis=1) == simulations).all()
        greatest = jnp.max(jnp.where(ours.visits > 0, theirs.qvalues, -jnp.inf), axis=1)
        np.testing.assert_allclose(ours.value, greatest, atol=1e-5)

        some = legal.any(axis=1)
        np.testing.assert_allclose(ours.policy[some], policy[some], atol=2e-5)
        assert legal[some, ours.action[some]].all()
        # With nothing legal the first action stands in, and is all that was ever tried.
        none = np.flatnonzero(~some)
        assert not np.asarray(ours.action)[none].any()
        assert (np.asarray(ours.visits)[none, 0] == simulations).all()
        if kind == "gumbel":
            np.testing.assert_array_equal(ours.action, action)
        else:
            np.testing.assert_allclose(ours.policy[none], policy[none], atol=2e-5)


@pytest.mark.parametrize("kind", ["puct", "gumbel"])
def test_search_counts_in_float32_whatever_the_model_speaks(kind):
    """A model in bfloat16, and the same numbers as float32: the same search."""
    _, actions, batch, *how = next(
        case for case in CASES if (case[0], case[2], case[4]) == (kind, 24, 3)
    )
    search = compile_ours(kind, *how)
    speak = {
        name: jnp.asarray(leaf, jnp.bfloat16 if leaf.dtype == np.float32 else leaf.dtype)
        for name, leaf in draw_network(0, actions).items()
    }
    exact = {
        name: leaf.astype(draw_network(0, actions)[name].dtype) for name, leaf in speak.items()
    }
    given = (jnp.asarray(draw_states(0, batch)), jnp.asarray(draw_legal(0, batch, actions)))
    half, whole = (search(table, *given, jax.random.key(0)) for table in (speak, exact))
    assert {half.policy.dtype, half.value.dtype, half.visits.dtype} == {jnp.dtype(jnp.float32)}
    np.testing.assert_array_equal(half.visits, whole.visits)
    np.testing.assert_array_equal(half.action, whole.action)
    np.testing.assert_allclose(half.policy, whole.policy, atol=1e-6)
    np.testing.assert_allclose(half.value, whole.value, atol=1e-6)
    # A mean of many such values is none of the few that bfloat16 knows.
    rounded = half.value.astype(jnp.bfloat16).astype(jnp.float32)
    assert float(jnp.mean(half.value == rounded)) < 0.2

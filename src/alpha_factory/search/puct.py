"""PUCT: take the action with the best sum of value and of what is left to explore."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Float32, Int32, PRNGKeyArray

from alpha_factory.search.scores import Found, ValueRange, best, root_value, scale_values
from alpha_factory.search.tree import Edges, Imagine, Rule, grow

_INIT, _BASE = 1.25, 19_652.0  # c_1 and c_2 as published


def search_puct(
    imagine: Imagine,
    logits: Float[Array, "batch actions"],
    value: Float[Array, " batch"],
    embedding: Any,
    *,
    simulations: int,
    value_range: ValueRange,
    depth: int | None = None,
    legal: Bool[Array, "batch actions"] | None = None,
    key: PRNGKeyArray,
) -> Found:
    """The search of MuZero (Schrittwieser et al. 2020, appendix B), without noise of its own.

    The action is drawn in proportion to the visits, which are the policy.

    Args:
        imagine, logits, value, embedding, simulations, depth: as `grow` takes them.
        legal: actions that may be taken at the roots; None for all. If there is none, the first is.
    """
    if legal is not None:
        logits = jnp.where(legal, logits, jnp.finfo(logits.dtype).min)

    def at_root(edges: Edges, simulation: Array) -> Int32[Array, " batch"]:
        del simulation
        return best(_score(edges, value_range), legal)

    rule = Rule(jax.nn.softmax, at_root, lambda edges: best(_score(edges, value_range)))
    tree = grow(rule, imagine, logits, value, embedding, simulations=simulations, depth=depth)
    visits = tree.root.visits
    policy = visits / jnp.sum(visits, axis=1, keepdims=True)
    action = jax.random.categorical(key, jnp.log(policy)).astype(jnp.int32)
    return Found(action, policy, root_value(tree.root), visits)


def _score(edges: Edges, value_range: ValueRange) -> Float32[Array, "batch actions"]:
    weight = jnp.sqrt(edges.total) * (_INIT + jnp.log((edges.total + _BASE + 1.0) / _BASE))
    explore = weight[:, None] * edges.prior / (edges.visits + 1.0)
    return _complete(edges, value_range) + explore


def _complete(edges: Edges, value_range: ValueRange) -> Float32[Array, "batch actions"]:
    """Q-values in [0, 1].

    In the tree's own range an action never taken counts as the worst, as published. In a known range the worst is so
    far below what most nodes are worth that what is taken first would be taken ever after: there it counts as its node.
    """
    is_taken, value = edges.visits > 0, edges.value[:, None]
    known = jnp.where(is_taken, edges.q, value)
    low = jnp.minimum(value, jnp.min(known, axis=1, keepdims=True))
    high = jnp.maximum(value, jnp.max(known, axis=1, keepdims=True))
    scaled = scale_values(known, value_range, low=low, high=high)
    return scaled if value_range is not None else jnp.where(is_taken, scaled, 0.0)

"""Gumbel MuZero: a few actions drawn without replacement, halved again and again by their value.

Danihelka et al. 2022, "Policy improvement by planning with Gumbel": it improves the policy with
any number of simulations.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float32, Int, Int32, PRNGKeyArray

from alpha_factory.search.scores import Found, ValueRange, best, root_value, scale_values
from alpha_factory.search.tree import Edges, Imagine, Rule, grow

_C_VISIT = 50.0  # as published
_LEAST_LOGIT = -1e9  # an action that nothing speaks for is still preferred to one out of the race


def search_gumbel(
    imagine: Imagine,
    logits: Float[Array, "batch actions"],
    value: Float[Array, " batch"],
    embedding: Any,
    *,
    simulations: int,
    value_range: ValueRange,
    c_scale: float,
    considered: int = 16,
    depth: int | None = None,
    legal: Bool[Array, "batch actions"] | None = None,
    key: PRNGKeyArray,
) -> Found:
    """Sequential halving at the root (algorithm 2), a deterministic rule below (eq. 14).

    The policy is the root's own, tilted by the values that were found (eq. 11).

    Args:
        imagine, logits, value, embedding, simulations, depth: as `grow` takes them.
        c_scale: weight of a value in [0, 1] against a logit, times 50 plus the most visits.
        considered: actions drawn at most.
        legal: actions that may be taken at the roots; None for all. Where there is none, the first
            is taken, and the policy means nothing.
    """
    if legal is not None:
        logits = jnp.where(legal, logits, jnp.finfo(logits.dtype).min)
    batch, actions = logits.shape
    gumbel = jax.random.gumbel(key, (batch, actions), jnp.float32)
    drawn = min(considered, actions)
    plan = jnp.asarray(plan_visits(drawn, simulations), jnp.float32)
    allowed = jnp.full(batch, actions) if legal is None else jnp.sum(legal, axis=1, dtype=jnp.int32)
    entrants = jnp.minimum(drawn, allowed)

    def at_root(edges: Edges, simulation: Array) -> Int32[Array, " batch"]:
        completed = _complete(edges, value_range, c_scale)
        return best(_rank(edges, gumbel, completed, plan[entrants, simulation]), legal)

    def inside(edges: Edges) -> Int32[Array, " batch"]:
        wanted = jax.nn.softmax(edges.prior + _complete(edges, value_range, c_scale))
        return best(wanted - edges.visits / (1.0 + jnp.sum(edges.visits, axis=1, keepdims=True)))

    rule = Rule(jax.nn.log_softmax, at_root, inside)
    tree = grow(rule, imagine, logits, value, embedding, simulations=simulations, depth=depth)
    root = tree.root
    completed = _complete(root, value_range, c_scale)
    winners = _rank(root, gumbel, completed, jnp.max(root.visits, axis=1))
    policy = jax.nn.softmax(root.prior + completed)
    return Found(best(winners, legal), policy, root_value(root), root.visits)


def plan_visits(considered: int, simulations: int) -> Int[np.ndarray, "entrants simulations"]:
    """How often the action to try next has been tried, by entrants to the race and simulation.

    `entrants` runs from 0 to `considered`. In each of log2(entrants) rounds every action still in
    the race gets the same number of visits, and the better half stays.
    """
    return np.array([_plan_race(entrants, simulations) for entrants in range(considered + 1)])


def _plan_race(entrants: int, simulations: int) -> list[int]:
    if entrants <= 1:
        return list(range(simulations))
    rounds, left = math.ceil(math.log2(entrants)), entrants
    visits, plan = 0, list[int]()
    while len(plan) < simulations:
        for _ in range(max(1, simulations // (rounds * left))):
            plan += [visits] * left
            visits += 1
        left = max(2, left // 2)
    return plan[:simulations]


def _rank(
    edges: Edges,
    gumbel: Float32[Array, "batch actions"],
    completed: Float32[Array, "batch actions"],
    visits: Float32[Array, " batch"],
) -> Float32[Array, "batch actions"]:
    """Scores of the actions that have so many visits; the others are out of the race."""
    logits = edges.prior - jnp.max(edges.prior, axis=1, keepdims=True)
    score = jnp.maximum(_LEAST_LOGIT, gumbel + logits + completed)
    return jnp.where(edges.visits == visits[:, None], score, -jnp.inf)


def _complete(
    edges: Edges, value_range: ValueRange, c_scale: float
) -> Float32[Array, "batch actions"]:
    """Q-values as logits: eq. 8, with the mixed value (eq. 33) for actions never taken."""
    q = jnp.where(edges.visits > 0, edges.q, _mix_value(edges)[:, None])
    low, high = jnp.min(q, axis=1, keepdims=True), jnp.max(q, axis=1, keepdims=True)
    weight = (_C_VISIT + jnp.max(edges.visits, axis=1, keepdims=True)) * c_scale
    return weight * scale_values(q, value_range, low=low, high=high)


def _mix_value(edges: Edges) -> Float32[Array, " batch"]:
    """Between what the model said of the node and what its visited actions brought."""
    is_taken, total = edges.visits > 0, jnp.sum(edges.visits, axis=1)
    share = jnp.where(is_taken, jnp.maximum(jnp.exp(edges.prior), jnp.finfo(jnp.float32).tiny), 0.0)
    whole = jnp.where(total > 0, jnp.sum(share, axis=1), 1.0)
    brought = jnp.sum(share * edges.q / whole[:, None], axis=1)
    return (edges.raw_value + total * brought) / (total + 1.0)

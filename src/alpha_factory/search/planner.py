"""Policies for a model: with a search before each action, and without."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from alpha_factory.core.errors import unknown
from alpha_factory.core.types import Plan, Policy
from alpha_factory.nets import Model
from alpha_factory.search.gumbel import search_gumbel
from alpha_factory.search.puct import search_puct
from alpha_factory.search.scores import Found, ValueRange
from alpha_factory.search.tree import Step


def make_planner(
    kind: str,
    *,
    simulations: int,
    discount: float,
    value_range: ValueRange,
    c_scale: float,
    logit_noise: float,
    depth: int | None = None,
) -> Policy:
    """A policy that searches before each action, and draws it.

    It explores in evaluation as in training: where the agent sees a part of the world, one that
    always takes the best action walks in circles.

    Args:
        kind: "gumbel" (sequential halving, Danihelka et al. 2022) or "puct" (Schrittwieser et al. 2020).
        simulations: expansions of the tree an action.
        discount: per step.
        value_range: least and greatest value that any state can have. Fixed, since rescaling by
            the tree's own blows noise up to full size where rewards are sparse; None does that.
        c_scale: weight of a value in [0, 1] against a logit, times 50 plus the most visits (Gumbel).
        logit_noise: standard deviation of the exploration noise on the prior (paper: 0.1).
        depth: imagined steps from the root at most; None for no cap.

    Raises:
        UsageError: the kind is unknown.
    """
    searches: dict[str, Callable[..., Found]] = {
        "gumbel": partial(search_gumbel, c_scale=c_scale),
        "puct": search_puct,
    }
    if kind not in searches:
        raise unknown("search", kind, searches)

    def plan(model: Model, obs: Shaped[Array, "worlds ..."], *, key: PRNGKeyArray) -> Plan:
        key_noise, key_search = jax.random.split(key)
        model = model.in_precision()
        latent = jax.vmap(model.representation)(obs)
        logits, value = jax.vmap(model.prediction)(latent)
        logits = logits + logit_noise * jax.random.normal(key_noise, logits.shape, logits.dtype)
        imagine = partial(_imagine, model, discount)
        found = searches[kind](
            imagine,
            logits,
            value,
            latent,
            simulations=simulations,
            value_range=value_range,
            depth=depth,
            key=key_search,
        )
        return Plan(found.action, found.policy, found.value)

    return plan


def _imagine(
    model: Model, discount: float, latent: Float[Array, "batch latent"], action: Array
) -> tuple[Step, Array]:
    latent, reward = jax.vmap(model.dynamics)(latent, action)
    logits, value = jax.vmap(model.prediction)(latent)
    return Step(reward, jnp.full_like(reward, discount), logits, value), latent


def make_prior() -> Policy:
    """A policy that samples from the policy head without any search."""

    def act(model: Model, obs: Shaped[Array, "worlds ..."], *, key: PRNGKeyArray) -> Plan:
        model = model.in_precision()
        latent = jax.vmap(model.representation)(obs)
        logits, value = jax.vmap(model.prediction)(latent)
        action = jax.random.categorical(key, logits)
        return Plan(action, jax.nn.softmax(logits), value)

    return act

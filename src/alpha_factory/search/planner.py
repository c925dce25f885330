"""Planning in the learned model: latents in, an action, a better policy and a value out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import mctx
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from alpha_factory.core.types import Plan, Policy
from alpha_factory.nets import Model


def make_planner(
    kind: str,
    *,
    simulations: int,
    discount: float,
    value_scale: float,
    logit_noise: float,
) -> Policy:
    """A policy that searches before each action, and draws it.

    It explores in evaluation as in training: where the agent sees a part of the world, one that
    always takes the best action walks in circles.

    Args:
        kind: "gumbel" (sequential halving over Gumbel-sampled actions, Danihelka et al. 2022) or
            "puct" (Schrittwieser et al. 2020).
        simulations: expansions of the tree an action.
        discount: per step.
        value_scale: how many logits a difference of 1 in value is worth to Gumbel's improved
            policy, before any visit. It is fixed: rescaling by the tree's own minimum and
            maximum blows noise up to full size where rewards are sparse.
        logit_noise: standard deviation of the exploration noise on the prior (paper: 0.1).
    """
    if kind not in _SEARCHES:
        raise ValueError(f"search={kind!r} is unknown. Choose from {', '.join(_SEARCHES)}.")

    def plan(model: Model, obs: Bool[Array, "worlds features"], *, key: PRNGKeyArray) -> Plan:
        key_noise, key_search = jax.random.split(key)
        latent = jax.vmap(model.representation)(obs.astype(jnp.float32))
        logits, value = jax.vmap(model.prediction)(latent)
        logits = logits + logit_noise * jax.random.normal(key_noise, logits.shape)
        root = mctx.RootFnOutput(prior_logits=logits, value=value, embedding=latent)
        output = _SEARCHES[kind](
            model,
            root=root,
            rng_key=key_search,
            recurrent_fn=partial(_imagine, discount),
            num_simulations=simulations,
            value_scale=value_scale,
        )
        return Plan(output.action, output.action_weights, _root_value(output))

    return plan


def make_prior() -> Policy:
    """A policy that samples from the policy head without any search."""

    def act(model: Model, obs: Bool[Array, "worlds features"], *, key: PRNGKeyArray) -> Plan:
        latent = jax.vmap(model.representation)(obs.astype(jnp.float32))
        logits, value = jax.vmap(model.prediction)(latent)
        action = jax.random.categorical(key, logits)
        return Plan(action, jax.nn.softmax(logits), value)

    return act


def _imagine(
    discount: float, model: Model, key: PRNGKeyArray, action: Array, latent: Array
) -> tuple[mctx.RecurrentFnOutput, Array]:
    del key
    latent, reward = jax.vmap(model.dynamics)(latent, action)
    logits, value = jax.vmap(model.prediction)(latent)
    return mctx.RecurrentFnOutput(
        reward=reward,
        discount=jnp.full_like(reward, discount),
        prior_logits=logits,
        value=value,
    ), latent


def _search_gumbel(model: Model, *, value_scale: float, **arguments: Any) -> mctx.PolicyOutput:
    # mctx weighs Q-values by (maxvisit_init + most visits) * value_scale. With the range fixed
    # that factor starts at `value_scale` of ours.
    init = 50.0
    return mctx.gumbel_muzero_policy(
        model,
        qtransform=partial(
            mctx.qtransform_completed_by_mix_value,
            rescale_values=False,
            maxvisit_init=init,
            value_scale=value_scale / init,
        ),
        **arguments,
    )


def _search_puct(model: Model, *, value_scale: float, **arguments: Any) -> mctx.PolicyOutput:
    del value_scale  # PUCT weighs values by visits alone
    return mctx.muzero_policy(
        model,
        qtransform=partial(mctx.qtransform_by_min_max, min_value=-1.0, max_value=1.0),
        **arguments,
    )


def _root_value(output: mctx.PolicyOutput) -> Float[Array, " worlds"]:
    """The greatest Q-value among the visited actions (paper, section 3.3)."""
    summary = output.search_tree.summary()
    is_visited = summary.visit_counts > 0
    best = jnp.max(jnp.where(is_visited, summary.qvalues, -jnp.inf), axis=1)
    return jnp.where(jnp.any(is_visited, axis=1), best, summary.value)


_SEARCHES: dict[str, Callable[..., mctx.PolicyOutput]] = {
    "gumbel": _search_gumbel,
    "puct": _search_puct,
}

"""Elastic weight consolidation: what past worlds need of the weights is held where it was.

Online EWC (Schwarz et al. 2018, after Kirkpatrick et al. 2017; paper, section 3.4): one diagonal
of the Fisher information and one anchor stand for all past worlds.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from alpha_factory.nets import Model
from alpha_factory.replay import Window
from alpha_factory.rollout import Targets


class Consolidation(eqx.Module):
    """What the weights were good for; the leaves are those of the model that are trained."""

    fisher: Model  # Omega
    anchor: Model  # theta*


def start_consolidation(model: Model) -> Consolidation:
    """Nothing is held: Omega is 0."""
    weights = eqx.filter(model, eqx.is_inexact_array)
    copy = jax.tree.map(lambda leaf: leaf.copy(), weights)
    return Consolidation(jax.tree.map(jnp.zeros_like, weights), copy)


def drift(consolidation: Consolidation, weights: Model) -> Float[Array, ""]:
    """L_EWC = sum_i Omega_i / 2 (theta_i - theta*_i)^2."""
    terms = jax.tree.map(
        lambda fisher, now, then: jnp.sum(fisher * (now - then) ** 2) / 2,
        consolidation.fisher,
        weights,
        consolidation.anchor,
    )
    return sum(jax.tree.leaves(terms), jnp.float32(0.0))


def consolidate(
    consolidation: Consolidation, weights: Model, fisher: Model, *, decay: float
) -> Consolidation:
    """Omega becomes decay * Omega + the new worlds' Fisher diagonal; the anchor moves to here."""
    return Consolidation(
        jax.tree.map(lambda old, new: decay * old + new, consolidation.fisher, fisher), weights
    )


def estimate_fisher(
    model: Model,
    window: Window,
    targets: Targets,
    *,
    reward_weight: float,
    at_a_time: int,
    key: PRNGKeyArray,
) -> Model:
    """The diagonal of the Fisher information of eq. (1)'s likelihood, one outcome drawn a window.

    The loss is read as a negative log-likelihood: the policy is categorical; values and rewards
    are as their heads' losses say, normal with variance 1/2 for a squared error, categorical over
    bins for a cross-entropy. Outcomes are drawn from the model's own predictions and not taken from
    the targets, whose gradients vanish as they are fitted, however much the weights matter.

    Args:
        targets: say which steps are known; their values play no part.
        reward_weight: lambda_r.
        at_a_time: windows whose gradients are held at a time; must divide the batch.

    Raises:
        ValueError: it does not.
    """
    batch = window.reward.shape[1]
    if batch % at_a_time:
        raise ValueError(f"at_a_time={at_a_time} must divide the batch of {batch} windows.")
    weights, fixed = eqx.partition(model, eqx.is_inexact_array)

    def log_likelihood(weights: Model, at: Array, key: PRNGKeyArray) -> Float[Array, ""]:
        """Of one window's drawn outcomes, up to terms without a gradient."""
        model = eqx.combine(weights, fixed).in_precision()
        steps = targets.reward.shape[0]
        key_actions, key_values, key_rewards = jax.random.split(key, 3)
        latent, total = model.representation(window.obs[at]), jnp.float32(0.0)

        def count(is_known: Array, term: Array) -> Array:
            return jnp.where(is_known[at], term, 0.0)

        for k in range(steps + 1):
            chances = jax.nn.log_softmax(model.prediction.policy(latent))
            action = jax.random.categorical(jax.random.fold_in(key_actions, k), chances)
            total = total + count(targets.is_policy_known[k], chances[action])
            key_value = jax.random.fold_in(key_values, k)
            value = model.prediction.value.weigh_draw(latent, key=key_value)
            total = total + count(targets.is_value_known[k], value)
            if k < steps:
                latent = model.dynamics.advance(latent, window.action[k, at])
                key_reward = jax.random.fold_in(key_rewards, k)
                reward = model.dynamics.reward.weigh_draw(latent, key=key_reward)
                # Information goes as the square of a gradient, and this loss counts lambda_r times.
                total = total + reward_weight**0.5 * count(targets.is_reward_known[k], reward)
        return total / (steps + 1) ** 0.5  # as eq. (1) is averaged over the steps

    def add(total: Model, chunk: tuple[Array, Array]) -> tuple[Model, None]:
        gradients = jax.vmap(jax.grad(log_likelihood), in_axes=(None, 0, 0))(weights, *chunk)
        return jax.tree.map(
            lambda sum_, leaf: sum_ + jnp.sum(leaf**2, axis=0), total, gradients
        ), None

    places = jnp.arange(batch).reshape(-1, at_a_time)
    keys = jax.random.split(key, places.shape)
    total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, weights), (places, keys))
    return jax.tree.map(lambda leaf: leaf / batch, total)

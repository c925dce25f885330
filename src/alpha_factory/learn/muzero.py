"""Batches to a better model: MuZero's unrolled loss and one gradient step (paper, section 3.4)."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.nets import Model
from alpha_factory.replay import Ring, Sample, sample, set_priority
from alpha_factory.rollout import Targets, unroll_targets


class Learner(eqx.Module):
    """A model in training. `target` is the copy that acts and whose values are bootstrapped."""

    model: Model
    target: Model
    optimiser: optax.OptState
    updates: Int[Array, ""]


class Losses(eqx.Module):
    """Terms of eq. (1), averaged over the batch, and the norm of the gradient."""

    value: Float[Array, "*updates"]
    policy: Float[Array, "*updates"]
    reward: Float[Array, "*updates"]
    gradient_norm: Float[Array, "*updates"]
    is_finite: Bool[Array, "*updates"]


class Recipe(NamedTuple):
    """The numbers of one update."""

    optimiser: optax.GradientTransformation
    batch: int
    unroll: int  # K
    horizon: int  # n
    discount: float
    reward_weight: float  # lambda_r
    target_period: int  # updates between two copies of the model to the target
    alpha: float  # exponent of priorities
    beta: float  # exponent of importance weights

    @property
    def window(self) -> int:
        """Rows that one drawn sequence takes."""
        return self.unroll + self.horizon + 1


def make_optimiser(
    *,
    learning_rate: float,
    decay_updates: int,
    final_share: float,
    weight_decay: float,
    clip: float,
) -> optax.GradientTransformation:
    """AdamW (0.9, 0.95) on a cosine schedule (paper, section 3.5) behind a clip of the norm.

    Args:
        decay_updates: T_max.
        final_share: share of the learning rate that is left after T_max updates, and stays.
    """
    schedule = optax.cosine_decay_schedule(learning_rate, decay_updates, alpha=final_share)
    return optax.chain(
        optax.clip_by_global_norm(clip),
        optax.adamw(schedule, b1=0.9, b2=0.95, weight_decay=weight_decay),
    )


def start_learner(model: Model, recipe: Recipe) -> Learner:
    """A learner that has made no update."""
    optimiser = recipe.optimiser.init(eqx.filter(model, eqx.is_inexact_array))
    # A copy, so that neither shares a buffer that the other donates.
    target = jax.tree.map(lambda leaf: leaf.copy() if eqx.is_array(leaf) else leaf, model)
    return Learner(model, target, optimiser, jnp.int32(0))


def update(
    recipe: Recipe, learner: Learner, ring: Ring, *, key: PRNGKeyArray
) -> tuple[Learner, Ring, Losses]:
    """Draw a batch, step down the gradient of eq. (1), give the batch its new priorities."""
    drawn = sample(ring, batch=recipe.batch, window=recipe.window, beta=recipe.beta, key=key)
    learner, losses, error = fit(recipe, learner, drawn)
    return learner, set_priority(ring, drawn.place, error, alpha=recipe.alpha), losses


def fit(
    recipe: Recipe, learner: Learner, drawn: Sample
) -> tuple[Learner, Losses, Float[Array, " batch"]]:
    """One gradient step on a given batch.

    Returns:
        The learner, the terms of the loss, and |v - z| + |r^ - r| of the first step, by which
        replay is prioritised.
    """
    window = drawn.window
    targets = unroll_targets(
        window.reward,
        window.is_terminated,
        window.is_last,
        window.value,
        unroll=recipe.unroll,
        horizon=recipe.horizon,
        discount=recipe.discount,
    )
    trained, fixed = eqx.partition(learner.model, eqx.is_inexact_array)

    def loss(trained: Model) -> tuple[Array, tuple[Losses, Array]]:
        return unrolled_loss(recipe, eqx.combine(trained, fixed), drawn, targets)

    gradient, (losses, error) = jax.grad(loss, has_aux=True)(trained)
    norm = optax.tree.norm(gradient)
    change, optimiser = recipe.optimiser.update(gradient, learner.optimiser, trained)
    model = eqx.apply_updates(learner.model, change)
    updates = learner.updates + 1
    is_copying = updates % recipe.target_period == 0
    target = jax.tree.map(
        lambda new, old: jnp.where(is_copying, new, old) if eqx.is_array(new) else new,
        model,
        learner.target,
    )
    losses = eqx.tree_at(
        lambda terms: (terms.gradient_norm, terms.is_finite),
        losses,
        (norm, losses.is_finite & jnp.isfinite(norm)),
    )
    return Learner(model, target, optimiser, updates), losses, error


def unrolled_loss(
    recipe: Recipe, model: Model, drawn: Sample, targets: Targets
) -> tuple[Float[Array, ""], tuple[Losses, Float[Array, " batch"]]]:
    """Eq. (1) without its weight decay, which is decoupled and the optimiser's.

    Value and policy are compared at k = 0 to K, rewards at the K steps between. Unknown targets
    count nothing; the sum over k is divided by K + 1 so that the step size does not depend on K.
    """
    window, weight = drawn.window, drawn.weight
    latent = jax.vmap(model.representation)(window.obs.astype(jnp.float32))
    value_loss = policy_loss = reward_loss = jnp.zeros_like(weight)
    error = jnp.zeros_like(weight)
    for k in range(recipe.unroll + 1):
        logits, value = jax.vmap(model.prediction)(latent)
        miss = jnp.where(targets.is_value_known[k], value - targets.value[k], 0.0)
        value_loss = value_loss + miss**2
        cross_entropy = -jnp.sum(window.policy[k] * jax.nn.log_softmax(logits), axis=-1)
        policy_loss = policy_loss + jnp.where(targets.is_policy_known[k], cross_entropy, 0.0)
        if k == 0:
            error = jnp.abs(miss)
        if k == recipe.unroll:
            break
        latent, reward = jax.vmap(model.dynamics)(latent, window.action[k])
        reward_miss = jnp.where(targets.is_reward_known[k], reward - targets.reward[k], 0.0)
        reward_loss = reward_loss + reward_miss**2
        if k == 0:
            error = error + jnp.abs(reward_miss)
    value_term, policy_term, reward_term = (
        jnp.mean(weight * term) / (recipe.unroll + 1)
        for term in (value_loss, policy_loss, reward_loss)
    )
    total = value_term + policy_term + recipe.reward_weight * reward_term
    losses = Losses(
        value=value_term,
        policy=policy_term,
        reward=reward_term,
        gradient_norm=jnp.zeros_like(total),
        is_finite=jnp.isfinite(total),
    )
    return total, (losses, jax.lax.stop_gradient(error))

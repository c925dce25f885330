"""Eq. (1) of the paper: MuZero's loss along the steps that the model is unrolled."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alpha_factory.nets import Model
from alpha_factory.replay import Window
from alpha_factory.rollout import Targets


class Misses(NamedTuple):
    """How far a model is off, by sequence: eq. (1)'s terms, each a sum over the unrolled steps."""

    value: Float[Array, " batch"]
    policy: Float[Array, " batch"]
    reward: Float[Array, " batch"]
    error: Float[Array, " batch"]  # |v - z| + |r^ - r| of the first step


def unroll(model: Model, window: Window, targets: Targets, *, is_remade: bool) -> Misses:
    """Encode the first observation, imagine the actions that were taken, compare.

    Value and policy are compared at k = 0 to K, rewards at the K steps between; the sums are
    divided by K + 1, so that the size of a step does not depend on K. What is not known counts
    nothing.

    Args:
        is_remade: make the forward pass of each step again for its gradient instead of keeping it
            (rematerialisation): less memory for more work.
    """
    model = model.in_precision()
    remake: Callable = jax.checkpoint if is_remade else lambda step: step

    def judge(latent: Array, k: int) -> tuple[Array, Array, Array]:
        logits = jax.vmap(model.prediction.policy)(latent).astype(jnp.float32)
        miss, value = jax.vmap(model.prediction.value.compare)(latent, targets.value[k])
        cross_entropy = -jnp.sum(window.policy[k] * jax.nn.log_softmax(logits), axis=-1)
        is_known = targets.is_value_known[k]
        return (
            jnp.where(is_known, miss, 0.0),
            jnp.where(targets.is_policy_known[k], cross_entropy, 0.0),
            jnp.where(is_known, jnp.abs(value - targets.value[k]), 0.0),
        )

    def advance(latent: Array, k: int) -> tuple[Array, Array, Array]:
        following = jax.vmap(model.dynamics.advance)(latent, window.action[k])
        miss, reward = jax.vmap(model.dynamics.reward.compare)(following, targets.reward[k])
        is_known = targets.is_reward_known[k]
        return (
            following,
            jnp.where(is_known, miss, 0.0),
            jnp.where(is_known, jnp.abs(reward - targets.reward[k]), 0.0),
        )

    steps = targets.reward.shape[0]
    latent = remake(jax.vmap(model.representation))(window.obs)
    values, policies, rewards, errors = [], [], [], []
    for k in range(steps + 1):
        value, policy, error = remake(lambda latent, k=k: judge(latent, k))(latent)
        values.append(value)
        policies.append(policy)
        errors.append(error)
        if k < steps:
            latent, reward, reward_error = remake(lambda latent, k=k: advance(latent, k))(latent)
            rewards.append(reward)
            errors.append(reward_error)
    value, policy, reward = (
        sum(parts, jnp.zeros_like(errors[0])) / (steps + 1) for parts in (values, policies, rewards)
    )
    return Misses(value, policy, reward, jax.lax.stop_gradient(errors[0] + errors[1]))

"""From a gradient to a change of the weights (paper, sections 3.5 and 3.6)."""

from typing import Any

import equinox as eqx
import jax
import optax

from alpha_factory.nets import Model


def make_optimiser(
    *,
    learning_rate: float,
    decay_updates: int,
    final_share: float,
    weight_decay: float,
    clip: float,
    is_centralised: bool = False,
) -> optax.GradientTransformation:
    """AdamW (0.9, 0.95) on a cosine schedule, behind a clip of the gradient's norm.

    Args:
        decay_updates: T_max.
        final_share: share of the learning rate that is left after T_max updates, and stays.
        weight_decay: lambda_c, decoupled; the value scale sigma_v, which divides, is left alone.
        is_centralised: subtract from the gradient of each row of a weight its mean (gradient
            centralisation, Yong et al. 2020); biases of any shape are left alone.
    """
    schedule = optax.cosine_decay_schedule(learning_rate, decay_updates, alpha=final_share)
    first = [optax.masked(optax.centralize(), is_weight)] if is_centralised else []
    return optax.chain(
        *first,
        optax.clip_by_global_norm(clip),
        optax.adamw(schedule, b1=0.9, b2=0.95, weight_decay=weight_decay, mask=is_decayed),
    )


def is_weight(weights: Any) -> Any:
    """Whether a leaf is what features are multiplied by, and no bias, leaf by leaf."""

    def is_one(path: Any, leaf: Any) -> bool:
        name = jax.tree_util.keystr(path[-1:], simple=True)
        return leaf.ndim > 1 and name != "bias"

    return jax.tree_util.tree_map_with_path(is_one, weights)


def is_decayed(weights: Any) -> Any:
    """Whether weight decay acts, leaf by leaf: on all but the value scale of a model."""
    every = jax.tree.map(lambda leaf: True, weights)
    head = weights.prediction.value if isinstance(weights, Model) else None
    if getattr(head, "log_scale", None) is None:
        return every
    return eqx.tree_at(lambda tree: tree.prediction.value.log_scale, every, False)

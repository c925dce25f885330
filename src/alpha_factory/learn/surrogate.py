"""What one gradient step of PPO minimises (Schulman et al. 2017, eq. 9), on rows of a recurrent policy.

Rows that only hold a last observation are passed through the memory like the others and count nothing
in any mean.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from alpha_factory.learn.gae import estimate_advantages
from alpha_factory.learn.mirror import Drift, make_clip
from alpha_factory.nets.actor_critic import Carry, Opinion
from alpha_factory.rollout.recurrent import Passage, Stretch, pick

_LEAST_SPREAD = 1e-5  # added to the spread of advantages, as published


class PpoRecipe(NamedTuple):
    """The numbers of an update; the defaults are those published for mazes (JaxUED)."""

    lanes: int = 32
    steps: int = 256  # rows of each lane between updates
    epochs: int = 5
    minibatches: int = 1  # each of lanes / minibatches whole lanes
    learning_rate: float = 1e-4
    annealed_over: int | None = None  # gradient steps in which the rate falls to 0; None: it stays
    discount: float = 0.995  # gamma
    trace: float = 0.98  # lambda
    clip: float = 0.2  # of the ratio and of the value's move
    entropy: float = 1e-3
    value: float = 0.5
    gradient_clip: float = 0.5
    drift: Drift | None = None  # what holds the policy; None: the clip
    prior: tuple[float, ...] | None = None  # ln of each action's weight in the entropy; None: 0

    @property
    def frames(self) -> int:
        """Rows that an update learns from, last rows of episodes included."""
        return self.lanes * self.steps


class PpoLosses(eqx.Module):
    """How each gradient step went, before it was made."""

    policy: Float[Array, "*steps"]
    value: Float[Array, "*steps"]
    entropy: Float[Array, "*steps"]  # nats; with a prior w, mean of -sum_a p ln(p / w)
    divergence: Float[Array, "*steps"]  # KL(new || old) from the actions taken: mean r ln r - r + 1
    clipped: Float[Array, "*steps"]  # share of rows with a ratio beyond the clip
    gradient_norm: Float[Array, "*steps"]  # before it is clipped
    is_skipped: Bool[Array, "*steps"]
    in_a_row: Int[Array, "*steps"]  # steps skipped since the last that was made
    world: Int[Array, "*steps"]  # number of the lane whose level is farthest off


class Batch(NamedTuple):
    """Rows to learn from; `time` first, but for the carry, which has lanes only."""

    obs: Shaped[Array, "..."] | None  # None: what the memory made of it is known
    is_reset: Bool[Array, "time lanes"]
    action: Int[Array, "time lanes"]
    log_prob: Float[Array, "time lanes"]
    value: Float[Array, "time lanes"]
    advantage: Float[Array, "time lanes"]
    target: Float[Array, "time lanes"]
    weight: Float[Array, "time lanes"]  # 1 where an action was taken, 0 on last rows
    carry: Carry | None
    lane: Int[Array, " lanes"] | None  # its number in the stretch


def make_batch(recipe: PpoRecipe, stretch: Stretch | Passage) -> Batch:
    """What an update learns from, computed once before its epochs."""
    rows = stretch.rows
    advantage = estimate_advantages(
        rows.reward,
        rows.value,
        rows.is_terminated,
        rows.is_last,
        stretch.last_value,
        discount=recipe.discount,
        trace=recipe.trace,
    )
    return Batch(
        obs=rows.obs,
        is_reset=rows.is_reset,
        action=rows.action,
        log_prob=jnp.log(pick(rows.policy, rows.action)),
        value=rows.value,
        advantage=advantage,
        target=advantage + rows.value,
        weight=(~rows.is_last).astype(jnp.float32),
        carry=stretch.carry,
        lane=jnp.arange(stretch.last_value.shape[0], dtype=jnp.int32),
    )


def weigh(
    recipe: PpoRecipe, opinion: Opinion, batch: Batch, rows: Float[Array, ""]
) -> tuple[Float[Array, ""], PpoLosses]:
    """policy + value weight * value - entropy weight * entropy, each a mean over rows with an action.

    The value's loss is half the squared error, or that of the value moved from the old one by no more
    than the clip, whichever is greater.

    Args:
        batch: its advantages are normalised; any axes, all the same.
        rows: what sums are divided by.
    """
    chances = jax.nn.log_softmax(opinion.logits)
    log_ratio = pick(chances, batch.action) - batch.log_prob
    ratio = jnp.exp(log_ratio)
    drift = (recipe.drift or make_clip(recipe.clip))(log_ratio, batch.advantage)
    moved = jnp.clip(opinion.value - batch.value, -recipe.clip, recipe.clip)
    error = (opinion.value - batch.target) ** 2
    clipped_error = (batch.value + moved - batch.target) ** 2

    def mean(terms: Array) -> Float[Array, ""]:
        return jnp.sum(batch.weight * terms) / rows

    policy = mean(drift - ratio * batch.advantage)
    value = 0.5 * mean(jnp.maximum(error, clipped_error))
    weighed = chances
    if recipe.prior is not None:
        prior = jnp.asarray(recipe.prior, jnp.float32)
        weighed = chances - prior.reshape((1,) * (chances.ndim - 1) + (-1,))
    entropy = mean(-jnp.sum(jnp.exp(chances) * weighed, axis=-1))
    losses = PpoLosses(
        policy=policy,
        value=value,
        entropy=entropy,
        divergence=mean(ratio * log_ratio - ratio + 1.0),
        clipped=mean((jnp.abs(ratio - 1.0) > recipe.clip).astype(jnp.float32)),
        gradient_norm=jnp.zeros_like(policy),
        is_skipped=jnp.zeros((), bool),
        in_a_row=jnp.int32(0),
        world=jnp.int32(0),
    )
    return policy + recipe.value * value - recipe.entropy * entropy, losses


def normalise(
    advantage: Float[Array, "time lanes"], weight: Float[Array, "time lanes"]
) -> Float[Array, "time lanes"]:
    """Mean 0 and spread 1 over the rows with an action; the other rows count nothing anyway."""
    rows = jnp.sum(weight)
    apart = advantage - jnp.sum(weight * advantage) / rows
    spread = jnp.sqrt(jnp.sum(weight * apart**2) / rows)
    return apart / (spread + _LEAST_SPREAD)


def explain(batch: Batch) -> Float[Array, ""]:
    """1 - Var(target - value) / Var(target); NaN where the targets don't vary."""

    def vary(terms: Array) -> Array:
        rows = jnp.sum(batch.weight)
        apart = terms - jnp.sum(batch.weight * terms) / rows
        return jnp.sum(batch.weight * apart**2) / rows

    whole, left = vary(batch.target), vary(batch.target - batch.value)
    return jnp.where(whole == 0, jnp.nan, 1.0 - left / jnp.where(whole == 0, 1.0, whole))


def take_lanes(batch: Batch, lanes: Int[Array, " chosen"]) -> Batch:
    """The rows of some lanes."""
    rows = jax.tree.map(lambda leaf: leaf[:, lanes], batch._replace(carry=None, lane=None))
    carry, lane = jax.tree.map(lambda leaf: leaf[lanes], (batch.carry, batch.lane))
    return rows._replace(carry=carry, lane=lane)


def find_worst(opinion: Opinion, batch: Batch) -> Int[Array, ""]:
    """The number of the lane whose values and chances are farthest from what they were to be."""
    moved = pick(jax.nn.log_softmax(opinion.logits), batch.action) - batch.log_prob
    apart = (opinion.value - batch.target) ** 2 + (moved * batch.advantage) ** 2
    by_lane = jnp.sum(batch.weight * apart, axis=0)
    worst = jnp.argmax(jnp.where(jnp.isfinite(by_lane), by_lane, jnp.inf))
    assert batch.lane is not None
    return batch.lane[worst]

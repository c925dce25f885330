"""Batches to a better model: one gradient step of MuZero (paper, sections 3.4 to 3.6)."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Policy
from alpha_factory.learn.ewc import Consolidation, drift, start_consolidation
from alpha_factory.learn.guard import choose, descend
from alpha_factory.learn.loss import unroll
from alpha_factory.nets import Model
from alpha_factory.replay import Ring, Sample, read_observations, sample, set_priority
from alpha_factory.rollout import Targets, unroll_targets


class Learner(eqx.Module):
    """A model in training. `target` is the copy that acts and whose values are bootstrapped."""

    model: Model
    target: Model
    optimiser: optax.OptState
    consolidation: Consolidation | None  # None: past worlds hold nothing
    updates: Int[Array, ""]  # those skipped included
    skipped: Int[Array, ""]
    in_a_row: Int[Array, ""]  # updates skipped since the last that was made


class Losses(eqx.Module):
    """Terms of eq. (1), averaged over the batch, and how the update went."""

    value: Float[Array, "*updates"]
    policy: Float[Array, "*updates"]
    reward: Float[Array, "*updates"]
    decay: Float[Array, "*updates"]  # lambda_c |theta|^2: decoupled, it has no gradient here
    ewc: Float[Array, "*updates"]  # lambda_ewc L_EWC
    gradient_norm: Float[Array, "*updates"]  # before it is clipped
    is_skipped: Bool[Array, "*updates"]
    in_a_row: Int[Array, "*updates"]  # updates skipped since the last that was made
    world: Int[Array, "*updates"]  # number of the world of the sequence that is farthest off


def _as_it_lies(drawn: Sample) -> Sample:
    return drawn


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
    weight_decay: float = 0.0  # lambda_c, to be told; what acts is the optimiser's
    is_balanced: bool = False  # draw worlds before rows
    is_remade: bool = False  # rematerialise the forward pass
    refresher: Policy | None = None  # says bootstrap values anew; None keeps the search's
    planner: Policy | None = None  # searches again what is reanalysed
    reanalysed: int = 0  # sequences of a batch whose targets are searched again
    ewc_weight: float = 0.0  # lambda_ewc
    arrange: Callable[[Sample], Sample] = _as_it_lies  # where a batch is to be, in `jit`

    @property
    def window(self) -> int:
        """Rows that one drawn sequence takes."""
        return self.unroll + self.horizon + 1


def start_learner(model: Model, recipe: Recipe) -> Learner:
    """A learner that has made no update."""
    optimiser = recipe.optimiser.init(eqx.filter(model, eqx.is_inexact_array))
    # A copy, so that neither shares a buffer that the other donates.
    target = jax.tree.map(lambda leaf: leaf.copy() if eqx.is_array(leaf) else leaf, model)
    consolidation = start_consolidation(model) if recipe.ewc_weight else None
    return Learner(model, target, optimiser, consolidation, *(jnp.int32(0) for _ in range(3)))


def update(
    recipe: Recipe, learner: Learner, ring: Ring, *, key: PRNGKeyArray
) -> tuple[Learner, Ring, Losses]:
    """Draw a batch, step down the gradient of eq. (1), give the batch its new priorities."""
    key_draw, key_plan, key_refresh = jax.random.split(key, 3)
    drawn = sample(
        ring,
        batch=recipe.batch,
        window=recipe.window,
        beta=recipe.beta,
        is_balanced=recipe.is_balanced,
        key=key_draw,
    )
    if recipe.refresher:
        drawn = refresh(recipe.refresher, learner.target, ring, drawn, key=key_refresh)
    if recipe.reanalysed:
        drawn = reanalyse(recipe, learner.target, ring, drawn, key=key_plan)
    learner, losses, error = fit(recipe, learner, recipe.arrange(drawn))
    return learner, set_priority(ring, drawn.place, error, alpha=recipe.alpha), losses


def refresh(
    refresher: Policy, target: Model, ring: Ring, drawn: Sample, *, key: PRNGKeyArray
) -> Sample:
    """Let a policy that does not search say the bootstrap values of all rows by the present target network.

    Those of the search at the time of acting grow old with the row: of a past in which episodes were
    short they say, for as long as it is replayed, that they are short.
    """
    window = drawn.window
    obs = read_observations(ring, drawn.place, window=len(window.value))
    value = refresher(target, obs.reshape(-1, *obs.shape[2:]), key=key).value
    fresh = value.reshape(window.value.shape).astype(window.value.dtype)
    return drawn._replace(window=window._replace(value=fresh))


def reanalyse(
    recipe: Recipe, target: Model, ring: Ring, drawn: Sample, *, key: PRNGKeyArray
) -> Sample:
    """Search the first `recipe.reanalysed` sequences again with the present target network.

    Policies and bootstrap values of all their rows are the new search's (Reanalyse, Schrittwieser
    et al. 2020, appendix H).

    Raises:
        ValueError: the recipe has no planner.
    """
    if recipe.planner is None:
        raise ValueError(
            f"reanalysed={recipe.reanalysed} sequences, but the recipe has no planner."
        )
    place = (drawn.place[0][: recipe.reanalysed], drawn.place[1][: recipe.reanalysed])
    obs = read_observations(ring, place, window=recipe.window)
    plan = recipe.planner(target, obs.reshape(-1, *obs.shape[2:]), key=key)
    policy, value = (leaf.reshape(*obs.shape[:2], *leaf.shape[1:]) for leaf in plan[1:])
    window = drawn.window
    fresh = window._replace(
        policy=window.policy.at[:, : recipe.reanalysed].set(policy),
        value=window.value.at[:, : recipe.reanalysed].set(value),
    )
    return drawn._replace(window=fresh)


def make_targets(recipe: Recipe, drawn: Sample) -> Targets:
    """What the model should say along the drawn windows."""
    window = drawn.window
    return unroll_targets(
        window.reward,
        window.is_terminated,
        window.is_last,
        window.value,
        unroll=recipe.unroll,
        horizon=recipe.horizon,
        discount=recipe.discount,
    )


def fit(
    recipe: Recipe, learner: Learner, drawn: Sample
) -> tuple[Learner, Losses, Float[Array, " batch"]]:
    """One gradient step on a given batch, or none where the gradient cannot be trusted.

    Which it cannot, and what becomes of it then, `learn.guard` says.

    Returns:
        The learner, the terms of the loss, and |v - z| + |r^ - r| of the first step, by which
        replay is prioritised; NaN if the update was skipped.
    """
    targets = make_targets(recipe, drawn)
    weights, fixed = eqx.partition(learner.model, eqx.is_inexact_array)

    def loss(weights: Model) -> tuple[Array, tuple[Losses, Array]]:
        model = eqx.combine(weights, fixed)
        return weigh(recipe, model, weights, learner.consolidation, drawn, targets)

    (total, (losses, error)), gradient = jax.value_and_grad(loss, has_aux=True)(weights)
    made = descend(
        recipe.optimiser, learner.model, learner.optimiser, total, gradient, learner.in_a_row
    )
    updates = learner.updates + 1
    is_copying = updates % recipe.target_period == 0
    losses = eqx.tree_at(
        lambda terms: (terms.gradient_norm, terms.is_skipped, terms.in_a_row),
        losses,
        (made.gradient_norm, ~made.is_made, made.in_a_row),
    )
    learner = Learner(
        model=made.net,
        target=choose(is_copying, made.net, learner.target),
        optimiser=made.optimiser,
        consolidation=learner.consolidation,
        updates=updates,
        skipped=learner.skipped + (~made.is_made).astype(jnp.int32),
        in_a_row=made.in_a_row,
    )
    return learner, losses, jnp.where(made.is_made, error, jnp.nan)


def weigh(
    recipe: Recipe,
    model: Model,
    weights: Model,
    consolidation: Consolidation | None,
    drawn: Sample,
    targets: Targets,
) -> tuple[Float[Array, ""], tuple[Losses, Float[Array, " batch"]]]:
    """Eq. (1) without its weight decay, which is decoupled and the optimiser's."""
    misses = unroll(model, drawn.window, targets, is_remade=recipe.is_remade)
    misses = misses._replace(reward=recipe.reward_weight * misses.reward)
    value, policy, reward = (jnp.mean(drawn.weight * term) for term in misses[:3])
    ewc = jnp.zeros_like(value)
    if consolidation is not None:
        ewc = recipe.ewc_weight * drift(consolidation, weights)
    total = value + policy + reward + ewc
    apart = misses.value + misses.policy + misses.reward
    worst = jnp.argmax(jnp.where(jnp.isfinite(apart), apart, jnp.inf))
    losses = Losses(
        value=value,
        policy=policy,
        reward=reward,
        decay=recipe.weight_decay * optax.tree.norm(weights, squared=True),
        ewc=ewc,
        gradient_norm=jnp.zeros_like(total),
        is_skipped=jnp.zeros((), bool),
        in_a_row=jnp.int32(0),
        world=drawn.world[worst],
    )
    return total, (losses, misses.error)

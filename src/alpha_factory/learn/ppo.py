"""Proximal policy optimisation of a recurrent policy (Schulman et al. 2017), as in JaxUED's mazes.

Rows of a stretch go through the memory in whole sequences, from the state that it had when they were
collected; minibatches are of lanes.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.learn.guard import descend
from alpha_factory.learn.noise import Noise, measure_noise
from alpha_factory.learn.surrogate import (
    Batch,
    PpoLosses,
    PpoRecipe,
    explain,
    find_worst,
    make_batch,
    normalise,
    take_lanes,
    weigh,
)
from alpha_factory.nets.actor_critic import ActorCritic, Head
from alpha_factory.rollout.recurrent import Passage, Stretch

_ADAM_EPSILON = 1e-5


class PpoLearner(eqx.Module):
    """A policy in training."""

    net: ActorCritic
    optimiser: optax.OptState
    updates: Int[Array, ""]  # gradient steps, those skipped included
    skipped: Int[Array, ""]
    in_a_row: Int[Array, ""]  # steps skipped since the last that was made

    @property
    def model(self) -> ActorCritic:
        """The network, by the name that it has in every learner."""
        return self.net


class PpoReport(eqx.Module):
    """What an update brought, and what tells why learning stalls.

    A step is too large for its batch when the noise is far above what the lanes of a minibatch average out
    while the divergence and the share clipped are high: then the policy runs after noise (see `learn.noise`).
    """

    losses: PpoLosses  # axes `*rounds epochs minibatches`
    explained: Float[Array, "*rounds"]  # share of the targets' variance, by the critic that acted
    noise: Noise  # of the gradient, mean over the minibatches of the first epoch


def make_ppo_optimiser(recipe: PpoRecipe) -> optax.GradientTransformation:
    """Adam (epsilon 1e-5) behind a clip of the gradient's norm."""
    rate: optax.ScalarOrSchedule = recipe.learning_rate
    if recipe.annealed_over is not None:
        rate = optax.linear_schedule(recipe.learning_rate, 0.0, recipe.annealed_over)
    clip = optax.clip_by_global_norm(recipe.gradient_clip)
    return optax.chain(clip, optax.adam(rate, eps=_ADAM_EPSILON))


def start_ppo(net: ActorCritic, recipe: PpoRecipe) -> PpoLearner:
    """A learner that has made no update."""
    state = make_ppo_optimiser(recipe).init(eqx.filter(net, eqx.is_inexact_array))
    return PpoLearner(net, state, *(jnp.int32(0) for _ in range(3)))


def improve(
    recipe: PpoRecipe, learner: PpoLearner, stretch: Stretch | Passage, *, key: PRNGKeyArray
) -> tuple[PpoLearner, PpoReport]:
    """Learn from a stretch of rows, `epochs` times over.

    Raises:
        UsageError: the minibatches don't divide the lanes.
    """
    lanes = stretch.last_value.shape[0]
    if lanes % recipe.minibatches:
        raise UsageError(
            f"minibatches={recipe.minibatches} do not divide lanes={lanes} "
            f"({lanes % recipe.minibatches} left over): sequences are learned from as a whole."
        )
    batch = make_batch(recipe, stretch)
    arrays, static = eqx.partition(learner, eqx.is_array)

    def step(
        arrays: PpoLearner, part: Batch, epoch: Array
    ) -> tuple[PpoLearner, tuple[PpoLosses, Noise]]:
        learner = eqx.combine(arrays, static)
        learner, losses, noise = fit(recipe, learner, part, is_measured=epoch == 0)
        return eqx.filter(learner, eqx.is_array), (losses, noise)

    def pass_over(
        arrays: PpoLearner, row: tuple[Array, PRNGKeyArray]
    ) -> tuple[PpoLearner, tuple[PpoLosses, Noise]]:
        epoch, key_epoch = row
        if recipe.minibatches == 1:  # no order matters, and nothing need be copied into it
            arrays, told = step(arrays, batch, epoch)
            return arrays, jax.tree.map(lambda leaf: leaf[None], told)
        order = jax.random.permutation(key_epoch, lanes).reshape(recipe.minibatches, -1)
        return jax.lax.scan(
            lambda arrays, chosen: step(arrays, take_lanes(batch, chosen), epoch), arrays, order
        )

    epochs = jnp.arange(recipe.epochs), jax.random.split(key, recipe.epochs)
    arrays, (losses, noise) = jax.lax.scan(pass_over, arrays, epochs)
    report = PpoReport(
        losses=losses,
        explained=explain(batch),
        noise=jax.tree.map(lambda leaf: jnp.mean(leaf[0]), noise),
    )
    return eqx.combine(arrays, static), report


def fit(
    recipe: PpoRecipe, learner: PpoLearner, batch: Batch, *, is_measured: Bool[Array, ""]
) -> tuple[PpoLearner, PpoLosses, Noise]:
    """One gradient step, or none where the gradient cannot be trusted (`learn.guard`).

    Args:
        is_measured: estimate the noise, too. That is done on the gradient of the heads, which costs
            little; what the memory adds is not seen.
    """
    weights, fixed = eqx.partition(learner.net, eqx.is_inexact_array)
    batch = batch._replace(advantage=normalise(batch.advantage, batch.weight))

    def loss(weights: ActorCritic) -> tuple[Array, tuple[PpoLosses, Array]]:
        net = eqx.combine(weights, fixed)
        recalled, _ = net.recall(batch.obs, batch.is_reset, batch.carry)
        opinion = net.judge(recalled)
        total, losses = weigh(recipe, opinion, batch, jnp.sum(batch.weight))
        worst = find_worst(jax.lax.stop_gradient(opinion), batch)
        return total, (eqx.tree_at(lambda terms: terms.world, losses, worst), recalled)

    (total, (losses, recalled)), gradient = jax.value_and_grad(loss, has_aux=True)(weights)

    def of_lane(heads: tuple[Head, Head], recalled: Array, lane: Batch) -> Array:
        net = eqx.tree_at(lambda tree: (tree.policy, tree.value), learner.net, heads)
        rows = jnp.sum(batch.weight) / batch.weight.shape[1]
        return weigh(recipe, net.judge(recalled), lane, rows)[0]

    def measure() -> Noise:
        heads = (learner.net.policy, learner.net.value)
        rows = batch._replace(obs=None, carry=None, lane=None)
        return measure_noise(jax.vmap(jax.grad(of_lane), (None, 1, 1))(heads, recalled, rows))

    noise = jax.lax.cond(is_measured, measure, lambda: Noise(jnp.zeros(()), jnp.zeros(())))
    optimiser = make_ppo_optimiser(recipe)
    made = descend(optimiser, learner.net, learner.optimiser, total, gradient, learner.in_a_row)
    losses = eqx.tree_at(
        lambda terms: (terms.gradient_norm, terms.is_skipped, terms.in_a_row),
        losses,
        (made.gradient_norm, ~made.is_made, made.in_a_row),
    )
    learner = PpoLearner(
        net=made.net,
        optimiser=made.optimiser,
        updates=learner.updates + 1,
        skipped=learner.skipped + (~made.is_made).astype(jnp.int32),
        in_a_row=made.in_a_row,
    )
    return learner, losses, noise

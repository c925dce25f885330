"""How a learner plays given levels and learns from them, whichever learner it is: what rounds of any method go by.

PPO learns from the rows of the round themselves. MuZero puts them into its replay, and learns from what it draws there.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Params, Player, Policy, Trajectory
from alpha_factory.learn.muzero import Learner, Losses, Recipe, start_learner, update
from alpha_factory.learn.ppo import PpoLearner, PpoReport, improve, start_ppo
from alpha_factory.learn.surrogate import PpoRecipe
from alpha_factory.nets import ActorCritic, Model
from alpha_factory.replay import Ring, cut, insert, make_ring
from alpha_factory.rollout import Rows, Stretch, as_player, make_sampler


class Craft(NamedTuple):
    """A learner's part of a round: pure functions."""

    player: Player
    begin: Callable[..., Any]
    """`begin(*, key) -> learner`: one that has learned nothing, an `eqx.Module`."""
    show: Callable[[Any], Params]
    """`show(learner) -> params`: what the player acts with."""
    practise: Callable[..., tuple[Any, Any]]
    """`practise(learner, stretch, *, key) -> (learner, report)`: learn from a round (`rollout.Stretch`)."""
    steps: int  # rows of each lane in a round
    discount: float
    trace: float  # lambda of the advantages that levels are scored by


class Scholar(eqx.Module):
    """A learner of MuZero with its experience, between two rounds."""

    learner: Learner
    ring: Ring

    @property
    def model(self) -> Model:
        """What is trained."""
        return self.learner.model

    @property
    def updates(self) -> Int[Array, ""]:
        """Gradient steps, those skipped included."""
        return self.learner.updates

    @property
    def skipped(self) -> Int[Array, ""]:
        """Those of them that were not made."""
        return self.learner.skipped


class MuzeroReport(eqx.Module):
    """What a round of practice brought."""

    losses: Losses  # axes `*rounds updates`
    policy_entropy: Float[Array, "*rounds"]  # nats; of the search's policies, mean over the rows


def make_ppo_craft(recipe: PpoRecipe, draw: Callable[..., ActorCritic]) -> Craft:
    """PPO's.

    Args:
        draw: `draw(*, key) -> net`, an untrained one.
    """

    def practise(
        learner: PpoLearner, stretch: Stretch, *, key: PRNGKeyArray
    ) -> tuple[PpoLearner, PpoReport]:
        return improve(recipe, learner, stretch, key=key)

    return Craft(
        player=make_sampler(),
        begin=lambda *, key: start_ppo(draw(key=key), recipe),
        show=lambda learner: learner.net,
        practise=practise,
        steps=recipe.steps,
        discount=recipe.discount,
        trace=recipe.trace,
    )


def make_muzero_craft(
    recipe: Recipe,
    planner: Policy,
    draw: Callable[..., Model],
    *,
    obs: jax.ShapeDtypeStruct,
    actions: int,
    lanes: int,
    steps: int,
    slots: int,
    updates: int,
    trace: float,
) -> Craft:
    """MuZero's: its target acts, by search, and its values are the search's.

    Args:
        draw: `draw(*, key) -> model`, an untrained one.
        obs: shape and type of one observation.
        lanes: levels played side by side.
        steps: rows of each of them in a round.
        slots: rows kept of each lane, a multiple of `steps`.
        updates: gradient steps after a round of practice.
        trace: lambda of the advantages that levels are scored by; no update has any.
    """

    def begin(*, key: PRNGKeyArray) -> Scholar:
        ring = make_ring(lanes=lanes, slots=slots, obs=obs, actions=actions, worlds=lanes)
        return Scholar(start_learner(draw(key=key), recipe), ring)

    def practise(
        scholar: Scholar, stretch: Stretch, *, key: PRNGKeyArray
    ) -> tuple[Scholar, MuzeroReport]:
        rows = _number_rows(stretch.rows)
        # The rows of the next round, from fresh starts, come right behind them.
        ring = cut(insert(scholar.ring, rows, window=recipe.window))
        stored = Scholar(scholar.learner, ring)
        arrays, static = eqx.partition(stored, eqx.is_array)

        def turn(arrays: Scholar, key_batch: PRNGKeyArray) -> tuple[Scholar, Losses]:
            scholar = eqx.combine(arrays, static)
            learner, ring, losses = update(recipe, scholar.learner, scholar.ring, key=key_batch)
            return eqx.filter(Scholar(learner, ring), eqx.is_array), losses

        arrays, losses = jax.lax.scan(turn, arrays, jax.random.split(key, updates))
        entropy = -jnp.mean(jnp.sum(jax.scipy.special.xlogy(rows.policy, rows.policy), axis=-1))
        return eqx.combine(arrays, static), MuzeroReport(losses, entropy)

    return Craft(
        player=as_player(planner),
        begin=begin,
        show=lambda scholar: scholar.learner.target,
        practise=practise,
        steps=steps,
        discount=recipe.discount,
        trace=trace,
    )


def _number_rows(rows: Rows) -> Trajectory:
    """The rows of a round for replay. The number of a row's world is that of its lane."""
    steps, lanes = rows.action.shape
    return Trajectory(
        slot=jnp.broadcast_to(jnp.arange(lanes, dtype=jnp.int32), (steps, lanes)),
        obs=rows.obs,
        action=rows.action,
        reward=rows.reward,
        is_terminated=rows.is_terminated,
        is_last=rows.is_last,
        policy=rows.policy,
        value=rows.value,
    )

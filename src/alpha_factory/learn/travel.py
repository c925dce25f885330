"""PPO in worlds that are drawn anew as episodes end: what a student of it does between two cycles of a pool.

What `learn.train` is for MuZero. A lane goes on from stretch to stretch, in the middle of its episode if need be, with
what its policy remembers; where an episode is over the next one's level is drawn, and all is forgotten.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from alpha_factory.core.types import Level, World
from alpha_factory.learn.ppo import PpoLearner, PpoReport, improve
from alpha_factory.learn.surrogate import PpoLosses, PpoRecipe
from alpha_factory.rollout import (
    Actors,
    Collected,
    DrawLevel,
    Episodes,
    Passage,
    Rows,
    collect,
    make_sampler,
    start_actors,
)


class Traveller(eqx.Module):
    """A learner with the worlds it is in the middle of."""

    learner: PpoLearner
    actors: Actors


class Travels(eqx.Module):
    """What a stretch of training brought."""

    report: PpoReport  # leading axis `iterations`
    episodes: Episodes

    @property
    def losses(self) -> PpoLosses:
        """Of all gradient steps: `iterations epochs minibatches`."""
        return self.report.losses

    @property
    def policy_entropy(self) -> Float[Array, ""]:
        """Nats, mean over the stretch."""
        return jnp.mean(self.report.losses.entropy)


class Journey(NamedTuple):
    """How such a student acts and learns; nothing here changes while it does."""

    world: World
    draw_level: DrawLevel
    recipe: PpoRecipe  # its lanes are played side by side, its steps are rows between updates
    slots: int  # levels that the source has


def start_traveller(
    journey: Journey, learner: PpoLearner, source: Level, *, key: PRNGKeyArray
) -> Traveller:
    """A student at the start of levels drawn from the source, that remembers nothing."""
    lanes = journey.recipe.lanes
    return Traveller(
        learner,
        start_actors(
            journey.world,
            journey.draw_level,
            source,
            worlds=lanes,
            carry=learner.net.start(lanes),
            key=key,
        ),
    )


def travel(
    journey: Journey, traveller: Traveller, source: Level, *, iterations: int, key: PRNGKeyArray
) -> tuple[Traveller, Travels]:
    """Act and update, so many times over."""
    arrays, static = eqx.partition(traveller, eqx.is_array)
    player, recipe = make_sampler(), journey.recipe

    def iterate(arrays: Traveller, key_iteration: PRNGKeyArray) -> tuple[Traveller, Travels]:
        key_collect, key_value, key_update = jax.random.split(key_iteration, 3)
        learner, before = eqx.combine(arrays, static).learner, eqx.combine(arrays, static).actors
        collected = collect(
            journey.world,
            player,
            journey.draw_level,
            learner.net,
            source,
            before,
            steps=recipe.steps,
            slots=journey.slots,
            key=key_collect,
        )
        after = collected.actors
        obs = jax.vmap(journey.world.observe)(after.level, after.state)
        plan, _ = player.act(learner.net, obs, after.is_first, after.carry, key=key_value)
        passage = Passage(tell_rows(before, collected), before.carry, plan.value)
        learner, report = improve(recipe, learner, passage, key=key_update)
        arrays = eqx.filter(Traveller(learner, after), eqx.is_array)
        return arrays, Travels(report, collected.episodes)

    arrays, travels = jax.lax.scan(iterate, arrays, jax.random.split(key, iterations))
    episodes = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), travels.episodes)
    return eqx.combine(arrays, static), Travels(travels.report, episodes)


def tell_rows(before: Actors, collected: Collected) -> Rows:
    """What was collected, with where episodes begin and where they were cut.

    Args:
        before: the worlds in play before the first row.
    """
    rows, state = collected.trajectory, collected.actors.state
    is_over = state.is_terminated | state.is_truncated
    is_next_last = jnp.concatenate([rows.is_last[1:], is_over[None]])
    return Rows(
        obs=rows.obs,
        action=rows.action,
        policy=rows.policy,
        value=rows.value,
        reward=rows.reward,
        is_terminated=rows.is_terminated,
        is_truncated=is_next_last & ~rows.is_terminated & ~rows.is_last,
        is_last=rows.is_last,
        is_reset=jnp.concatenate([before.is_first[None], rows.is_last[:-1]]),
    )

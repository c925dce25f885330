"""Acting and learning in turns: what a run does between two cycles of its curriculum."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from alpha_factory.core.types import Level, Policy, World
from alpha_factory.learn.ewc import consolidate, estimate_fisher
from alpha_factory.learn.muzero import Learner, Losses, Recipe, make_targets, update
from alpha_factory.replay import Ring, insert, make_ring, sample_evenly
from alpha_factory.rollout import Actors, DrawLevel, Episodes, collect, start_actors

FISHER_AT_A_TIME = 16
"""Sequences whose gradients `keep` holds together; it divides those that it draws."""


class Student(eqx.Module):
    """A learner with its experience and the worlds it is in the middle of."""

    learner: Learner
    ring: Ring
    actors: Actors


class Progress(eqx.Module):
    """What a stretch of training brought. Leading axis of the losses: `iterations updates`."""

    losses: Losses
    episodes: Episodes
    policy_entropy: Float[Array, ""]  # nats, mean over the stretch


def _as_it_lies(student: Student) -> Student:
    return student


class Practice(NamedTuple):
    """How a student acts and learns; nothing here changes while it does."""

    world: World
    planner: Policy
    draw_level: DrawLevel
    recipe: Recipe
    lanes: int  # worlds played side by side
    steps: int  # rows in each of them between updates
    updates: int  # after each such stretch of rows
    replay_slots: int  # rows kept of each lane
    slots: int  # levels that the source has
    arrange: Callable[[Student], Student] = _as_it_lies  # where its arrays are to be, in `jit`


def start_student(
    practice: Practice, learner: Learner, source: Level, *, key: PRNGKeyArray
) -> Student:
    """A student with empty experience, at the start of levels drawn from the source."""
    world = practice.world
    actors = start_actors(world, practice.draw_level, source, worlds=practice.lanes, key=key)
    obs = jax.eval_shape(jax.vmap(world.observe), actors.level, actors.state)
    ring = make_ring(
        lanes=practice.lanes,
        slots=practice.replay_slots,
        obs=jax.ShapeDtypeStruct(obs.shape[1:], obs.dtype),
        actions=world.actions,
        worlds=practice.slots,
    )
    return Student(learner, ring, actors)


def train(
    practice: Practice, student: Student, source: Level, *, iterations: int, key: PRNGKeyArray
) -> tuple[Student, Progress]:
    """Act, store and update, so many times over."""
    arrays, static = eqx.partition(student, eqx.is_array)

    def iterate(arrays: Student, key_iteration: PRNGKeyArray) -> tuple[Student, Progress]:
        key_collect, key_update = jax.random.split(key_iteration)
        student = eqx.combine(arrays, static)
        collected = collect(
            practice.world,
            practice.planner,
            practice.draw_level,
            student.learner.target,
            source,
            student.actors,
            steps=practice.steps,
            slots=practice.slots,
            key=key_collect,
        )
        ring = insert(student.ring, collected.trajectory, window=practice.recipe.window)
        student = Student(student.learner, ring, collected.actors)

        def improve(arrays: Student, key_batch: PRNGKeyArray) -> tuple[Student, Losses]:
            student = eqx.combine(arrays, static)
            learner, ring, losses = update(
                practice.recipe, student.learner, student.ring, key=key_batch
            )
            improved = practice.arrange(Student(learner, ring, student.actors))
            return eqx.filter(improved, eqx.is_array), losses

        arrays, losses = jax.lax.scan(
            improve,
            eqx.filter(student, eqx.is_array),
            jax.random.split(key_update, practice.updates),
        )
        policy = collected.trajectory.policy
        entropy = -jnp.mean(jnp.sum(jax.scipy.special.xlogy(policy, policy), axis=-1))
        return arrays, Progress(losses, collected.episodes, entropy)

    arrays, progress = jax.lax.scan(iterate, arrays, jax.random.split(key, iterations))
    episodes = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), progress.episodes)
    entropy = jnp.mean(progress.policy_entropy)
    return eqx.combine(arrays, static), Progress(progress.losses, episodes, entropy)


def keep(
    practice: Practice,
    student: Student,
    is_past: Bool[Array, " slots"],
    *,
    sequences: int,
    decay: float,
    key: PRNGKeyArray,
) -> Student:
    """Consolidate what worlds that are about to leave need of the weights (online EWC).

    Nothing changes if no sequence of theirs is in the ring, or if the recipe has no EWC.

    Args:
        is_past: the worlds, by number in the ring.
        sequences: how many of theirs the Fisher information is estimated on, a multiple of
            `FISHER_AT_A_TIME`.
        decay: share of the earlier Fisher information that is kept.
    """
    learner, recipe = student.learner, practice.recipe
    if learner.consolidation is None:
        return student
    among = jnp.append(is_past, False)
    key_draw, key_fisher = jax.random.split(key)
    drawn = sample_evenly(student.ring, among, batch=sequences, window=recipe.window, key=key_draw)
    fisher = estimate_fisher(
        learner.model,
        drawn.window,
        make_targets(recipe, drawn),
        reward_weight=recipe.reward_weight,
        at_a_time=FISHER_AT_A_TIME,
        key=key_fisher,
    )
    weights = eqx.filter(learner.model, eqx.is_inexact_array)
    kept = consolidate(learner.consolidation, weights, fisher, decay=decay)
    is_any = jnp.any(jnp.where(among, student.ring.startable, 0) > 0)
    kept = jax.tree.map(lambda new, old: jnp.where(is_any, new, old), kept, learner.consolidation)
    return eqx.tree_at(lambda tree: tree.learner.consolidation, student, kept)

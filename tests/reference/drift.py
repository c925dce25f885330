"""A world whose hidden drift moves the agent, as small as can be: a step by hand, and the same as a `World`."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp

from alpha_factory.core.types import Outcome, World

LIMIT, EDGE = 5, 3
TRUTH = 1
"""The drift that every level has for sure, whatever it says."""


class Slope(eqx.Module):
    """A level: where an episode begins, and the drift, which nothing shows."""

    start: jax.Array
    drift: jax.Array


class Walk(eqx.Module):
    """A state."""

    place: jax.Array
    time: jax.Array
    is_terminated: jax.Array
    is_truncated: jax.Array


def simulate(place, time, action, drift):
    """A step by hand: place, reward, whether it ended and whether it was cut."""
    place = place + action - 1 + drift
    is_out = abs(place) >= EDGE
    return place, float(place), is_out, time + 1 >= LIMIT and not is_out


def _reset(level, *, key):
    del key
    return Walk(level.start, jnp.int32(0), jnp.bool_(False), jnp.bool_(False))


def _step(level, state, action, *, key):
    """Left, stay or right, and the drift on top; the place is paid."""
    del key
    is_over = state.is_terminated | state.is_truncated
    place, time = state.place + action - 1 + level.drift, state.time + 1
    is_out = jnp.abs(place) >= EDGE
    moved = Walk(place, time, is_out, (time >= LIMIT) & ~is_out)
    kept = jax.tree.map(lambda old, new: jnp.where(is_over, old, new), state, moved)
    paid = jnp.where(is_over, 0.0, kept.place.astype(jnp.float32))
    is_solved = kept.is_terminated & ~is_over & (kept.place > 0)
    return kept, Outcome(paid, kept.is_terminated, kept.is_truncated, is_solved)


def _observe(level, state):
    del level
    return jnp.stack([state.place, state.time]).astype(jnp.float32)


DRIFT = World(_reset, _step, _observe, 3, 2)


def guess_drift(level, state, *, key):
    """From the posterior, which is a point from the beginning."""
    del state, key
    return dataclasses.replace(level, drift=jnp.full_like(level.drift, TRUTH))

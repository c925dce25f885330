"""What stages hand to each other: the interface of a world and of a policy. No behaviour."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int, Shaped

Level = Any
"""A pytree of arrays that says which world this is; what it holds is the world's own business."""

WorldState = Any
"""A pytree of arrays that changes with every step. It has `is_terminated` and `is_truncated`."""


Params = Any
"""What a policy acts with: a model, or None where there is nothing to learn."""


class Outcome(eqx.Module):
    """What one step gave. At most one of `is_terminated` and `is_truncated` is true."""

    reward: Float[Array, "*worlds"]
    is_terminated: Bool[Array, "*worlds"]  # the episode came to its own end; nothing follows
    is_truncated: Bool[Array, "*worlds"]  # the step limit cut it; the state still has a value
    is_solved: Bool[Array, "*worlds"]  # the goal was reached by this step


class World(NamedTuple):
    """A family of worlds whose level is an argument (an underspecified POMDP).

    All functions are pure and act on one world; batches come by `jax.vmap`. A finished world
    stays as it is, at reward 0, until `reset`.
    """

    reset: Callable[..., WorldState]
    """`reset(level, *, key) -> state`."""
    step: Callable[..., tuple[WorldState, Outcome]]
    """`step(level, state, action, *, key) -> (state, outcome)`."""
    observe: Callable[[Level, WorldState], Array]
    """`observe(level, state) -> obs`."""
    actions: int
    features: int | None
    """Entries of an observation, all axes together; None where they follow the level's size."""


class Trajectory(eqx.Module):
    """What happened, a row a step, in the order of time; a single row has no `time` axis.

    An episode of n steps takes n + 1 rows: the last one, `is_last`, holds the observation in
    which it ended, so that a truncated episode can be bootstrapped from where it was cut. No
    action was taken there; its reward is 0 and its action, policy and value mean nothing unless
    the episode was truncated, when `value` is the search's value of that state.
    """

    slot: Int[Array, "*time worlds"]  # where in its source the level was drawn; beyond it: gone
    obs: Shaped[Array, "..."]  # axes `*time worlds`, then those of an observation
    action: Int[Array, "*time worlds"]
    reward: Float[Array, "*time worlds"]  # received on leaving this row
    is_terminated: Bool[Array, "*time worlds"]  # the step from this row ended the episode
    is_last: Bool[Array, "*time worlds"]
    policy: Float[Array, "*time worlds actions"]
    value: Float[Array, "*time worlds"]


class Plan(NamedTuple):
    """What a policy decided for a batch of observations."""

    action: Int[Array, " worlds"]
    policy: Float[Array, "worlds actions"]  # target for the policy head: what the search thinks
    value: Float[Array, " worlds"]  # the search's value of the state


Policy = Callable[..., Plan]
"""`policy(params, obs, *, key) -> Plan`, for a batch of worlds."""


class Player(NamedTuple):
    """A policy with a memory, for a batch of worlds; `rollout.as_player` makes one of a policy without."""

    start: Callable[..., Any]
    """`start(params, worlds) -> carry`: what so many worlds remember before anything happened."""
    act: Callable[..., tuple[Plan, Any]]
    """`act(params, obs, is_first, carry, *, key) -> (Plan, carry)`. `is_first`, one entry a world: an episode
    begins, and what was before it is forgotten."""
    luck: Callable[..., Any] | None = None
    """`luck(params, rows, worlds, *, key) -> luck`: what `act` takes as its keys in so many rows, drawn at once, with
    the leading axis `rows`; None: a key a row."""

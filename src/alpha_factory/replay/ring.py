"""The experience buffer: a ring of rows a world, drawn from by priority, all on the device."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray, UInt8

from alpha_factory.core.types import Trajectory


class Ring(eqx.Module):
    """The newest rows of every actor. Rows not yet written have priority 0."""

    obs: UInt8[Array, "worlds slots packed"]  # 8 features a byte
    action: UInt8[Array, "worlds slots"]
    reward: Float32[Array, "worlds slots"]
    is_terminated: Bool[Array, "worlds slots"]
    is_last: Bool[Array, "worlds slots"]
    policy: Float32[Array, "worlds slots actions"]
    value: Float32[Array, "worlds slots"]
    priority: Float32[Array, "worlds slots"]  # delta^alpha; 0 where no window may start
    highest: Float32[Array, ""]  # the greatest priority given so far, that of new rows
    head: Int32[Array, ""]  # slot that is written next
    written: Int32[Array, ""]  # rows a world written so far, at most `slots`


class Window(NamedTuple):
    """Consecutive rows, the leading axis of every array `window`, then `batch`."""

    obs: Bool[Array, "batch features"]  # of the first row only
    action: Int32[Array, "window batch"]
    reward: Float32[Array, "window batch"]
    is_terminated: Bool[Array, "window batch"]
    is_last: Bool[Array, "window batch"]
    policy: Float32[Array, "window batch actions"]
    value: Float32[Array, "window batch"]


class Sample(NamedTuple):
    """A batch of windows, where they came from and what corrects for how they were drawn."""

    window: Window
    place: tuple[Int32[Array, " batch"], Int32[Array, " batch"]]  # world, slot of the first row
    weight: Float32[Array, " batch"]  # importance weight, at most 1


def make_ring(*, worlds: int, slots: int, features: int, actions: int) -> Ring:
    """An empty ring.

    Raises:
        ValueError: unless the features fill whole bytes.
    """
    if features % 8:
        raise ValueError(f"features={features} must be a multiple of 8 to be packed in bytes.")
    shape = (worlds, slots)
    return Ring(
        obs=jnp.zeros((*shape, features // 8), jnp.uint8),
        action=jnp.zeros(shape, jnp.uint8),
        reward=jnp.zeros(shape),
        is_terminated=jnp.zeros(shape, bool),
        is_last=jnp.zeros(shape, bool),
        policy=jnp.zeros((*shape, actions)),
        value=jnp.zeros(shape),
        priority=jnp.zeros(shape),
        highest=jnp.float32(1.0),
        head=jnp.int32(0),
        written=jnp.int32(0),
    )


def insert(ring: Ring, trajectory: Trajectory, *, window: int) -> Ring:
    """Write the rows over the oldest ones.

    A row becomes startable, at the highest priority so far, once the `window - 1` rows after it
    are there. The number of slots must be a multiple of the rows inserted at a time.

    Raises:
        ValueError: if the rows do not divide the slots.
    """
    rows, slots = trajectory.action.shape[0], ring.action.shape[1]
    if slots % rows or slots < rows + window:
        raise ValueError(
            f"slots={slots} must be a multiple of the {rows} rows inserted at a time and hold "
            f"them beside a window of {window}."
        )

    def write(stored: Array, new: Array) -> Array:
        block = jnp.swapaxes(new, 0, 1).astype(stored.dtype)
        start = (0, ring.head) + (0,) * (stored.ndim - 2)
        return jax.lax.dynamic_update_slice(stored, block, start)

    # Startable now: the new rows but the last window - 1, and as many of those before.
    slot = jnp.arange(slots)
    age = (ring.head + rows - 1 - slot) % slots  # rows written after this one
    written = jnp.minimum(ring.written + rows, slots)
    is_new = ((age >= window - 1) & (age < rows + window - 1) & (age < written))[None]
    is_lost = ((age < window - 1) | (age >= written))[None]
    is_last = write(ring.is_last, trajectory.is_last)
    priority = jnp.where(is_new, jnp.where(is_last, 0.0, ring.highest), ring.priority)
    return Ring(
        obs=write(ring.obs, jnp.packbits(trajectory.obs, axis=-1)),
        action=write(ring.action, trajectory.action),
        reward=write(ring.reward, trajectory.reward),
        is_terminated=write(ring.is_terminated, trajectory.is_terminated),
        is_last=is_last,
        policy=write(ring.policy, trajectory.policy),
        value=write(ring.value, trajectory.value),
        priority=jnp.where(is_lost, 0.0, priority),
        highest=ring.highest,
        head=(ring.head + rows) % slots,
        written=written,
    )


def sample(ring: Ring, *, batch: int, window: int, beta: float, key: PRNGKeyArray) -> Sample:
    """Draw windows with P(i) proportional to priority (Schaul et al. 2016; paper, section 3.5).

    Prefix sums go first over worlds, then over the slots of the world drawn, so that float32
    rounding stays that of a few thousand terms however large the ring.

    Args:
        beta: exponent of the importance weights (1 / (N P(i)))^beta, scaled to at most 1.
    """
    key_world, key_slot = jax.random.split(key)
    by_world = jnp.sum(ring.priority, axis=1)
    shares = jnp.broadcast_to(by_world, (batch, by_world.size))
    world = locate(shares, jax.random.uniform(key_world, (batch,)))
    first = locate(ring.priority[world], jax.random.uniform(key_slot, (batch,)))
    slots = ring.action.shape[1]
    rows = (first[None] + jnp.arange(window)[:, None]) % slots
    chance = ring.priority[world, first] / jnp.sum(by_world)
    startable = jnp.sum(ring.priority > 0).astype(jnp.float32)
    weight = (startable * chance) ** -beta
    return Sample(
        window=Window(
            obs=jnp.unpackbits(ring.obs[world, first], axis=-1).astype(bool),
            action=ring.action[world[None], rows].astype(jnp.int32),
            reward=ring.reward[world[None], rows],
            is_terminated=ring.is_terminated[world[None], rows],
            is_last=ring.is_last[world[None], rows],
            policy=ring.policy[world[None], rows],
            value=ring.value[world[None], rows],
        ),
        place=(world, first),
        weight=weight / jnp.max(weight),
    )


def set_priority(
    ring: Ring,
    place: tuple[Int32[Array, " batch"], Int32[Array, " batch"]],
    error: Float32[Array, " batch"],
    *,
    alpha: float,
) -> Ring:
    """Give drawn windows the priority error^alpha; of a window drawn twice one value is kept."""
    # Never 0, which would mean that no window may start here.
    priority = (error + 1e-3) ** alpha
    return eqx.tree_at(
        lambda tree: (tree.priority, tree.highest),
        ring,
        (ring.priority.at[place].set(priority), jnp.maximum(ring.highest, jnp.max(priority))),
    )


def locate(
    weights: Float32[Array, "batch choices"], share: Float32[Array, " batch"]
) -> Int32[Array, " batch"]:
    """Where a share of the whole weight is reached, a row each; never at a weight of 0.

    A parallel prefix sum adds in another order at every place, so by rounding it may rise where
    the weight is 0, or fall. Places of weight 0 are therefore left out by name.

    Args:
        weights: at least 0, and not all 0.
        share: in [0, 1); drawn uniformly, it makes the index proportional to the weights.
    """
    total = jnp.cumsum(weights, axis=1)
    is_choice = weights > 0
    is_beyond = is_choice & (total > share[:, None] * total[:, -1:])
    # Rounding may also put the point beyond every sum: then the last place with a weight is taken.
    last = weights.shape[1] - 1 - jnp.argmax(is_choice[:, ::-1], axis=1)
    index = jnp.where(jnp.any(is_beyond, axis=1), jnp.argmax(is_beyond, axis=1), last)
    return index.astype(jnp.int32)

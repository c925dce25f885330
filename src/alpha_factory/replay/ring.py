"""The experience buffer: a ring of rows a lane, all on the device. A lane is one actor's past.

Rows are written a block at a time; a row from which a whole window can be drawn is *startable*
and has a priority above 0. How many startable rows each world has is counted in whole numbers, so
that nothing drifts however long the ring turns.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int32, Shaped, UInt

from alpha_factory.core.types import Trajectory

_LEAST_PRIORITY, _GREATEST_PRIORITY = 1e-20, 1e20  # beyond what any error in use comes to


class Ring(eqx.Module):
    """The newest rows of every lane. Rows from which no window may start have priority 0."""

    obs: Shaped[Array, "lanes slots ..."]  # of bits, 8 features a byte
    action: UInt[Array, "lanes slots"]  # as few bytes as hold the last of the actions
    reward: Float32[Array, "lanes slots"]
    is_terminated: Bool[Array, "lanes slots"]
    is_last: Bool[Array, "lanes slots"]
    policy: Float32[Array, "lanes slots actions"]
    value: Float32[Array, "lanes slots"]
    world: Int32[Array, "lanes slots"]  # number of the row's world; the last one: gone since
    priority: Float32[Array, "lanes slots"]  # delta^alpha; 0 where no window may start
    startable: Int32[Array, " numbers"]  # rows with a priority, by world
    highest: Float32[Array, ""]  # the greatest priority given so far, that of new rows
    head: Int32[Array, ""]  # slot that is written next
    written: Int32[Array, ""]  # rows a lane written so far, at most `slots`
    is_packed: bool = eqx.field(static=True)

    @property
    def gone(self) -> int:
        """The number under which rows of all worlds that left are kept."""
        return self.startable.size - 1


Place = tuple[Int32[Array, " batch"], Int32[Array, " batch"]]
"""Where windows start: lane and slot of the first row."""


class Window(NamedTuple):
    """Consecutive rows, the leading axis of every array `window`, then `batch`."""

    obs: Shaped[Array, "batch ..."]  # of the first row only
    action: Int32[Array, "window batch"]
    reward: Float32[Array, "window batch"]
    is_terminated: Bool[Array, "window batch"]
    is_last: Bool[Array, "window batch"]
    policy: Float32[Array, "window batch actions"]
    value: Float32[Array, "window batch"]


def make_ring(
    *, lanes: int, slots: int, obs: jax.ShapeDtypeStruct, actions: int, worlds: int
) -> Ring:
    """An empty ring.

    Args:
        obs: shape and type of one observation; bits are packed, so they must fill whole bytes.
        worlds: how many worlds its rows can come from at a time.

    Raises:
        ValueError: the observation has bits that do not fill whole bytes.
    """
    is_packed = obs.dtype == jnp.bool_
    shape, inner = (lanes, slots), obs.shape
    if is_packed:
        if len(inner) != 1 or inner[0] % 8:
            raise ValueError(
                f"An observation of bits has shape {inner}: it must be flat, and a multiple of 8 "
                "to be packed in bytes."
            )
        inner = (inner[0] // 8,)
    return Ring(
        obs=jnp.zeros((*shape, *inner), jnp.uint8 if is_packed else obs.dtype),
        action=jnp.zeros(shape, np.min_scalar_type(actions - 1)),
        reward=jnp.zeros(shape),
        is_terminated=jnp.zeros(shape, bool),
        is_last=jnp.zeros(shape, bool),
        policy=jnp.zeros((*shape, actions)),
        value=jnp.zeros(shape),
        world=jnp.zeros(shape, jnp.int32),
        priority=jnp.zeros(shape),
        startable=jnp.zeros(worlds + 1, jnp.int32),
        highest=jnp.float32(1.0),
        head=jnp.int32(0),
        written=jnp.int32(0),
        is_packed=is_packed,
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
    world = write(ring.world, jnp.minimum(trajectory.slot, ring.gone))
    priority = jnp.where(is_new, jnp.where(is_last, 0.0, ring.highest), ring.priority)
    priority = jnp.where(is_lost, 0.0, priority)
    return Ring(
        obs=write(ring.obs, _pack(ring, trajectory.obs)),
        action=write(ring.action, trajectory.action),
        reward=write(ring.reward, trajectory.reward),
        is_terminated=write(ring.is_terminated, trajectory.is_terminated),
        is_last=is_last,
        policy=write(ring.policy, trajectory.policy),
        value=write(ring.value, trajectory.value),
        world=world,
        priority=priority,
        startable=_count_startable(world, priority, ring.startable.size),
        highest=ring.highest,
        head=(ring.head + rows) % slots,
        written=written,
        is_packed=ring.is_packed,
    )


def cut(ring: Ring) -> Ring:
    """End what every lane plays at its newest row, since what is inserted next comes from fresh starts.

    That row becomes the last of an episode that was cut there: no reward counts that was received on leaving it, and
    what comes before is bootstrapped with its value. So no sequence that is drawn goes on over the seam.
    """
    newest = (ring.head - 1) % ring.action.shape[1]
    return eqx.tree_at(
        lambda tree: (tree.reward, tree.is_terminated, tree.is_last),
        ring,
        (
            ring.reward.at[:, newest].set(0.0),
            ring.is_terminated.at[:, newest].set(False),
            ring.is_last.at[:, newest].set(True),
        ),
    )


def read(ring: Ring, place: Place, *, window: int) -> Window:
    """The windows that start in these places."""
    lane, rows = place[0][None], _rows(ring, place, window)
    return Window(
        obs=_unpack(ring, ring.obs[place]),
        action=ring.action[lane, rows].astype(jnp.int32),
        reward=ring.reward[lane, rows],
        is_terminated=ring.is_terminated[lane, rows],
        is_last=ring.is_last[lane, rows],
        policy=ring.policy[lane, rows],
        value=ring.value[lane, rows],
    )


def read_observations(
    ring: Ring, place: Place, *, window: int
) -> Shaped[Array, "window batch ..."]:
    """What was seen in every row of the windows that start in these places."""
    return _unpack(ring, ring.obs[place[0][None], _rows(ring, place, window)])


def set_priority(
    ring: Ring, place: Place, error: Float32[Array, " batch"], *, alpha: float
) -> Ring:
    """Give drawn windows the priority error^alpha; of a window drawn twice one value is kept.

    An error that is not finite changes nothing.
    """
    # Never 0, which would mean that no window may start here, nor so great that a sum of them is infinite.
    steep = jnp.clip((error + 1e-3) ** alpha, _LEAST_PRIORITY, _GREATEST_PRIORITY)
    priority = jnp.where(jnp.isfinite(error), steep, ring.priority[place])
    return eqx.tree_at(
        lambda tree: (tree.priority, tree.highest),
        ring,
        (ring.priority.at[place].set(priority), jnp.maximum(ring.highest, jnp.max(priority))),
    )


def retire(ring: Ring, is_gone: Bool[Array, " worlds"]) -> Ring:
    """Keep the rows of worlds that left under the one number of all that did."""
    # The last number, whose rows stay where they are, is not among the flags.
    flags = jnp.append(is_gone, False)
    world = jnp.where(flags[ring.world], ring.gone, ring.world)
    startable = _count_startable(world, ring.priority, ring.startable.size)
    return eqx.tree_at(lambda tree: (tree.world, tree.startable), ring, (world, startable))


def _count_startable(
    world: Int32[Array, "lanes slots"], priority: Float32[Array, "lanes slots"], numbers: int
) -> Int32[Array, " numbers"]:
    return jnp.zeros(numbers, jnp.int32).at[world].add((priority > 0).astype(jnp.int32))


def _rows(ring: Ring, place: Place, window: int) -> Int32[Array, "window batch"]:
    return (place[1][None] + jnp.arange(window)[:, None]) % ring.action.shape[1]


def _pack(ring: Ring, obs: Array) -> Array:
    return jnp.packbits(obs, axis=-1) if ring.is_packed else obs


def _unpack(ring: Ring, obs: Array) -> Array:
    return jnp.unpackbits(obs, axis=-1).astype(bool) if ring.is_packed else obs

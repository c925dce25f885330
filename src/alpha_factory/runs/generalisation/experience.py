"""What a run has learned from: the whole episodes in its replay, by world. A ring in, host arrays out."""

from typing import NamedTuple

import numpy as np

from alpha_factory.core.errors import UsageError
from alpha_factory.replay import Ring

_FEWEST = 2  # episodes of a world: one for each half


class Experience(NamedTuple):
    """Whole episodes of worlds that have two or more of them, the oldest first in each lane.

    Rows are steps; the row that only holds an episode's last observation is left out.
    """

    obs: np.ndarray  # [rows ...]: as the ring keeps them, bits packed
    action: np.ndarray  # [rows]
    reward: np.ndarray  # [rows]
    age: np.ndarray  # [rows]: steps of the episode before it
    episode: np.ndarray  # [rows]
    world: np.ndarray  # [episodes]: index into `slots`
    half: np.ndarray  # [episodes]: 0 and 1 in turns in every world
    slots: np.ndarray  # [worlds]: where each lies in the pool

    def sum_up(self, discount: float) -> np.ndarray:
        """The discounted return of each episode, shape `episodes`."""
        worth = self.reward.astype(float) * discount**self.age
        return np.bincount(self.episode, weights=worth, minlength=self.world.size)


def read_experience(ring: Ring) -> Experience:
    """The episodes that began and ended within the ring, in worlds that still live.

    Raises:
        UsageError: fewer than two worlds have two of them.
    """
    host = {
        name: _unroll(ring, np.asarray(getattr(ring, name)))
        for name in ("obs", "action", "reward", "world", "is_last")
    }
    is_last = host["is_last"]
    lanes, slots = is_last.shape
    # Which episode of its lane a row belongs to. Of a ring that has turned, the first one's start is gone.
    number = np.cumsum(is_last, axis=1) - is_last
    is_whole = number < is_last.sum(axis=1, keepdims=True)
    if int(ring.written) == ring.action.shape[1]:
        is_whole &= number > 0
    flat = (np.arange(lanes)[:, None] * (slots + 1) + number).ravel()
    is_step = (is_whole & ~is_last & (host["world"] < ring.gone)).ravel()
    taken, world = flat[is_step], host["world"].ravel()[is_step]
    _, first, episode = np.unique(taken, return_index=True, return_inverse=True)
    of_episode = world[first]
    has_enough = np.bincount(of_episode, minlength=ring.gone) >= _FEWEST
    living = np.flatnonzero(has_enough)
    if living.size < 2:
        raise UsageError(
            f"The replay holds {_FEWEST} or more whole episodes of {living.size} living worlds, and the bound is about "
            "two or more. Let the run go on until its pool has grown."
        )
    is_kept = has_enough[of_episode]
    renumbered = np.cumsum(is_kept) - 1
    index = np.full(ring.gone, -1)
    index[living] = np.arange(living.size)
    chosen = np.flatnonzero(is_step)[is_kept[episode]]
    rows = episode[is_kept[episode]]
    owner = index[of_episode[is_kept]]
    return Experience(
        **{
            name: host[name].reshape(lanes * slots, *host[name].shape[2:])[chosen]
            for name in ("obs", "action", "reward")
        },
        age=np.arange(rows.size) - np.searchsorted(rows, rows),
        episode=renumbered[rows],
        world=owner,
        half=_count_earlier(owner) % 2,
        slots=living,
    )


def _unroll(ring: Ring, stored: np.ndarray) -> np.ndarray:
    """Rows in the order of time; those never written left out."""
    slots, written = stored.shape[1], int(ring.written)
    order = (int(ring.head) - written + np.arange(written)) % slots
    return stored[:, order]


def _count_earlier(world: np.ndarray) -> np.ndarray:
    """How many episodes of the same world come before each."""
    order = np.argsort(world, kind="stable")
    ordered = world[order]
    earlier = np.empty(world.size, np.int64)
    earlier[order] = np.arange(world.size) - np.searchsorted(ordered, ordered)
    return earlier

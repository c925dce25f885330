"""The episodes in a ring against a loop that goes through each lane row by row."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.generalisation.experience import read_experience
from runs.generalisation.toy import fill_ring

LANES, SLOTS, WORLDS, BITS = 3, 24, 4, 16


class Episode(NamedTuple):
    world: int
    rows: list[tuple[int, int]]  # lane and slot


def walk(ring):
    """Whole episodes of living worlds, row by row in the order of time."""
    world, is_last = np.asarray(ring.world), np.asarray(ring.is_last)
    lanes, slots = world.shape
    written, head = int(ring.written), int(ring.head)
    found = []
    for lane in range(lanes):
        held: list[tuple[int, int]] | None = [] if written < slots else None
        for step in range(written):
            slot = (head - written + step) % slots
            if is_last[lane, slot]:
                if held:
                    found.append(Episode(int(world[held[0]]), held))
                held = []
            elif held is not None:
                held.append((lane, slot))
    return [episode for episode in found if episode.world < ring.gone]


@st.composite
def rings(draw):
    """Episodes of 1 to 7 steps, each of one world, the last number standing for those that left."""
    written = draw(st.sampled_from([8, 17, SLOTS]))
    head = draw(st.integers(0, SLOTS - 1)) if written == SLOTS else written
    world, is_last = np.zeros((LANES, SLOTS), int), np.zeros((LANES, SLOTS), bool)
    for lane in range(LANES):
        at = 0
        while at < SLOTS:
            length = draw(st.integers(2, 8))
            slots = (head - written + np.arange(at, min(at + length, SLOTS))) % SLOTS
            world[lane, slots] = draw(st.integers(0, WORLDS))
            if at + length <= SLOTS:
                is_last[lane, slots[-1]] = True
            at += length
    return fill_ring(world, is_last, head=head % SLOTS, written=written, worlds=WORLDS, bits=BITS)


@given(rings())
def test_experience_is_every_whole_episode_of_a_world_with_two(ring):
    episodes = walk(ring)
    number = np.bincount([episode.world for episode in episodes], minlength=WORLDS)
    wanted = [episode for episode in episodes if number[episode.world] >= 2]
    if (number >= 2).sum() < 2:
        with pytest.raises(UsageError, match=f"of {(number >= 2).sum()} living worlds"):
            read_experience(ring)
        return
    got = read_experience(ring)
    assert got.slots.tolist() == np.flatnonzero(number >= 2).tolist()
    assert got.slots[got.world].tolist() == [episode.world for episode in wanted]
    assert got.episode.tolist() == [at for at, one in enumerate(wanted) for _ in one.rows]
    assert got.age.tolist() == [age for one in wanted for age in range(len(one.rows))]
    places = tuple(np.array([row for one in wanted for row in one.rows]).T)
    for name in ("obs", "action", "reward"):
        np.testing.assert_array_equal(getattr(got, name), np.asarray(getattr(ring, name))[places])
    seen = np.zeros(WORLDS, int)
    for half, one in zip(got.half, wanted, strict=True):
        assert half == seen[one.world] % 2
        seen[one.world] += 1
    rewards = np.asarray(ring.reward)
    returns = [sum(0.5**t * rewards[row] for t, row in enumerate(one.rows)) for one in wanted]
    np.testing.assert_allclose(got.sum_up(0.5), returns, rtol=1e-6)


def test_ring_that_holds_nothing_is_refused():
    world, is_last = np.zeros((2, 8), int), np.zeros((2, 8), bool)
    ring = fill_ring(world, is_last, head=0, written=0, worlds=2, bits=BITS)
    with pytest.raises(UsageError, match="of 0 living worlds, and the bound is about two or more"):
        read_experience(ring)

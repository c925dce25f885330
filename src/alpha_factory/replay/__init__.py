"""Trajectories to batches."""

from alpha_factory.replay.draw import Sample, sample
from alpha_factory.replay.ring import (
    Place,
    Ring,
    Window,
    insert,
    make_ring,
    read_observations,
    retire,
    set_priority,
)

__all__ = [
    "Place",
    "Ring",
    "Sample",
    "Window",
    "insert",
    "make_ring",
    "read_observations",
    "retire",
    "sample",
    "set_priority",
]

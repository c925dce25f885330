"""Trajectories to batches."""

from alpha_factory.replay.draw import Sample, sample, sample_evenly
from alpha_factory.replay.ring import (
    Place,
    Ring,
    Window,
    cut,
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
    "cut",
    "insert",
    "make_ring",
    "read_observations",
    "retire",
    "sample",
    "sample_evenly",
    "set_priority",
]

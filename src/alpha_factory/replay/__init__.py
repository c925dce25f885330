"""Trajectories to batches."""

from alpha_factory.replay.ring import Ring, Sample, Window, insert, make_ring, sample, set_priority

__all__ = ["Ring", "Sample", "Window", "insert", "make_ring", "sample", "set_priority"]

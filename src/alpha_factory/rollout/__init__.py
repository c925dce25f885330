"""Policy and worlds to trajectories, and trajectories to learning targets."""

from alpha_factory.rollout.collect import (
    Actors,
    Collected,
    DrawLevel,
    Episodes,
    collect,
    no_episodes,
    start_actors,
)
from alpha_factory.rollout.play import Score, play, record
from alpha_factory.rollout.targets import Targets, unroll_targets

__all__ = [
    "Actors",
    "Collected",
    "DrawLevel",
    "Episodes",
    "Score",
    "Targets",
    "collect",
    "no_episodes",
    "play",
    "record",
    "start_actors",
    "unroll_targets",
]

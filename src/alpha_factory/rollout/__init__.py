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
from alpha_factory.rollout.fiction import Fiction, Posterior
from alpha_factory.rollout.grounding import ground
from alpha_factory.rollout.play import (
    Film,
    Going,
    Score,
    as_player,
    begin,
    film,
    is_over,
    play,
    record,
    relay,
)
from alpha_factory.rollout.recurrent import (
    Attempts,
    Lanes,
    Passage,
    Rows,
    Stretch,
    collect_lanes,
    make_sampler,
    start_lanes,
)
from alpha_factory.rollout.targets import Targets, unroll_targets

__all__ = [
    "Actors",
    "Attempts",
    "Collected",
    "DrawLevel",
    "Episodes",
    "Fiction",
    "Film",
    "Going",
    "Lanes",
    "Passage",
    "Posterior",
    "Rows",
    "Score",
    "Stretch",
    "Targets",
    "as_player",
    "begin",
    "collect",
    "collect_lanes",
    "film",
    "ground",
    "is_over",
    "make_sampler",
    "no_episodes",
    "play",
    "record",
    "relay",
    "start_actors",
    "start_lanes",
    "unroll_targets",
]

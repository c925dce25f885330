"""How fast each stage is on this machine: a stage's name in, what `bench --json` prints out."""

from alpha_factory.runs.bench.measure import Peer, Turn
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.bench.stages import STAGES_WITH_SETTINGS, bench_stage

__all__ = ["STAGES_WITH_SETTINGS", "Peer", "Sizes", "Turn", "bench_stage"]

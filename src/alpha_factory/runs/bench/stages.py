"""`bench_stage`: a stage's name in, what `bench --json` prints out."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.runs.bench.cartpole import bench_cartpole
from alpha_factory.runs.bench.learn import bench_learn
from alpha_factory.runs.bench.loop import bench_loop
from alpha_factory.runs.bench.measure import Measured, Peer
from alpha_factory.runs.bench.revision import find_revision
from alpha_factory.runs.bench.rounds import bench_rounds
from alpha_factory.runs.bench.search import bench_search
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.bench.worlds import bench_worlds

_CACHE_HIT = "/jax/compilation_cache/cache_hits"
_STAGES: dict[str, Callable[..., Measured]] = {
    "worlds": bench_worlds,
    "search": bench_search,
    "learn": bench_learn,
    "loop": bench_loop,
    "cartpole": bench_cartpole,
    "rounds": bench_rounds,
}
STAGES_WITH_PEERS = ("worlds", "search", "cartpole", "rounds")
STAGES_WITH_SETTINGS = ("learn", "loop", "rounds")
"""Measured with `Sizes.config`; the others have shapes of their own."""


def bench_stage(
    stage: str, repeats: int, sizes: Sizes | None = None, peer: Peer | None = None
) -> dict[str, Any]:
    """Measure a stage on this machine's default device.

    Args:
        repeats: measurements of each result; rates are medians over them.
        sizes: None for those that numbers are compared at.
        peer: what to measure in turns with ours, at the same work; of `STAGES_WITH_PEERS`.

    Returns:
        The object of `bench --json`. `compile_cache_hits` above 0 means that JAX's persistent
        cache had programs already, so that `compile_s` is less than a first start takes.

    Raises:
        UsageError: there is no such stage, in which case the message lists those that there are, or
            it has no peers.
    """
    if stage not in _STAGES:
        raise unknown("stage", stage, _STAGES)
    if peer and stage not in STAGES_WITH_PEERS:
        has = " and ".join([", ".join(STAGES_WITH_PEERS[:-1]), STAGES_WITH_PEERS[-1]])
        raise UsageError(f"The stage {stage} has no peers; {has} have. Leave --peer away.")
    sizes = sizes or Sizes()
    with _counting_cache_hits() as hits:
        measured = _STAGES[stage](sizes, repeats, *([peer] if peer else []))
    return {
        "stage": stage,
        "commit": find_revision(),
        "device": jax.devices()[0].device_kind,
        "cores": os.cpu_count(),
        "jax": jax.__version__,
        "compile_s": measured.compile_s,
        "compile_cache_hits": len(hits),
        **({"preset": sizes.config.preset} if stage in STAGES_WITH_SETTINGS else {}),
        "results": measured.results,
        **measured.extra,
    }


@contextmanager
def _counting_cache_hits() -> Iterator[list[str]]:
    """Programs that the persistent compilation cache had, an entry each."""
    hits: list[str] = []

    def note(event: str, **_: object) -> None:
        if event == _CACHE_HIT:
            hits.append(event)

    jax.monitoring.register_event_listener(note)
    try:
        yield hits
    finally:
        jax.monitoring.unregister_event_listener(note)

"""Timing of compiled steps: cases in, one result each out, in the form that `bench --json` prints.

A clock is read only when all arrays are there, compilation and one call more are left out, and the
cases take turns, so that a machine that slows down slows all of them.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax

HELD = 3
"""Students on the device while a stage's cases take turns: what they were copied from, and two cases' copies."""


class Case(NamedTuple):
    """Something to be timed: `step(fixed, carry) -> carry`, which goes on from what it returned."""

    name: str
    unit: str
    shape: Mapping[str, int]
    step: Callable[[Any, Any], Any]
    fixed: Any
    carry: Any
    work: Callable[[Any], float]
    """Units of work in the call that returned this carry."""


class Timing(NamedTuple):
    """What the repeats of one case took, one entry each."""

    wall_s: list[float]
    cpu_s: list[float]  # of this process, all its threads added up
    work: list[float]


class Turn(NamedTuple):
    """What one measurement took."""

    wall_s: float
    cpu_s: float
    work: float


class Peer(NamedTuple):
    """Another project's engine, run by a process of its own, to be measured in turns with ours."""

    name: str
    version: str
    jax: str
    measure: Callable[[str, Mapping[str, int]], Turn]
    """`measure(result, shape)`: one measurement of the result of that name."""

    @property
    def told(self) -> dict[str, str]:
        """Who it is, as `bench --json` prints it."""
        return {"name": self.name, "version": self.version, "jax": self.jax}


class Asked(NamedTuple):
    """A result of a peer's that is measured in turns with ours."""

    name: str
    unit: str
    shape: Mapping[str, int]


class Measured(NamedTuple):
    """What a stage's benchmark found."""

    compile_s: float
    results: list[dict[str, Any]]
    extra: Mapping[str, Any] = {}
    """Fields that only this stage has."""


def compile_step(
    step: Callable[[Any, Any], Any], fixed: Any, carry: Any
) -> tuple[Callable[[Any, Any], Any], float]:
    """Compile `step(fixed, carry) -> carry` ahead of time; the carry's buffers are given away.

    Returns:
        The step, for inputs of these shapes, and the seconds that compilation took, which are few
        where a persistent compilation cache had the program.
    """
    jitted: Any = eqx.filter_jit(step, donate="all-except-first")
    start = time.perf_counter()
    compiled = jitted.lower(fixed, carry).compile()
    return compiled, time.perf_counter() - start


def always(work: int | float) -> Callable[[Any], float]:
    """For a case whose every call does the same work."""
    return lambda carry: work


def time_in_turns(
    cases: Sequence[Case], repeats: int, others: Sequence[Callable[[], Turn]] = ()
) -> list[Timing]:
    """Call every case once unmeasured, then `repeats` times, case after case.

    Args:
        others: what is measured elsewhere; called after the cases, as often.

    Returns:
        The timings of the cases, then those of the others.
    """
    # Copies, since a step gives the buffers of its carry away and cases may share some.
    carries = [jax.block_until_ready(case.step(case.fixed, _copy(case.carry))) for case in cases]
    for other in others:
        other()
    timings = [Timing([], [], []) for _ in (*cases, *others)]
    for _ in range(repeats):
        for index, (case, timing) in enumerate(zip(cases, timings, strict=False)):
            wall, cpu = time.perf_counter(), time.process_time()
            carries[index] = jax.block_until_ready(case.step(case.fixed, carries[index]))
            timing.cpu_s.append(time.process_time() - cpu)
            timing.wall_s.append(time.perf_counter() - wall)
            timing.work.append(float(case.work(carries[index])))
        for other, timing in zip(others, timings[len(cases) :], strict=True):
            turn = other()
            timing.wall_s.append(turn.wall_s)
            timing.cpu_s.append(turn.cpu_s)
            timing.work.append(turn.work)
    return timings


def to_result(case: Case, timing: Timing) -> dict[str, Any]:
    """One entry of `results`: rates are medians over the repeats."""
    return _describe(case.name, case.unit, case.shape, timing)


def _describe(name: str, unit: str, shape: Mapping[str, int], timing: Timing) -> dict[str, Any]:
    return {
        "name": name,
        "rate": _median_rate(timing.work, timing.wall_s),
        "unit": unit,
        "rate_per_cpu_s": _median_rate(timing.work, timing.cpu_s),
        "median_s": statistics.median(timing.wall_s),
        "min_s": min(timing.wall_s),
        "max_s": max(timing.wall_s),
        "repeats": len(timing.wall_s),
        "shape": dict(shape),
    }


def ask(peer: Peer | None, asked: Sequence[Asked]) -> list[Callable[[], Turn]]:
    """The `others` of `time_in_turns`; none where there is no peer."""
    return [partial(peer.measure, one.name, one.shape) for one in asked] if peer else []


def tell_peer(
    peer: Peer | None, asked: Sequence[Asked], timings: Sequence[Timing]
) -> dict[str, Any]:
    """The field `peer` of a measurement, from what `time_in_turns` returned for `ask`; no field without one."""
    if not peer:
        return {}
    theirs = [
        _describe(*one, timing) for one, timing in zip(asked, timings[-len(asked) :], strict=True)
    ]
    return {"peer": peer.told | {"results": theirs}}


def find_peak_gb() -> float | None:
    """GiB that the default device held at most until now; None where it does not say, as a CPU doesn't."""
    held = jax.devices()[0].memory_stats()
    return float(held["peak_bytes_in_use"]) / 2**30 if held else None


def _copy(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.copy() if eqx.is_array(leaf) else leaf, tree)


def _median_rate(work: Sequence[float], seconds: Sequence[float]) -> float | None:
    """None where the clock did not move, as the CPU's may not while a device is at work."""
    if min(seconds) <= 0.0:
        return None
    return statistics.median(done / took for done, took in zip(work, seconds, strict=True))

"""From an executor's name to the executor, and what can't be asked of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import jax
from jax.sharding import Mesh

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.runs.evolution.executor.crew import Crew, hire_crew, import_ray
from alpha_factory.runs.settings.config import POET, RunConfig

IN_PROCESS, RAY = "in-process", "ray"
EXECUTORS = (IN_PROCESS, RAY)


def check_executor(name: str, workers: int | None, config: RunConfig, mesh: Mesh | None) -> None:
    """Raise unless a run of this config can have its work done so.

    Raises:
        UsageError: the executor is unknown or not installed, or does not go with the rest.
    """
    if name not in EXECUTORS:
        raise unknown("executor", name, EXECUTORS)
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} does no work. Give 1 or more.")
    if name == IN_PROCESS:
        if workers is not None:
            raise UsageError(f"--workers {workers} are Ray's. Add --executor ray, or leave it out.")
        return
    if config.curriculum.name != POET:
        raise UsageError(
            f"--executor ray does a cycle's work of --curriculum {POET}; {config.curriculum.name} has none. "
            "Leave --executor out."
        )
    if mesh is not None or jax.process_count() > 1:
        raise UsageError(
            "--executor ray: a specialist trained on many devices is not one trained on a worker's, up to "
            "rounding, and the run would not be the same. Give --devices 1, in one process."
        )
    import_ray()


def open_executor(
    name: str, workers: int | None, config: RunConfig, said: Callable[[str], None]
) -> AbstractContextManager[Crew | None]:
    """Workers for as long as the block takes; None where the process does all by itself."""
    return hire_crew(config, workers, said) if name == RAY else nullcontext()

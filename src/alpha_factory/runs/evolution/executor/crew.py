"""Workers of Ray: started and stopped with a run, given jobs as they get free, replaced when they die.

Ray is imported when it is asked for and never else. Without RAY_ADDRESS it is started on this machine
alone, with no dashboard, no usage statistics and a bounded store, and ends with the run; with it,
the run joins the cluster there and takes its own workers with it when it leaves.
"""

import importlib
import logging
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from alpha_factory.core.errors import AlphaFactoryError, UsageError
from alpha_factory.runs.evolution.executor.jobs import Exam, Job
from alpha_factory.runs.evolution.executor.parcel import pack
from alpha_factory.runs.evolution.executor.worker import Worker, read_answer
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import outline_state

_ADDRESS = "RAY_ADDRESS"
_TRIES = 3
"""Workers that may die of the same job, or before they have started."""
_PATIENCE_S = 600.0
"""Seconds in which the first worker must have started."""
_LEAST_STORE = 256 * 2**20
_SENT_ALONG = ("JAX_", "XLA_")  # variables that the numbers of a program may depend on
_OWN_TO_A_MACHINE = "JAX_COMPILATION_CACHE_DIR"


class Crew:
    """The workers of a run, as an `Executor`."""

    def __init__(self, ray: Any, config: RunConfig, workers: int, said: Callable[[str], None]):
        resource = _find_resource()
        self._ray = ray
        self._hire = lambda: ray.remote(**{resource: 1})(Worker).remote(config)
        self._said = said
        self._idle: deque[Any] = deque()
        self._busy: dict[Any, tuple[Any, int | None]] = {}  # worker and job; None: it only greets
        self._names: dict[Any, str] = {}
        self._failed_starts = 0
        self._compile_s = 0.0
        for _ in range(workers):
            self._start_worker()

    @property
    def compile_s(self) -> float:
        """For each call of `perform`, the longest that one worker compiled in it, added up."""
        return self._compile_s

    def perform(self, jobs: Sequence[Job]) -> list[Any]:
        """What came of each job, in their order.

        Raises:
            AlphaFactoryError: a worker ran out of memory, or one job was the end of several workers.
        """
        assert all(number is None for _, number in self._busy.values()), "a call was cut short"
        shared: dict[int, Any] = {}  # what several jobs need is sent once

        def share(tree: Any) -> Any:
            if id(tree) not in shared:
                shared[id(tree)] = self._ray.put(pack(tree))
            return shared[id(tree)]

        done: list[Any] = [None] * len(jobs)
        waiting, tries = deque(range(len(jobs))), [0] * len(jobs)
        compiled: dict[Any, float] = {}
        left = len(jobs)
        while left:
            while waiting and self._idle:
                worker, chosen = self._idle.popleft(), waiting.popleft()
                tries[chosen] += 1
                self._busy[_send(worker, jobs[chosen], share)] = worker, chosen
            reference = self._wait()
            worker, number = self._busy.pop(reference)
            try:
                answer = self._ray.get(reference)
            except (
                self._ray.exceptions.RayActorError,
                self._ray.exceptions.ObjectLostError,
            ) as died:
                if number is None:
                    self._failed_starts += 1
                    self._replace(worker, self._failed_starts, died)
                else:
                    self._replace(worker, tries[number], died)
                    waiting.appendleft(number)
                continue
            self._idle.append(worker)
            if number is None:
                self._names[worker] = answer
                continue
            done[number] = read_answer(jobs[number], answer)
            compiled[worker] = compiled.get(worker, 0.0) + answer.compile_s
            left -= 1
        self._compile_s += max(compiled.values(), default=0.0)
        return done

    def dismiss(self) -> None:
        """End the workers."""
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            self._ray.kill(worker)
        self._idle.clear()
        self._busy.clear()

    def _start_worker(self) -> None:
        worker = self._hire()
        self._busy[worker.greet.remote()] = worker, None

    def _wait(self) -> Any:
        """The reference of the next answer."""
        is_starting = not self._names
        ready, _ = self._ray.wait(
            list(self._busy), num_returns=1, timeout=_PATIENCE_S if is_starting else None
        )
        if not ready:
            raise AlphaFactoryError(
                f"Ray started none of its {len(self._busy)} workers in {_PATIENCE_S:.0f} s. Give them room in "
                "the cluster, lower --workers, or use --executor in-process."
            )
        return ready[0]

    def _replace(self, worker: Any, times: int, died: Exception) -> None:
        """Start another worker for one that died, and say so."""
        name = self._names.pop(worker, "one that had not started")
        if times >= _TRIES:
            raise AlphaFactoryError(
                f"A worker of Ray ({name}) died like {times - 1} before it: {died} If memory was short, lower "
                "--workers. Every checkpoint is as it was: go on with `run --resume`, or with "
                "--executor in-process, which gives the same run."
            ) from died
        self._said(
            f"A worker of Ray ({name}) died. Another takes its place and does its work again."
        )
        self._start_worker()


@contextmanager
def hire_crew(
    config: RunConfig, workers: int | None, said: Callable[[str], None]
) -> Iterator[Crew]:
    """Workers of Ray, for as long as the block takes.

    Args:
        workers: how many; None for one on every CPU (every GPU, where this process uses one) that
            Ray finds.
        said: called with what a person should know at once.

    Raises:
        UsageError: Ray is not installed or can't be reached, or has no room for so many.
    """
    ray = import_ray()
    is_ours, address = not ray.is_initialized(), os.environ.get(_ADDRESS)
    before = signal.getsignal(signal.SIGTERM)
    crew: Crew | None = None
    try:
        if is_ours:
            _start(ray, config, workers, address)
        crew = Crew(ray, config, _count_room(ray, workers), said)
        yield crew
    finally:
        if crew is not None:
            crew.dismiss()
        if is_ours:
            ray.shutdown()
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # Ray has put its own there


def import_ray() -> Any:
    """The module `ray`.

    Raises:
        UsageError: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when Ray is imported
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError(
            f'--executor ray needs Ray ({error}). Install it: pip install "alpha-factory[ray]"'
        ) from error


def _start(ray: Any, config: RunConfig, workers: int | None, address: str | None) -> None:
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address:
        options["runtime_env"] = {"env_vars": _list_variables()}
    else:
        os.environ.setdefault("RAY_worker_niceness", "0")  # the run waits for them
        on_gpu = _find_resource() == "num_gpus"
        options |= {
            "num_gpus" if on_gpu else "num_cpus": workers,
            "include_dashboard": False,
            "object_store_memory": _measure_store(config),
        }
    with warnings.catch_warnings():
        # JAX warns of every fork; what Ray forks becomes another program at once.
        warnings.filterwarnings("ignore", message=r".*os\.fork\(\)")
        warnings.simplefilter("ignore", FutureWarning)  # of Ray's own plans
        try:
            ray.init(address=address or "local", **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            where = f"{_ADDRESS}={address}" if address else "this machine"
            raise UsageError(
                f"--executor ray: Ray can't be started on {where} ({error}). Correct or unset "
                f"{_ADDRESS}, or use --executor in-process, which gives the same run."
            ) from error


def _count_room(ray: Any, workers: int | None) -> int:
    """How many workers to start."""
    kind = "GPU" if _find_resource() == "num_gpus" else "CPU"
    room = int(ray.cluster_resources().get(kind, 0))
    if (workers or 1) > room:
        raise UsageError(
            f"--workers {workers or 1}: Ray has {room} {kind}s, one for each worker. "
            "Lower --workers, or add machines to the cluster."
        )
    return workers or room


def _find_resource() -> str:
    """What a worker takes of a machine: as the numbers must be the same, what this process works on."""
    return "num_gpus" if jax.default_backend() == "gpu" else "num_cpus"


def _list_variables() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_SENT_ALONG) and name != _OWN_TO_A_MACHINE
    }


def _measure_store(config: RunConfig) -> int:
    """Bytes for what is under way at a time: a learner and a pool, and as much of answers, three times over."""
    state = outline_state(config)
    held = (state.student.learner, state.pool)
    shapes = [leaf for leaf in jax.tree.leaves(held) if hasattr(leaf, "dtype")]
    return _LEAST_STORE + 6 * sum(leaf.size * leaf.dtype.itemsize for leaf in shapes)


def _send(worker: Any, job: Job, share: Callable[[Any], Any]) -> Any:
    key = jax.device_get(jax.random.key_data(job.key))
    if isinstance(job, Exam):
        return worker.play.remote(share(job.model), pack(job.levels), key)
    return worker.train.remote(share(job.learner), share(job.pool), job.slot, key)

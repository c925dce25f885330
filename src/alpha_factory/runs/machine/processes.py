"""One run in several processes: they start together, decide together, and the first one writes.

Every process runs the whole loop on its own first device, from the same keys to the same numbers;
only the programs that span the mesh have them work together. So nothing but what follows from
clocks, signals and disks has to be agreed.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from alpha_factory.core.errors import AlphaFactoryError, UsageError
from alpha_factory.runs.files.directory import RunDirectory, create_run

Result = TypeVar("Result")

AUTO = "auto"
"""The coordinator's address where JAX finds the processes itself."""


def connect(coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Join the other processes of a run, before anything else that JAX does.

    Args:
        coordinator: HOST:PORT of process 0; `auto` on a cluster that JAX knows; None for a process
            alone.
        processes: how many there are.
        process: which of them this is, from 0.

    Raises:
        UsageError: these do not fit together, or no cluster was found.
    """
    if coordinator is None:
        if processes is not None or process is not None:
            raise UsageError(
                "--processes and --process need --coordinator HOST:PORT, the address of process 0."
            )
        return
    if coordinator == AUTO:
        try:
            jax.distributed.initialize()
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                f"--coordinator {AUTO}: JAX found no cluster ({error}) "
                "Give --coordinator HOST:PORT, --processes and --process."
            ) from error
        return
    if not re.fullmatch(r".+:\d+", coordinator):
        raise UsageError(
            f"--coordinator {coordinator} is no address. Give HOST:PORT of process 0, or {AUTO}."
        )
    if processes is None or process is None or not 0 <= process < processes:
        raise UsageError(
            f"--processes {processes} --process {process}: give how many processes there are, the "
            "same to all, and the number of this one, from 0."
        )
    # Or a polite kill would be noted, and do nothing.
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(coordinator, processes, process)


def is_first() -> bool:
    """Whether this process is the one that writes; one alone is."""
    return jax.process_index() == 0


def agree(is_so: bool, digest: int = 0) -> bool:
    """Whether it is so in any process. All must ask at the same point.

    Args:
        digest: 32 bits that must be the same in all.

    Raises:
        AlphaFactoryError: they are not; the processes no longer run the same run.
    """
    if jax.process_count() == 1:
        return is_so
    said = multihost_utils.process_allgather(np.array([is_so, digest], np.uint32))
    if len(set(said[:, 1].tolist())) > 1:
        raise AlphaFactoryError(
            "The processes of this run no longer have the same worlds: their devices give "
            "different numbers. Use machines of one kind with the same software, and resume."
        )
    return bool(said[:, 0].any())


def share(data: bytes) -> bytes:
    """What the first process has. All must ask at the same point."""
    if jax.process_count() == 1:
        return data
    size = int(multihost_utils.process_allgather(np.int32(len(data)))[0])
    if not size:
        return b""
    own = np.frombuffer(data if is_first() else bytes(size), np.uint8)
    return np.asarray(multihost_utils.process_allgather(own)[0]).tobytes()


def together(act: Callable[[], Result]) -> Result:
    """What `act` returns, once it has succeeded in every process.

    Raises:
        AlphaFactoryError: it failed in another process. Where it failed, its own error.
    """
    try:
        result = act()
    except BaseException:
        agree(True)
        raise
    if agree(False):
        raise AlphaFactoryError("Another process of this run failed; its message says why.")
    return result


def gather(tree: Any) -> Any:
    """The tree with every array whole in this process: in host memory, if parts were elsewhere."""
    if jax.process_count() == 1:
        return tree
    host = jax.local_devices(backend="cpu")[0]

    def fetch(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
            return leaf
        return jax.device_put(multihost_utils.process_allgather(leaf, tiled=True), host)

    return jax.tree.map(fetch, tree)


@contextmanager
def follow_run(
    path: Path, settings: dict[str, Any], *, is_resuming: bool
) -> Iterator[RunDirectory]:
    """A directory for a process that is not the first, gone when it ends.

    What it needs to go on is copied from the run at `path`; checkpoints are read from there.
    """
    with (
        TemporaryDirectory(prefix="alpha-factory-") as folder,
        create_run(Path(folder) / "run", settings) as directory,
    ):
        if is_resuming:
            for file in (*path.glob("worlds.sqlite*"), *path.glob("metrics.jsonl")):
                shutil.copyfile(file, directory.path / file.name)
        directory.checkpoints = path / "checkpoints"
        yield directory

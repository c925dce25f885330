"""A shortage of the device's memory, told by part with what to lower; what the compiler says that a program needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax

from alpha_factory.core.errors import OutOfMemory


class Estimate(NamedTuple):
    """GiB on one device by part, and for each part what to lower."""

    parts: dict[str, float]
    remedies: dict[str, str]
    note: str = ""  # what else must be known to read the numbers


@contextmanager
def explain_shortage(program: str, estimate: Callable[[], Estimate]) -> Iterator[None]:
    """Turn a shortage of the device's memory inside the block into an `OutOfMemory`.

    What the block starts on the device must be waited for in it: a shortage may show no earlier.

    Args:
        program: what did not fit, for the message.
        estimate: of what is on the device in the block. Called after a shortage only.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not _is_shortage(error):
            raise
        parts, remedies, note = estimate()
        greatest = max(parts, key=lambda name: parts[name])
        told = f"The greatest part is {greatest}: {remedies[greatest]}.{note}"
        raise OutOfMemory(program, parts, told) from error


def measure_work(compiled: Any) -> int:
    """Bytes on each device that a compiled program needs besides its arguments and what it returns."""
    return int(compiled.memory_analysis().temp_size_in_bytes)


def measure_need(compiled: Any) -> int:
    """Bytes on each device that it needs in all; what it returns in its arguments' place counts once."""
    said = compiled.memory_analysis()
    kept = said.argument_size_in_bytes + said.output_size_in_bytes - said.alias_size_in_bytes
    return int(kept) + measure_work(compiled)


def _is_shortage(error: Exception) -> bool:
    return "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)

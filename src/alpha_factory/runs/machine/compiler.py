"""Functions compiled ahead of their first call: the time it takes told apart, a shortage of memory explained."""

import time
from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
from jax.sharding import Mesh

from alpha_factory.runs.machine.devices import hold, place, take
from alpha_factory.runs.machine.shortage import (
    Estimate,
    explain_shortage,
    measure_need,
    measure_work,
)

Compiling = Callable[[str], Callable[[], None] | None]
"""`compiling(program)`: it is about to be compiled; what comes back, if anything, is called when it has been."""

Donate = Literal["none", "all-except-first"]


class Compiler:
    """Programs by name and by the shapes of their arguments, compiled where one is new.

    `compile_s` is the time spent compiling so far.
    """

    def __init__(
        self,
        mesh: Mesh | None,
        compiling: Compiling,
        estimate: Callable[[int | None], Estimate],
    ) -> None:
        """A compiler that has compiled nothing yet.

        Args:
            mesh: over which `call_spread` spreads; None for one device.
            compiling: called before each compilation.
            estimate: of memory, for a program that needs so many bytes besides its arguments and
                what it returns; None if that is not known. Called after a shortage only.
        """
        self.compile_s = 0.0
        self._mesh = mesh
        self._compiling = compiling
        self._estimate = estimate
        self._compiled: dict[tuple[str, str], Any] = {}

    def call_spread(
        self, name: str, function: Callable[..., Any], *args: Any, donate: Donate = "none"
    ) -> Any:
        """Call a program that spans the mesh."""
        if self._mesh is None:
            return self.call(name, function, *args, donate=donate)

        def spanning(*given: Any) -> Any:
            return hold(self._mesh, function(*given))

        placed = place(self._mesh, args)
        return take(self._mesh, self.call(name, spanning, *placed, donate=donate))

    def call(
        self, name: str, function: Callable[..., Any], *args: Any, donate: Donate = "none"
    ) -> Any:
        """Call a program and wait for it.

        Raises:
            OutOfMemory: the device's memory did not suffice.
        """
        shapes = jax.tree.map(
            lambda leaf: (leaf.shape, str(leaf.dtype)) if eqx.is_array(leaf) else None, args
        )
        kind = (name, str(jax.tree.leaves(shapes)))
        with explain_shortage(name, lambda: self._estimate(self._measure_work(kind))):
            if kind not in self._compiled:
                done = self._compiling(name)
                start = time.perf_counter()
                jitted: Any = eqx.filter_jit(function, donate=donate)
                self._compiled[kind] = jitted.lower(*args).compile()
                self.compile_s += time.perf_counter() - start
                if done is not None:
                    done()
            # Waited for, since a shortage of memory may show no earlier.
            return jax.block_until_ready(self._compiled[kind](*args))

    def need(self, name: str) -> int:
        """Bytes on each device that a program needs: arguments, what it returns, and temporary ones.

        Args:
            name: of a program that has been called.
        """
        found = [made for (called, _), made in self._compiled.items() if called == name]
        return max(measure_need(made.compiled) for made in found)

    @property
    def compiled(self) -> list[str]:
        """Names of the programs so far, each as often as it was compiled."""
        return [name for name, _ in self._compiled]

    def _measure_work(self, kind: tuple[str, str]) -> int | None:
        made = self._compiled.get(kind)
        return measure_work(made.compiled) if made else None

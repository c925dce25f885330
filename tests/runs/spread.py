"""Tiny training on many devices, in a process of its own: JAX fixes at its start how many there are.

`stretch FILE` trains on all devices and writes the arrays; `run DIR [HOST:PORT PROCESS]` is a run, of
one process or as one of two, that somebody interrupts when all is learned and before it is evaluated.
"""

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console

from alpha_factory.learn import Progress, Student
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.machine.devices import make_mesh
from alpha_factory.runs.machine.processes import connect
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.start import start_run
from alpha_factory.runs.suites import held_out_levels
from runs.tiny import MUTATOR, TINY

SPREAD = dataclasses.replace(
    TINY,
    learning=dataclasses.replace(
        TINY.learning,
        worlds=8,
        batch=16,
        replay_slots=2048,
        refresh=True,
        reanalyse=0.5,
        balance=True,
        ewc_weight=1.0,
        ewc_sequences=16,
    ),
)
SHORT = (
    "curriculum.chunks=100",  # no cycle, whose programs take longest to compile
    "curriculum.iterations=1",
    "search.simulations=1",
)
"""Processes of one machine that share its cores wait for each other at every simulation."""


def train_twice(devices: int) -> tuple[dict[str, jax.Array], Any]:
    """Every array after two stretches, by its path, and the program compiled for them.

    Between the stretches the only world there is leaves, and what it taught is consolidated.
    """
    programs = Programs(SPREAD, MUTATOR, held_out_levels(), mesh=make_mesh(devices))
    state = programs.begin()
    student: Student = state.student
    progress: list[Progress] = []
    for chunk in range(2):
        if chunk:
            is_leaving = jnp.arange(SPREAD.curriculum.slots) < 1
            key = derive_key(SPREAD.seed, "keep", chunk)
            student = programs.retire(student, is_leaving, key=key)
        key = derive_key(SPREAD.seed, "train", chunk)
        student, brought = programs.train(student, state.pool, key=key)
        progress.append(brought)
    leaves = jax.tree_util.tree_leaves_with_path((student, progress))
    arrays = {
        jax.tree_util.keystr(path): leaf for path, leaf in leaves if isinstance(leaf, jax.Array)
    }
    made = next(made for kind, made in programs._compiler._compiled.items() if kind[0] == "train")
    return arrays, made.compiled


def write_stretches(file: Path) -> None:
    """What `train_twice` gave on all devices, and which part of each array each of them had."""
    arrays, compiled = train_twice(jax.device_count())
    np.savez(file.with_suffix(".npz"), **{name: np.asarray(leaf) for name, leaf in arrays.items()})
    shards = {
        name: [shard.data.shape for shard in leaf.addressable_shards]
        for name, leaf in arrays.items()
    }
    told = {
        "devices": jax.device_count(),
        "shards": shards,
        "flops": compiled.cost_analysis()["flops"],
        "program": compiled.as_text(),
    }
    file.with_suffix(".json").write_text(json.dumps(told))


def run(path: Path, address: str | None, process: int) -> None:
    """A run in `path` on all devices; the last of its processes is the one that is interrupted."""
    connect(address, 2 if address else None, process if address else None)
    PRESETS["tiny"] = TINY

    def open_ledger(directory: Path) -> Callable[[str, dict[str, Any]], None]:
        def record(kind: str, payload: dict[str, Any]) -> None:
            if kind == "saved" and process == jax.process_count() - 1:
                os.kill(os.getpid(), signal.SIGINT)

        return record

    summary = start_run(
        preset="tiny",
        out=path,
        seed=None,
        minutes=None,
        frames=100,
        resume=False,
        mutator=None,
        changes=SHORT,
        open_ledger=open_ledger,
        console=Console(stderr=True),
    )
    sys.stdout.write(json.dumps(summary) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "stretch":
        write_stretches(Path(sys.argv[2]))
    else:
        address, process = (sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 3 else (None, 0)
        run(Path(sys.argv[2]), address, process)

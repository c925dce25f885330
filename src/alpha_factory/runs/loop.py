"""The run itself: train, let the curriculum turn, log, save, until the budget is spent.

Read this file first. Everything that the run depends on is in `RunState` and `Counters`; random
numbers follow from the seed and the counters. So a run that is stopped between any two stretches
and resumed from its checkpoint gives the same bits as one that was not.
"""

import dataclasses
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import Diverged
from alpha_factory.core.types import Level
from alpha_factory.genome import to_hex
from alpha_factory.learn import Losses, Progress
from alpha_factory.records import MetricRow, WorldCard
from alpha_factory.rollout import Episodes
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.divergence import check_progress
from alpha_factory.runs.evolve import evolve
from alpha_factory.runs.files import checkpoint
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.directory import RunDirectory, check_same_settings
from alpha_factory.runs.files.durable import list_checkpoints, name_checkpoint
from alpha_factory.runs.files.metrics import MetricWriter
from alpha_factory.runs.log_row import make_row
from alpha_factory.runs.machine.devices import spread
from alpha_factory.runs.machine.processes import agree, gather, is_first, together
from alpha_factory.runs.panel import MEMBERS, NEWCOMERS, lay_out, pick_panel, write_looks
from alpha_factory.runs.programs import Programs
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.settings.config import MAY_CHANGE, RunConfig
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.state import Counters, RunState


@dataclass
class Hooks:
    """What a caller may want to know or say while a run is going on."""

    logged: Callable[[MetricRow], None] = lambda row: None
    """After every stretch of training, and the cycle that followed it if one was due."""
    is_stopping: Callable[[], bool] = lambda: False
    """Asked after every stretch; a run told to stop saves and returns."""
    warned: Callable[[str], None] = lambda message: None
    """What a person should know at once."""
    event: Callable[[str, dict], None] = lambda kind, payload: None
    """What the ledger should know."""


class Run:
    """A run in a directory, from its beginning or its last checkpoint to the end of its budget."""

    def __init__(
        self,
        directory: RunDirectory,
        programs: Programs,
        operators: tuple[str, ...],
        held_out: Level,
        hooks: Hooks,
    ) -> None:
        self.config: RunConfig = programs.config
        self.directory = directory
        self.programs = programs
        self._operators = operators
        self._held_out = held_out
        self._hooks = hooks
        self._started = time.perf_counter()
        self._compiled = programs.compile_s
        self._before = Counters()
        self.counters = Counters()
        self.state = programs.begin()
        # Training gives its student's buffers away.
        self._untrained = jax.tree.map(
            lambda leaf: jnp.copy(leaf) if eqx.is_array(leaf) else leaf,
            self.state.student.learner.model,
        )
        self._archive = Archive(directory.worlds)
        self._metrics = MetricWriter(directory.path)
        self._saved_chunk = -1
        self._look: float | None = None

    def restore_or_start(self, *, is_resuming: bool) -> None:
        """Take up the last whole checkpoint, or record the first world."""
        restored = (
            checkpoint.load_latest(self.directory.checkpoints, self.state) if is_resuming else None
        )
        if restored is not None:
            # The file may have been edited since; the checkpoint says what the run really is.
            check_same_settings(
                self.directory.path, restored.extra["config"], to_json(self.config), MAY_CHANGE
            )
            self.state = spread(self.programs.mesh, restored.tree)
            self.counters = self._before = Counters(**restored.extra["counters"])
            self._look = restored.extra["heldout_solve_rate"]
            self._saved_chunk = self.counters.chunk
            for skipped in restored.skipped:
                self._hooks.event("checkpoint skipped", {"reason": skipped})
                self._hooks.warned(f"Skipped a checkpoint that is not whole: {skipped}.")
        # Cycles are numbered from 0, so the last one completed is the one before.
        self._archive.rewind(self.counters.cycle - 1)
        self._metrics.rewind(self.counters.frames if restored else -1)
        if self.counters.cycle == 0:
            self._archive.record(worlds=[self._first_card()])
        self._hooks.event("resumed" if restored else "started", {"frames": self.counters.frames})

    def train(self, *, seconds: float | None, frames: int | None) -> bool:
        """Go on until the budget is spent or the hooks say stop.

        Args:
            seconds: of work and compilation, of all processes of this run together.
            frames: env steps in all.

        Returns:
            Whether the budget was spent, and the run not merely stopped.

        Raises:
            Diverged: too many updates in a row had to be skipped. The last checkpoint is as it was.
            DiskFull: nothing more could be saved. The last checkpoint is as it was.
        """
        while not self._is_spent(seconds, frames):
            if self._hooks.is_stopping():
                self.save()
                return False
            progress, frames_per_s = self._stretch()
            tally = self.state.tally
            is_turning = self.counters.chunk % self.config.curriculum.chunks == 0
            if is_turning:
                self._cycle()
            self._log(progress, tally, frames_per_s)
            if is_turning and self.counters.cycle % self.config.checkpoint_cycles == 0:
                self.save()
        self.save()
        return True

    def save(self) -> None:
        """Write a checkpoint of the present state, unless there is one."""
        if self._saved_chunk == self.counters.chunk:
            return
        self._count_time()
        extra = {
            "config": to_json(self.config),
            "counters": self.counters.to_json(),
            "heldout_solve_rate": self._look,
        }
        folder, step, whole = self.directory.checkpoints, self.counters.chunk, gather(self.state)
        together(lambda: checkpoint.save(folder, step, whole, extra) if is_first() else None)
        self._saved_chunk = step
        self._hooks.event(
            "saved", {"checkpoint": name_checkpoint(step), "frames": self.counters.frames}
        )

    def close(self) -> None:
        """Close the run's files."""
        self._archive.close()
        self._metrics.close()

    def _stretch(self) -> tuple[Progress, float]:
        """Train once and look at the losses; frames per second come beside what was done."""
        start = time.perf_counter() - self.programs.compile_s
        key = derive_key(self.config.seed, "train", self.counters.chunk)
        student, progress = jax.block_until_ready(
            self.programs.train(self.state.student, self.state.pool, key=key)
        )
        self._check_generalist(progress.losses)
        tally = jax.tree.map(jnp.add, self.state.tally, progress.episodes)
        self.state = RunState(student, self.state.pool, self.state.frontier, tally)
        frames = int(progress.episodes.frames)
        self.counters = self.counters.add(
            chunk=1, frames=frames, updates=progress.losses.value.size
        )
        return progress, frames / (time.perf_counter() - self.programs.compile_s - start)

    def _cycle(self) -> None:
        before = self.counters
        self.state, self.counters = evolve(
            self.programs,
            self.state,
            self.counters,
            self._operators,
            self._archive,
            self._check_specialist,
        )
        if before.cycle % self.config.curriculum.heldout_cycles == 0:
            self._take_look(before)
        self._hooks.event(
            "cycle",
            {"cycle": before.cycle, "accepted": self.counters.accepted - before.accepted},
        )

    def _take_look(self, before: Counters) -> None:
        """Play the held-out suite and the panel, on which nothing depends."""
        curriculum, cycle = self.config.curriculum, before.cycle
        panel = pick_panel(self._archive, cycle=cycle, every=curriculum.heldout_cycles)
        lanes = MEMBERS * curriculum.episodes
        is_solved = self.programs.look(
            self.state.student.learner.model,
            (self._held_out, lay_out(panel.members, lanes=lanes)),
            self._untrained,
            lay_out(panel.newcomers, lanes=NEWCOMERS * curriculum.episodes),
            key=derive_key(self.config.seed, "look", cycle),
        )
        held_out = jax.tree.leaves(self._held_out)[0].shape[0]
        ours, members, fresh = np.split(np.asarray(is_solved), [held_out, held_out + lanes])
        self._look = float(ours.mean())
        looks = write_looks(panel, members, fresh, cycle=cycle, frames=before.frames)
        self._archive.record(looks=looks)

    def _check_generalist(self, losses: Losses) -> None:
        def tell_world(slot: int) -> str:
            is_here = slot < self.config.curriculum.slots
            return f"world {int(self.state.pool.world[slot])}" if is_here else "a world that left"

        self._check_progress(losses, self.counters.updates, tell_world)

    def _check_specialist(self, losses: Losses, updates: int, world: int) -> None:
        before = self.counters.updates + updates
        self._check_progress(losses, before, lambda _: f"world {world}", " of a specialist")

    def _check_progress(
        self, losses: Losses, updates: int, tell_world: Callable[[int], str], whose: str = ""
    ) -> None:
        last = next(iter(list_checkpoints(self.directory.checkpoints).values()), None)
        try:
            check_progress(
                losses, updates=updates, tell_world=tell_world, checkpoint=last, whose=whose
            )
        except Diverged as diverged:
            self._hooks.event("diverged", {"update": diverged.update, "terms": [*diverged.terms]})
            raise

    def _log(self, progress: Progress, tally: Episodes, frames_per_s: float) -> None:
        self._count_time()
        row = make_row(
            self.counters,
            self.state,
            progress,
            tally,
            learning=self.config.learning,
            frames_per_s=frames_per_s,
            heldout_solve_rate=self._look,
        )
        self._metrics.write(row)
        self._hooks.logged(row)

    def _count_time(self) -> None:
        """Seconds of this process go on top of those of the ones before it."""
        compile_s = self.programs.compile_s - self._compiled
        wall_s = time.perf_counter() - self._started - compile_s
        self.counters = dataclasses.replace(
            self.counters,
            compile_s=self._before.compile_s + compile_s,
            wall_s=self._before.wall_s + wall_s,
        )

    def _is_spent(self, seconds: float | None, frames: int | None) -> bool:
        self._count_time()
        spent = self.counters.wall_s + self.counters.compile_s
        is_spent = (seconds is not None and spent >= seconds) or (
            frames is not None and self.counters.frames >= frames
        )
        return agree(is_spent, zlib.crc32(np.asarray(self.state.pool.genome).tobytes()))

    def _first_card(self) -> WorldCard:
        return WorldCard(
            id=0,
            genome=to_hex(seed_genome()),
            parents=[],
            operator="seed",
            cycle=0,
            frames=0,
            verdict="accepted",
            shortest_path=int(self.state.pool.plan[0]),
        )

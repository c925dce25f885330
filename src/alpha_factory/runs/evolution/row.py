"""What a run says of itself at a log point: its state and a stretch of training in, a row out."""

import math

import jax.numpy as jnp
import numpy as np

from alpha_factory.learn import Progress, Travels
from alpha_factory.records import MetricRow
from alpha_factory.rollout import Episodes
from alpha_factory.runs.evolution.achieved import Achieved
from alpha_factory.runs.schooling.row import tell_report
from alpha_factory.runs.settings.config import LearningConfig
from alpha_factory.runs.state import Counters, RunState


def make_row(
    counters: Counters,
    state: RunState,
    progress: Progress | Travels,
    tally: Episodes,
    *,
    learning: LearningConfig,
    frames_per_s: float,
    heldout_solve_rate: float | None,
    achieved: Achieved,
) -> MetricRow:
    """The row after a stretch, and the cycle that followed it if one was due.

    Args:
        tally: episodes since the last cycle, those of the stretch included.
        learning: by whose batch MuZero's replay ratio is told.
        heldout_solve_rate: of the watched suite, once each and without a search, at the last look; None before the
            first.
        achieved: by the last cycle.
    """
    pool, ended = state.pool, int(jnp.sum(tally.ended))
    size = int(pool.size)
    values: dict[str, float | None] = {
        "frames_per_s": frames_per_s,
        "train_s": counters.train_s,
        "pool": size,
        "median_path": float(np.median(np.asarray(pool.plan)[:size])),
        "return_mean": float(jnp.sum(tally.total)) / ended if ended else None,
        **_tell_learning(counters, progress, learning),
        "student_frames": counters.student_frames,
        "student_updates": counters.student_updates,
        "updates_skipped": int(state.student.learner.skipped),
        "heldout_solve_rate": heldout_solve_rate,
        "annecs": achieved.annecs,
        "qd_frontier": achieved.frontier,
        "embedding_wrong": float(state.embedding.wrong),
        "honeypots": counters.honeypots,
        "incidents": counters.incidents,
    }
    return MetricRow(
        frames=counters.frames,
        updates=counters.updates,
        cycle=counters.cycle,
        wall_s=counters.wall_s,
        compile_s=counters.compile_s,
        worlds_accepted=counters.accepted,
        worlds_rejected=counters.rejected,
        solve_rate=int(jnp.sum(tally.solved)) / ended if ended else None,
        values=values,
    )


def _tell_learning(
    counters: Counters, progress: Progress | Travels, learning: LearningConfig
) -> dict[str, float | None]:
    """What the updates of a stretch were like, in the mean."""
    if isinstance(progress, Travels):
        told = tell_report(progress.report, np.ones(progress.report.explained.shape, bool))
        return {name: value if math.isfinite(value) else None for name, value in told.items()}
    losses = progress.losses
    return {
        "replay_ratio": learning.measure_replay(
            updates=counters.student_updates, frames=counters.student_frames
        ),
        "loss_value": float(jnp.mean(losses.value)),
        "loss_policy": float(jnp.mean(losses.policy)),
        "loss_reward": float(jnp.mean(losses.reward)),
        "loss_decay": float(jnp.mean(losses.decay)),
        "loss_ewc": float(jnp.mean(losses.ewc)),
        "gradient_norm": float(jnp.mean(losses.gradient_norm)),
        "policy_entropy": float(progress.policy_entropy),
    }

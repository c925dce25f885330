"""What a run of rounds says of itself at a log point: what they brought in, a row, and troubles if any, out."""

import math
from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import Array, Bool

from alpha_factory.curriculum import Round
from alpha_factory.learn import MuzeroReport, PpoReport, to_lanes
from alpha_factory.records import MetricRow
from alpha_factory.runs.settings.config import LearningConfig
from alpha_factory.runs.state import Counters


def make_rounds_row(
    counters: Counters,
    brought: Round,
    kept: Mapping[str, Array],
    *,
    learning: LearningConfig,
    skipped: int,
    frames_per_s: float,
) -> MetricRow:
    """The row after a stretch. Means are over its rounds, those of updates over rounds with any.

    Args:
        kept: what the selector tells of its state.
        learning: by whose batch MuZero's replay ratio is told.
        skipped: updates that were skipped in all.
    """
    ended = int(np.sum(brought.ended))
    is_practised = np.asarray(brought.is_practised)
    ratio = learning.measure_replay(
        updates=counters.student_updates, frames=counters.student_frames
    )
    is_replaying = isinstance(brought.report, MuzeroReport)
    values = {
        "frames_per_s": frames_per_s,
        "train_s": counters.train_s,
        "return_mean": float(np.sum(brought.total)) / ended if ended else None,
        **tell_report(brought.report, is_practised),
        **({"replay_ratio": ratio} if is_replaying else {}),
        "student_frames": counters.student_frames,
        "student_updates": counters.student_updates,
        "updates_skipped": skipped,
        "practice_share": float(np.mean(is_practised)),
        "replay_share": float(np.mean(np.asarray(brought.replayed) > 0)),
        "score_mean": _mean_known(brought.score),
        "scores_refused": int(np.sum(brought.refused)),
        "levels_without_way": int(np.sum(brought.lost)),
        "replayed_walls": _mean_known(brought.walls),
        "replayed_path": _mean_known(brought.path),
        **_tell_others(brought),
    }
    return MetricRow(
        frames=counters.frames,
        updates=counters.updates,
        cycle=counters.cycle,
        wall_s=counters.wall_s,
        compile_s=counters.compile_s,
        worlds_accepted=0,
        worlds_rejected=0,
        solve_rate=int(np.sum(brought.solved)) / ended if ended else None,
        values={name: _or_none(value) for name, value in values.items()} | to_numbers(kept),
    )


def tell_report(
    report: PpoReport | MuzeroReport, is_practised: Bool[np.ndarray, " rounds"]
) -> dict[str, float]:
    """Means over the rounds with updates; NaN where there is none."""
    losses = report.losses

    def practised(values: Array) -> float:
        chosen = np.asarray(values, float)[is_practised]
        return float(np.mean(chosen)) if chosen.size else math.nan

    told = {
        "loss_value": practised(losses.value),
        "loss_policy": practised(losses.policy),
        "gradient_norm": practised(losses.gradient_norm),
    }
    if isinstance(report, MuzeroReport):
        return told | {
            "loss_reward": practised(report.losses.reward),
            "loss_decay": practised(report.losses.decay),
            "policy_entropy": practised(report.policy_entropy),
        }
    noise = jax.tree.map(lambda leaf: np.asarray(leaf)[is_practised], report.noise)
    return told | {
        "policy_entropy": practised(report.losses.entropy),
        # By the last epoch the policy is as far from the one that acted as it gets.
        "divergence": practised(report.losses.divergence[:, -1]),
        "clip_share": practised(report.losses.clipped[:, -1]),
        # Of rounds whose returns vary.
        "explained_variance": _mean_known(np.asarray(report.explained)[is_practised]),
        "noise_spread": practised(report.noise.spread),
        "noise_signal": practised(report.noise.signal),
        "noise_lanes": float(to_lanes(noise)) if is_practised.any() else math.nan,
    }


def _tell_others(brought: Round) -> dict[str, int | float]:
    """Means of the stretch for the learners beside the student; what adds up, such as steps, added up."""
    values: dict[str, int | float] = {}
    for name, report in brought.others.items():
        losses = report.losses
        values |= {
            f"{name}_loss_value": float(np.mean(losses.value)),
            f"{name}_loss_policy": float(np.mean(losses.policy)),
            f"{name}_gradient_norm": float(np.mean(losses.gradient_norm)),
            f"{name}_skipped": int(np.sum(losses.is_skipped)),
        }
        if isinstance(report, MuzeroReport):
            values[f"{name}_loss_reward"] = float(np.mean(report.losses.reward))
            values[f"{name}_entropy"] = float(np.mean(report.policy_entropy))
        else:
            values[f"{name}_entropy"] = float(np.mean(report.losses.entropy))
            values[f"{name}_divergence"] = float(np.mean(report.losses.divergence[:, -1]))
    for name, told in brought.told.items():
        is_whole = np.issubdtype(told.dtype, np.integer)
        values[name] = int(np.sum(told)) if is_whole else _mean_known(told)
    return values


def to_numbers(kept: Mapping[str, Array]) -> dict[str, float | None]:
    """What a selector tells of its state; None for what is not finite."""
    known = {name: float(value) for name, value in kept.items()}
    return {name: value if math.isfinite(value) else None for name, value in known.items()}


def find_trouble(brought: Round, kept: Mapping[str, Array | float]) -> list[str]:
    """What a person should know of a stretch whose curriculum can't do its work; a sentence each.

    Such a run goes on: levels are drawn evenly where their scores do not tell them apart, those without a score
    are not kept, and what can't be solved is played to its step limit.
    """
    troubles = []
    played = int(np.sum(brought.played))
    if int(np.sum(brought.lost)) == played:
        advice = (
            "its builder is paid nothing for them, and should come to build others"
            if "builder" in brought.others
            else "look at levels.generator, levels.walls and levels.number"
        )
        troubles.append(
            "No level of this stretch has a way to its goal, so nothing can be learned on them. The run goes on; "
            f"{advice}."
        )
    if int(np.sum(brought.refused)) == played:
        troubles.append(
            "No level of this stretch has a score that is finite, so none of them was kept. The run goes on; "
            "look at levels.score."
        )
    size = float(kept.get("buffer", math.nan))
    low, high = (float(kept.get(f"buffer_score_{end}", math.nan)) for end in ("low", "high"))
    if size > 1 and low == high:
        troubles.append(
            "All levels that are kept score the same, so that none is preferred for what it teaches. The run goes on; "
            "look at levels.score."
        )
    return troubles


def _mean_known(values: Array | np.ndarray) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(np.mean(known)) if known.size else math.nan


def _or_none(value: int | float | None) -> int | float | None:
    return value if value is not None and math.isfinite(value) else None

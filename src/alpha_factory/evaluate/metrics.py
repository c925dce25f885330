"""What a set of episodes says of one policy: the numbers that `evaluate` prints, together and level by level."""

from typing import Any

import numpy as np

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.evaluate.bootstrap import bootstrap_interval
from alpha_factory.evaluate.interquartile import interquartile_mean
from alpha_factory.evaluate.tail import (
    conditional_value_at_risk,
    count_edge_ties,
    held_out_risk,
)

_TAILS = {"1": 0.01, "10": 0.1}


def summarise(
    is_solved: np.ndarray, total: np.ndarray, steps: np.ndarray | None = None, *, seed: int = 0
) -> dict[str, Any]:
    """The numbers that `evaluate` prints for one policy.

    Args:
        is_solved: episodes solved, shape `levels episodes`.
        total: their returns, same shape.
        steps: their lengths, same shape, where they are to be told.
        seed: of the bootstrap.

    Returns:
        `solve_rate` with the ends `low` and `high` of its 95 % interval over levels; `iqm`, the interquartile mean of
        the levels' solve rates; `cvar_1` and `cvar_10`, the mean solve rate of the worst hundredth and tenth of the
        levels; `cvar_1_held` and `cvar_10_held`, the same with the first half of the episodes choosing and the others
        scoring, and `cvar_1_ties` and `cvar_10_ties`, how many levels tie at the edge of what was chosen, all None for
        a single episode; `return_mean`; with `steps` also `steps_mean`, of all episodes, and
        `steps_to_goal`, of those solved.

    Raises:
        AlphaFactoryError: a return is not finite; the message says which.
    """
    _check_finite(total)
    by_level = is_solved.mean(axis=1)
    low, high = bootstrap_interval(by_level, seed=seed)
    summary = {
        "solve_rate": float(by_level.mean()),
        "low": low,
        "high": high,
        "iqm": interquartile_mean(by_level[None]),
        **{
            f"cvar_{name}": conditional_value_at_risk(by_level, tail)
            for name, tail in _TAILS.items()
        },
        **_hold_out(is_solved),
        "return_mean": float(total.mean()),
    }
    if steps is not None:
        summary["steps_mean"] = float(steps.mean())
        summary["steps_to_goal"] = float(steps[is_solved].mean()) if is_solved.any() else None
    return summary


def describe_levels(
    is_solved: np.ndarray, total: np.ndarray, steps: np.ndarray
) -> dict[str, list[float | None]]:
    """The means of each level's episodes, arguments as `summarise` takes them.

    Returns:
        A list with an entry a level under `solve_rate`, `return_mean`, `steps_mean` and `steps_to_goal`, which is None
        where no episode was solved.
    """
    solved = is_solved.sum(axis=1)
    on_the_way = np.where(is_solved, steps, 0).sum(axis=1)
    return {
        "solve_rate": is_solved.mean(axis=1).tolist(),
        "return_mean": total.mean(axis=1, dtype=float).tolist(),
        "steps_mean": steps.mean(axis=1).tolist(),
        "steps_to_goal": [
            walked / times if times else None
            for walked, times in zip(on_the_way.tolist(), solved.tolist(), strict=True)
        ],
    }


def _hold_out(is_solved: np.ndarray) -> dict[str, float | None]:
    half = is_solved.shape[1] // 2
    if not half:
        return {f"cvar_{name}_{field}": None for name in _TAILS for field in ("held", "ties")}
    chosen_by, scored_by = is_solved[:, :half].mean(axis=1), is_solved[:, half:].mean(axis=1)
    told: dict[str, float | None] = {}
    for name, tail in _TAILS.items():
        told[f"cvar_{name}_held"] = held_out_risk(chosen_by, scored_by, tail)
        told[f"cvar_{name}_ties"] = count_edge_ties(chosen_by, tail)
    return told


def _check_finite(total: np.ndarray) -> None:
    if not np.isfinite(total).all():
        level, episode = np.argwhere(~np.isfinite(total))[0].tolist()
        raise AlphaFactoryError(
            f"Episode {episode} of level {level} has return {total[level, episode]}; both count from 0. "
            "No mean can be told of that: look at what the world pays there."
        )

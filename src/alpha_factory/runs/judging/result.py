"""One suite at one step limit as `evaluate` tells it: what was played, by whom, and with what success."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.evaluate import Scorer, Suite, describe_levels, limit_steps, summarise
from alpha_factory.runs.judging.optima import compare_with_best, find_best, list_unknown

Players = Mapping[str, tuple[Scorer, Any]]
"""A scorer and the params it plays with, by the policy's name."""


def play_suite(
    suite: Suite, players: Players, *, episodes: int, key: PRNGKeyArray
) -> Iterator[dict[str, Any]]:
    """An object for each step limit of the suite, each level's numbers under `by_level` of each policy."""
    for turn, step_limit in enumerate(suite.step_limits):
        levels = limit_steps(suite.levels, step_limit)
        policies = {}
        for name, (scorer, params) in players.items():
            played = scorer.score(
                params, levels, episodes=episodes, key=jax.random.fold_in(key, turn)
            )
            told = played.is_solved, played.total, played.steps
            policies[name] = summarise(*told) | {"by_level": describe_levels(*told)}
        yield {
            "suite": suite.name,
            "suite_hash": suite.digest,
            "step_limit": step_limit,
            "levels": len(suite.names),
            "episodes": episodes,
            "start_state": "each level's own cell and heading",
            "drawn": None
            if suite.seed is None
            else {"seed": suite.seed, "levels": len(suite.names)},
            "level_names": list(suite.names),
            "policies": policies,
        }


def add_optimum(
    results: list[dict[str, Any]],
    suite: Suite,
    *,
    states: int,
    cache: Path | None,
    warned: Callable[[str], None],
) -> None:
    """Put the oracle's answers, each level's start, and how far each policy is from the best, into results."""
    starts = np.concatenate(
        [np.asarray(suite.levels.start), np.asarray(suite.levels.heading)[:, None]], axis=1
    ).tolist()
    for result in results:
        levels = limit_steps(suite.levels, result["step_limit"])
        best = find_best(levels, states=states, cache=cache, warned=warned)
        gave_up = list_unknown(suite.names, best)
        result["starts"] = starts
        result["optimum"] = {"states": states, "gave_up": gave_up, "by_level": best}
        for scores in result["policies"].values():
            told = compare_with_best(scores["by_level"], best)
            scores["by_level"]["regret"] = told.pop("regret")
            scores |= told


def without_levels(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with what is known of single levels left out."""
    policies = {
        name: {field: value for field, value in scores.items() if field != "by_level"}
        for name, scores in result["policies"].items()
    }
    left = {name: value for name, value in result.items() if name != "level_names"}
    return left | {"policies": policies}

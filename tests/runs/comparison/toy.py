"""Runs as the real writers leave them, with scores that are made up."""

import dataclasses

import numpy as np

from alpha_factory.evaluate import describe_levels, summarise
from alpha_factory.records import MetricRow
from alpha_factory.runs.files.directory import RunDirectory, create_run
from alpha_factory.runs.files.metrics import MetricWriter
from alpha_factory.runs.files.scores import save_scores
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.text import to_json

LEVELS, EPISODES, FRAMES = 20, 4, 50_000


def write_run(
    path,
    *,
    seed,
    skill=0.5,
    frames=FRAMES,
    given=None,
    rows=10,
    suites=("mazes-v1",),
    learner="muzero",
    **curriculum,
):
    """A run of the demo's settings that solves so large a share of its levels, more or less.

    Args:
        given: env steps of its budget.
        rows: stretches in which it took its frames.
    """
    config = dataclasses.replace(PRESETS["demo"], seed=seed, learner=learner)
    budget = dataclasses.replace(config.budget, frames=given)
    config = dataclasses.replace(config, budget=budget)
    if curriculum:
        changed = dataclasses.replace(config.curriculum, **curriculum)
        config = dataclasses.replace(config, curriculum=changed)
    with create_run(path, to_json(config)):
        pass
    with MetricWriter(path) as writer:
        for row in range(1, rows + 1):
            learned = skill * row / rows
            writer.write(
                MetricRow(
                    frames=frames * row // rows,
                    updates=row * 400 // rows,
                    wall_s=row * 10 * (20.0 + seed) / rows,
                    compile_s=30.0,
                    worlds_accepted=row,
                    worlds_rejected=row,
                    solve_rate=None if row == 1 else learned,
                    values={"heldout_solve_rate": learned / 2 if row % 2 else None},
                )
            )
    wall_s = 10 * (20.0 + seed)
    budget = {"frames": frames, "updates": 400, "wall_s": wall_s, "compile_s": 30.0}
    results = [write_result(name, seed=seed, skill=skill) | {"budget": budget} for name in suites]
    save_scores(RunDirectory(path), results)
    return path


def write_result(name, *, seed, skill, levels=LEVELS, episodes=EPISODES, policy="trained"):
    """What `evaluate --keep` would have kept, but for the budget."""
    draw = np.random.default_rng(seed)
    rates = np.clip(draw.normal(skill, 0.25, levels), 0, 1)
    is_solved = draw.random((levels, episodes)) < rates[:, None]
    total, steps = is_solved * 0.9, np.where(is_solved, 12, 250)
    return {
        "suite": name,
        "suite_hash": "ab" * 32,
        "step_limit": 250,
        "levels": levels,
        "episodes": episodes,
        "level_names": [f"level-{number}" for number in range(levels)],
        "policies": {
            policy: summarise(is_solved, total, steps)
            | {"by_level": describe_levels(is_solved, total, steps)}
        },
    }

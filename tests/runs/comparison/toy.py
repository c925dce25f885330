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


def write_run(path, *, seed, skill=0.5, frames=FRAMES, suites=("mazes-v1",), **curriculum):
    """A run of the demo's settings that solves so large a share of its levels, more or less."""
    config = dataclasses.replace(PRESETS["demo"], seed=seed)
    if curriculum:
        changed = dataclasses.replace(config.curriculum, **curriculum)
        config = dataclasses.replace(config, curriculum=changed)
    with create_run(path, to_json(config)):
        pass
    with MetricWriter(path) as writer:
        for row in range(1, 11):
            learned = skill * row / 10
            writer.write(
                MetricRow(
                    frames=frames * row // 10,
                    updates=row * 40,
                    wall_s=row * (20.0 + seed),
                    compile_s=30.0,
                    worlds_accepted=row,
                    worlds_rejected=row,
                    solve_rate=None if row == 1 else learned,
                    values={"heldout_solve_rate": learned / 2 if row % 2 else None},
                )
            )
    results = [write_result(name, seed=seed, skill=skill) for name in suites]
    save_scores(RunDirectory(path), results)
    return path


def write_result(name, *, seed, skill, levels=LEVELS, episodes=EPISODES):
    """What `evaluate --keep` would have kept."""
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
            "trained": summarise(is_solved, total, steps)
            | {"by_level": describe_levels(is_solved, total, steps)}
        },
    }

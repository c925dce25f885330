"""What a person asks for beside a preset: flags and a config in, a config out."""

import dataclasses
import math

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.presets import choose_preset


def check_budget(minutes: float | None, frames: int | None) -> None:
    """Raise unless a budget that was asked for can be spent.

    Raises:
        UsageError: it is 0, less, or no number.
    """
    for name, value in (("minutes", minutes), ("frames", frames)):
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"--{name} {value} is no budget. Give a number above 0.")


def choose(
    config: RunConfig,
    preset: str | None,
    seed: int | None,
    minutes: float | None,
    frames: int | None,
) -> RunConfig:
    """The config with what was asked for explicitly; frames alone lift the preset's minutes."""
    if preset is not None and preset != config.preset:
        config = dataclasses.replace(choose_preset(preset), seed=config.seed)
    budget = config.budget
    if frames is not None:
        budget = dataclasses.replace(budget, frames=frames, minutes=None)
    if minutes is not None:
        budget = dataclasses.replace(budget, minutes=minutes)
    return dataclasses.replace(config, seed=config.seed if seed is None else seed, budget=budget)


def choose_names(
    config: RunConfig, mutator: str | None, curriculum: str | None, learner: str | None
) -> RunConfig:
    """The config with what was asked for by name."""
    chosen = config.curriculum
    return dataclasses.replace(
        config,
        learner=learner or config.learner,
        curriculum=dataclasses.replace(
            chosen, mutator=mutator or chosen.mutator, name=curriculum or chosen.name
        ),
    )


def training_seconds(config: RunConfig) -> float | None:
    """The minutes less what closing takes, but never less than half of them."""
    if config.budget.minutes is None:
        return None
    whole = 60.0 * config.budget.minutes
    return max(whole - config.budget.closing_s, whole / 2)

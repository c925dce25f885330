"""Which settings a run reads: a config and names of settings in; nothing out, or who would read them."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import Design, Wishes
from alpha_factory.runs.resolve import list_designs, resolve_curriculum
from alpha_factory.runs.settings.config import (
    EMBEDDING,
    FIXED,
    MUZERO,
    PATA_EC,
    POET,
    PPO,
    RunConfig,
)
from alpha_factory.runs.settings.limits import FRUITS
from alpha_factory.runs.settings.meaning import read_meanings


class Need(NamedTuple):
    """What a setting needs beside it to be read, where the run has its section."""

    words: str  # as they are written
    is_met: Callable[[RunConfig], bool]


_EWC = Need("learning.ewc_weight above 0", lambda config: config.learning.ewc_weight > 0)
_HONEYPOTS = Need(
    "curriculum.honeypot_every", lambda config: config.curriculum.honeypot_every is not None
)
_BY_EMBEDDING = Need(
    f"curriculum.novelty={EMBEDDING}", lambda config: config.curriculum.novelty == EMBEDDING
)
_NEEDS = {
    "curriculum.pace": Need(
        f"curriculum.growth={FIXED}", lambda config: config.curriculum.growth == FIXED
    ),
    "curriculum.nearest": Need(
        f"curriculum.novelty={PATA_EC}", lambda config: config.curriculum.novelty == PATA_EC
    ),
    "curriculum.novelty_weight": _BY_EMBEDDING,
    "curriculum.frontier_rate": _BY_EMBEDDING,
    "curriculum.embedding_updates": _BY_EMBEDDING,
    "curriculum.honeypot_episodes": _HONEYPOTS,
    "curriculum.honeypot_margin": _HONEYPOTS,
    "curriculum.honeypot_weight": _HONEYPOTS,
    "learning.ewc_decay": _EWC,
    "learning.ewc_sequences": _EWC,
    "levels.odds": Need(f"levels.world={FRUITS}", lambda config: config.levels.world == FRUITS),
    "ppo.layers": Need("ppo.memory=s5", lambda config: config.ppo.memory == "s5"),
}

_ALWAYS = ("curriculum.name", "curriculum.chunks")
_OF_PPO_IN_A_POOL = ("levels.lanes", "levels.steps", "learning.worlds", "learning.steps")
"""The rows of a round, and of how many rows a stretch is."""
_OF_A_BUILDER = ("ppo.memory", "ppo.width", "ppo.layers", "ppo.embed", "ppo.head")
"""A builder learns by PPO beside whatever the student learns by, and has PPO's sizes."""
_OF_THE_SCORE = ("ppo.trace",)
"""By which the advantages of a round are estimated, whatever the learner."""


def check_used(config: RunConfig, names: Iterable[str]) -> None:
    """Raise unless a run of this config reads every one of the settings that somebody gave it.

    Args:
        names: of settings that were asked for one by one; those of a preset are there for whatever run it becomes.

    Raises:
        UsageError: one would be ignored; the message says what it is for and which run reads it.
    """
    for name in names:
        if reader := find_reader(config, name):
            section, _, leaf = name.rpartition(".")
            _, text = read_meanings(type(getattr(config, section)))[leaf]
            meaning = " ".join(text.split())
            raise UsageError(
                f"{name} is not read by a run with --curriculum {config.curriculum.name} --learner {config.learner}, "
                f"so that setting it changes nothing. It is for {reader}: {meaning.rstrip('.')}. Leave it out."
            )


def find_reader(config: RunConfig, name: str) -> str | None:
    """What would read a setting that a run of this config does not; None if it does."""
    section = name.rpartition(".")[0]
    design = resolve_curriculum(config.curriculum.name, config.learner)
    others = {
        "curriculum": _of_curriculum,
        "levels": _of_levels,
        "learning": _of_learning,
        "network": _of_muzero,
        "search": _of_muzero,
        "ppo": _of_ppo,
    }
    reader = others[section](config, design, name) if section in others else None
    if reader is None and (need := _NEEDS.get(name)) and not need.is_met(config):
        return need.words
    return reader


def _of_curriculum(config: RunConfig, design: Design | None, name: str) -> str | None:
    return None if design is None or name in _ALWAYS else f"--curriculum {POET}"


def _of_levels(config: RunConfig, design: Design | None, name: str) -> str | None:
    leaf = name.removeprefix("levels.")
    # How many walls there are is asked where levels come from a generator.
    wish = "generator" if leaf == "number" else leaf
    if wish in Wishes._fields:
        if design is not None and getattr(design.published, wish) is not None:
            return None
        readers = [
            other
            for other, one in list_designs().items()
            if getattr(one.published, wish) is not None
        ]
        return f"--curriculum {'|'.join(readers)}" if readers else "no curriculum that is installed"
    if design is not None or (config.learner == PPO and name in _OF_PPO_IN_A_POOL):
        return None
    return f"--curriculum {'|'.join(list_designs())}"


def _of_learning(config: RunConfig, design: Design | None, name: str) -> str | None:
    if config.learner == PPO and design is None and name in _OF_PPO_IN_A_POOL:
        return None
    if design is not None and name.startswith("learning.ewc_") and config.learner == MUZERO:
        return f"--curriculum {POET}"
    return _of_muzero(config, design, name)


def _of_muzero(config: RunConfig, design: Design | None, name: str) -> str | None:
    return None if config.learner == MUZERO else f"--learner {MUZERO}"


def _of_ppo(config: RunConfig, design: Design | None, name: str) -> str | None:
    is_building = design is not None and design.published.builder_rate is not None
    if config.learner == PPO or (is_building and name in _OF_A_BUILDER):
        return None
    return None if design is not None and name in _OF_THE_SCORE else f"--learner {PPO}"

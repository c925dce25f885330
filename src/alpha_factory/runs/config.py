"""Every setting of a run, and the presets. A config is complete: with the commit it is the run."""

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Any

from alpha_factory.core.errors import UsageError, unknown


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the learned model."""

    widths: tuple[int, ...] = (256,)
    """Hidden layers of the representation network."""
    latent: int = 128
    """Features of the latent state."""
    head: int = 128
    """Hidden units of the value, policy and reward heads."""


@dataclass(frozen=True)
class SearchConfig:
    """How the agent plans."""

    kind: str = "gumbel"
    """gumbel or puct."""
    simulations: int = 8
    """Expansions of the tree for each action."""
    depth: int | None = None
    """Imagined steps from the root at most; None for no cap."""
    value_range: tuple[float, float] | None = (-1.0, 1.0)
    """Least and greatest value that the reward allows; None takes the tree's own, as MuZero did."""
    c_scale: float = 0.32
    """Weight of a value as a share of that range, times 50 plus visits, against a logit (gumbel)."""
    logit_noise: float = 0.1
    """Standard deviation of the exploration noise on the prior's logits."""


@dataclass(frozen=True)
class LearningConfig:
    """How experience becomes a better model."""

    worlds: int = 128
    """Worlds stepped side by side."""
    steps: int = 16
    """Steps in each world between updates."""
    updates: int = 4
    """Gradient steps after each such stretch."""
    batch: int = 256
    """Unrolled sequences in a gradient step."""
    unroll: int = 5
    """K: steps that the model is unrolled in training."""
    horizon: int = 5
    """n: rewards summed before the bootstrap."""
    discount: float = 0.97
    """Of reward, per step."""
    learning_rate: float = 1e-3
    """Of AdamW, at the start of the cosine."""
    decay_updates: int = 20_000
    """T_max: updates over which the learning rate falls."""
    final_share: float = 0.1
    """Share of the learning rate that is left after that."""
    weight_decay: float = 1e-4
    """lambda_c, decoupled."""
    clip: float = 5.0
    """Greatest norm of a gradient."""
    reward_weight: float = 1.0
    """lambda_r: weight of the reward term."""
    target_period: int = 50
    """Updates between two copies of the model to the one that acts and bootstraps."""
    replay_slots: int = 1024
    """Steps kept of each world."""
    alpha: float = 0.6
    """Exponent of replay priorities."""
    beta: float = 0.4
    """Exponent of the importance weights that correct for them."""


@dataclass(frozen=True)
class CurriculumConfig:
    """How worlds come and go."""

    mutator: str = "poet"
    """How a child is made from its parent: a name in the extension slot Mutator."""
    slots: int = 256
    """Worlds that can live at a time."""
    chunks: int = 4
    """Stretches of training between two cycles of the curriculum."""
    iterations: int = 8
    """Rounds of acting and updating in a stretch; a run can be interrupted between stretches."""
    parents: int = 32
    """Living worlds that get children in a cycle."""
    children: int = 4
    """k: children of each parent."""
    mutations: int = 8
    """Operators applied to make a child: 1 to this many, the number drawn uniformly (paper: 1)."""
    episodes: int = 4
    """Episodes by which a child is judged."""
    lowest: float = 0.05
    """R_min: more than this share of its episodes must be solved for a child to live."""
    highest: float = 0.9
    """R_max: less must be; a living world that is solved this often counts as mastered."""
    lifetime: int = 32
    """Cycles after which a world that is not mastered may make room too, the oldest first."""
    accepted: int = 16
    """Children accepted in a cycle at most."""
    novelty_weight: float = 0.55
    """lambda_nov: share of Hamming novelty in the quality-diversity score."""
    frontier_rate: float = 0.1
    """Share of the mean embedding that a cycle's accepted worlds replace."""
    specialist_cycles: int = 6
    """Cycles between two specialists."""
    specialist_chunks: int = 2
    """Stretches of training that a specialist gets on its world."""
    transfer_margin: float = 0.15
    """delta: what a specialist must be better by on some living world to be merged."""
    transfer_share: float = 0.1
    """alpha: share of its weights in the merged ones."""
    heldout_cycles: int = 4
    """Cycles between two looks at the held-out suite, which nothing depends on."""


@dataclass(frozen=True)
class BudgetConfig:
    """When a run ends: at whichever comes first. The only settings that a resume may change."""

    minutes: float | None = 10.0
    """Minutes at work, compilation and the closing evaluation included; None for no limit."""
    frames: int | None = None
    """Env steps; None for no limit."""
    closing_s: float = 50.0
    """Seconds of the minutes kept for the closing evaluation, the films and the report."""


@dataclass(frozen=True)
class RunConfig:
    """A whole run."""

    preset: str = "demo"
    """What the other settings were taken from."""
    seed: int = 0
    """Every random choice follows from it."""
    checkpoint_cycles: int = 1
    """Curriculum cycles between two checkpoints."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)


MAY_CHANGE = tuple(f"budget.{setting.name}" for setting in dataclasses.fields(BudgetConfig))
"""Settings that a resume may change: how long to go on, not what the run is."""

PRESETS: dict[str, RunConfig] = {
    "demo": RunConfig(),
    "laptop": RunConfig(
        preset="laptop",
        network=NetworkConfig(widths=(512,), latent=192, head=192),
        search=SearchConfig(simulations=16),
        learning=LearningConfig(decay_updates=120_000, target_period=100),
        curriculum=CurriculumConfig(slots=1024),
        budget=BudgetConfig(minutes=60.0),
    ),
    "gpu": RunConfig(
        preset="gpu",
        checkpoint_cycles=4,
        network=NetworkConfig(widths=(1024, 1024), latent=512, head=512),
        search=SearchConfig(simulations=32),
        learning=LearningConfig(
            worlds=4096,
            updates=8,
            batch=2048,
            replay_slots=256,
            decay_updates=200_000,
            target_period=100,
        ),
        curriculum=CurriculumConfig(slots=4096, parents=64, accepted=64),
        budget=BudgetConfig(minutes=60.0),
    ),
    "paper": RunConfig(
        preset="paper",
        checkpoint_cycles=16,
        network=NetworkConfig(widths=(512, 512, 512), latent=512, head=512),
        search=SearchConfig(simulations=50),
        learning=LearningConfig(
            worlds=1024,
            batch=2048,
            decay_updates=4_000_000,
            final_share=0.0,
            target_period=2000,
            replay_slots=1024,
        ),
        curriculum=CurriculumConfig(
            slots=1024, accepted=64, specialist_cycles=1, specialist_chunks=313
        ),
        budget=BudgetConfig(minutes=None, frames=1_000_000_000),
    ),
}


def choose_preset(name: str) -> RunConfig:
    """The settings of a preset.

    Raises:
        UsageError: it is unknown; the message lists those that exist.
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]


def to_json(config: RunConfig) -> dict[str, Any]:
    """The content of `config.json`."""
    return dataclasses.asdict(config)


def from_json(data: dict[str, Any]) -> RunConfig:
    """Inverse of `to_json`.

    Raises:
        UsageError: a setting is unknown or missing, as in a file of another version.
    """
    return _read_section(RunConfig, data, "")


def _read_section(kind: Any, data: Any, prefix: str) -> Any:
    if not isinstance(data, dict):
        where = f"Section {prefix.rstrip('.')} of config.json" if prefix else "config.json"
        raise UsageError(f"{where} must be a JSON object. Restore the file, or start a new run.")
    names = {setting.name: setting for setting in dataclasses.fields(kind)}
    for name in sorted(names.keys() ^ data.keys()):
        state = "is missing" if name in names else "is unknown"
        raise UsageError(
            f"Setting {prefix}{name} {state} in config.json: it was written by another version. "
            "Resume with that version, or start a new run."
        )
    values = {}
    for name, setting in names.items():
        value = data[name]
        if dataclasses.is_dataclass(setting.type):
            value = _read_section(setting.type, value, f"{prefix}{name}.")
        elif not _fits(value, setting.type):
            raise UsageError(
                f"Setting {prefix}{name} in config.json must be {_tell(setting.type)}; "
                f"got {value!r}. Restore the file, or start a new run."
            )
        values[name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _fits(value: object, kind: Any) -> bool:
    """Whether a JSON value can be a setting of this type: no bool is a number, an int is a float."""
    if typing.get_origin(kind) is tuple:
        items = typing.get_args(kind)
        if not isinstance(value, list | tuple):
            return False
        if items[-1] is Ellipsis:
            items = items[:1] * len(value)
        return len(items) == len(value) and all(map(_fits, value, items))
    if choices := typing.get_args(kind):
        return any(_fits(value, choice) for choice in choices)
    return type(value) is kind or (kind is float and type(value) is int)


def _tell(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)

"""Named configs to start from: how large a run."""

from alpha_factory.core.errors import unknown
from alpha_factory.runs.settings.config import (
    BudgetConfig,
    CurriculumConfig,
    LearningConfig,
    NetworkConfig,
    RunConfig,
    SearchConfig,
)

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
        network=NetworkConfig(widths=(1024, 1024), latent=512, head=512, dtype="bfloat16"),
        search=SearchConfig(simulations=32),
        learning=LearningConfig(
            worlds=4096,
            updates=8,
            batch=2048,
            replay_slots=256,
            decay_updates=200_000,
            target_period=100,
        ),
        curriculum=CurriculumConfig(slots=4096, parents=64, accepted=64, block=1024),
        budget=BudgetConfig(minutes=60.0),
    ),
    "paper": RunConfig(
        preset="paper",
        checkpoint_cycles=16,
        network=NetworkConfig(
            encoder="transformer",
            widths=(512,),
            latent=512,
            head=512,
            embed=256,
            attention_heads=8,
            token=64,
            value_scale=5.0,
            dtype="bfloat16",
        ),
        search=SearchConfig(simulations=50),
        learning=LearningConfig(
            worlds=1024,
            batch=2048,
            decay_updates=4_000_000,
            final_share=0.0,
            target_period=2000,
            replay_slots=1024,
            balance=True,
            centralise=True,
            remake=True,
            ewc_weight=1.0,
        ),
        curriculum=CurriculumConfig(
            slots=1024,
            accepted=64,
            block=512,
            mutations=1,
            specialist_cycles=1,
            specialist_chunks=313,
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

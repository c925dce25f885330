"""What a config asks for, made: recipe, policy and model. Settings in, parts of the stages out."""

import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Policy, World
from alpha_factory.curriculum import draw_level
from alpha_factory.learn import Practice, Recipe, make_optimiser
from alpha_factory.nets import Model, Sizes, Support
from alpha_factory.rollout import DrawLevel
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.search import make_planner
from alpha_factory.worlds import make_grid
from alpha_factory.worlds.grid.observe import FEATURES

STAGES = (
    "begin",
    "train",
    "propose",
    "judge",
    "specialise",
    "transfer",
    "look",
    "evaluate",
    "film",
    "keep",
    "embed",
    "challenge",
    "enrol",
    "honeypot",
    "bound",
    "draw",
)


def derive_key(seed: int, stage: str, index: int) -> PRNGKeyArray:
    """The key of a stage's `index`-th turn. It follows from the seed alone, never from the past."""
    stages = jax.random.fold_in(jax.random.key(seed), STAGES.index(stage))
    return jax.random.fold_in(stages, index)


def make_untrained(config: RunConfig) -> Model:
    """The model that a run of this config starts from.

    Raises:
        UsageError: settings of the network do not fit together.
    """
    return make_model(config, (FEATURES,), make_grid().actions)


def make_model(config: RunConfig, obs: tuple[int, ...], actions: int) -> Model:
    """An untrained model for observations of one shape.

    Raises:
        UsageError: settings of the network do not fit together.
    """
    network, value_range = config.network, config.search.value_range
    if network.bins is None:
        support = None
    elif value_range is None:
        raise UsageError(
            f"network.bins={network.bins} need a range: set search.value_range, or leave them out."
        )
    else:
        support = Support(network.bins, *value_range)
    return Model(
        obs,
        actions,
        widths=network.widths,
        latent=network.latent,
        head=network.head,
        encoder=network.encoder,
        sizes=Sizes(
            embed=network.embed,
            layers=network.layers,
            heads=network.attention_heads,
            token=network.token,
            channels=network.channels,
        ),
        support=support,
        value_scale=network.value_scale,
        dtype=network.dtype,
        key=derive_key(config.seed, "begin", 0),
    )


def make_recipe(config: RunConfig) -> Recipe:
    """The update that a config asks for.

    Raises:
        UsageError: a setting is out of its limits, or does not go with the others.
    """
    check_limits(config)
    learning = config.learning
    return Recipe(
        optimiser=make_optimiser(
            learning_rate=learning.learning_rate,
            decay_updates=learning.decay_updates,
            final_share=learning.final_share,
            weight_decay=learning.weight_decay,
            clip=learning.clip,
            is_centralised=learning.centralise,
        ),
        batch=learning.batch,
        unroll=learning.unroll,
        horizon=learning.horizon,
        discount=learning.discount,
        reward_weight=learning.reward_weight,
        target_period=learning.target_period,
        alpha=learning.alpha,
        beta=learning.beta,
        weight_decay=learning.weight_decay,
        is_balanced=learning.balance,
        is_remade=learning.remake,
        planner=make_policy(config),
        reanalysed=round(learning.reanalyse * learning.batch),
        ewc_weight=learning.ewc_weight,
    )


def make_practice(
    config: RunConfig,
    *,
    world: World | None = None,
    draw_level: DrawLevel = draw_level,
    slots: int | None = None,
) -> Practice:
    """How a config acts and learns.

    Args:
        world: None for the grid of a run.
        draw_level: how an episode's level comes from the source; a run's is its pool.
        slots: levels that the source has; None for those of a run's pool.

    Raises:
        UsageError: as `make_recipe` does.
    """
    learning = config.learning
    return Practice(
        world=world or make_grid(),
        planner=make_policy(config),
        draw_level=draw_level,
        recipe=make_recipe(config),
        lanes=learning.worlds,
        steps=learning.steps,
        updates=learning.updates,
        replay_slots=learning.replay_slots,
        slots=slots or config.curriculum.slots,
    )


def make_policy(config: RunConfig) -> Policy:
    """The planner that a config asks for."""
    return make_planner(
        config.search.kind,
        simulations=config.search.simulations,
        discount=config.learning.discount,
        value_range=config.search.value_range,
        c_scale=config.search.c_scale,
        depth=config.search.depth,
        logit_noise=config.search.logit_noise,
    )

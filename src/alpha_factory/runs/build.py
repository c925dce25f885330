"""What a config asks for, made: recipe, policy and model. Settings in, parts of the stages out."""

import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Policy, World
from alpha_factory.curriculum import draw_level
from alpha_factory.learn import PpoRecipe, Practice, Recipe, make_dpo, make_optimiser
from alpha_factory.nets import ActorCritic, Model, Sizes, Support
from alpha_factory.rollout import DrawLevel
from alpha_factory.runs.arenas import make_arena
from alpha_factory.runs.settings.config import POET, PPO, RunConfig
from alpha_factory.runs.settings.limits import check_limits
from alpha_factory.search import make_planner, make_prior
from alpha_factory.worlds import make_grid

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
    "playback",
)


def derive_key(seed: int, stage: str, index: int) -> PRNGKeyArray:
    """The key of a stage's `index`-th turn. It follows from the seed alone, never from the past."""
    stages = jax.random.fold_in(jax.random.key(seed), STAGES.index(stage))
    return jax.random.fold_in(stages, index)


def make_world(config: RunConfig) -> World:
    """What a run of this config learns in, seen as its learner does."""
    if config.curriculum.name == POET:
        return make_grid()
    return make_arena(config.levels, config.learner).world


def make_untrained(config: RunConfig) -> Model | ActorCritic:
    """The network that a run of this config starts from: an `ActorCritic` of PPO, a `Model` of MuZero.

    Raises:
        UsageError: settings of the network do not fit together.
    """
    world = make_world(config)
    assert world.features is not None
    seen, key = (world.features,), derive_key(config.seed, "begin", 0)
    if config.learner == PPO:
        return make_policy_net(config, seen, world.actions, key=key)
    return make_model(config, seen, world.actions, key=key)


def make_model(
    config: RunConfig, obs: tuple[int, ...], actions: int, *, key: PRNGKeyArray | None = None
) -> Model:
    """An untrained model for observations of one shape.

    Args:
        key: None for that of the model that a run begins with.

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
        key=derive_key(config.seed, "begin", 0) if key is None else key,
    )


def make_policy_net(
    config: RunConfig,
    obs: tuple[int, ...],
    actions: int | tuple[int, ...],
    *,
    is_masked: bool = False,
    key: PRNGKeyArray,
) -> ActorCritic:
    """An untrained policy with a memory, for observations of one shape; as `ActorCritic` takes what it is given.

    Raises:
        UsageError: the memory can't have that width.
    """
    ppo = config.ppo
    return ActorCritic(
        obs,
        actions,
        memory=ppo.memory,
        width=ppo.width,
        layers=ppo.layers,
        embed=ppo.embed,
        head=ppo.head,
        is_masked=is_masked,
        key=key,
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
        refresher=make_prior() if learning.refresh else None,
        planner=make_policy(config),
        reanalysed=round(learning.reanalyse * learning.batch),
        ewc_weight=learning.ewc_weight,
    )


def make_ppo_recipe(config: RunConfig, *, lanes: int, steps: int) -> PpoRecipe:
    """The updates of PPO that a config asks for.

    Args:
        lanes: played side by side.
        steps: rows of each of them that are learned from together.
    """
    ppo = config.ppo
    return PpoRecipe(
        lanes=lanes,
        steps=steps,
        epochs=ppo.epochs,
        minibatches=ppo.minibatches,
        learning_rate=ppo.learning_rate,
        annealed_over=ppo.annealed_over,
        discount=ppo.discount,
        trace=ppo.trace,
        clip=ppo.clip,
        entropy=ppo.entropy,
        value=ppo.value,
        gradient_clip=ppo.gradient_clip,
        drift=make_dpo() if ppo.drift == "dpo" else None,
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

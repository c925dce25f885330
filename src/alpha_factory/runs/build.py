"""What a config asks for, made: recipe, policy and model. Settings in, parts of the stages out."""

import jax
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Policy
from alpha_factory.learn import Recipe, make_optimiser
from alpha_factory.nets import Model
from alpha_factory.runs.config import RunConfig
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
)


def derive_key(seed: int, stage: str, index: int) -> PRNGKeyArray:
    """The key of a stage's `index`-th turn. It follows from the seed alone, never from the past."""
    stages = jax.random.fold_in(jax.random.key(seed), STAGES.index(stage))
    return jax.random.fold_in(stages, index)


def make_untrained(config: RunConfig) -> Model:
    """The model that a run of this config starts from."""
    world = make_grid()
    return Model(
        FEATURES,
        world.actions,
        widths=config.network.widths,
        latent=config.network.latent,
        head=config.network.head,
        key=derive_key(config.seed, "begin", 0),
    )


def make_recipe(config: RunConfig) -> Recipe:
    """The update that a config asks for.

    Raises:
        UsageError: the first updates would find no whole sequence to draw.
    """
    learning = config.learning
    recipe = Recipe(
        optimiser=make_optimiser(
            learning_rate=learning.learning_rate,
            decay_updates=learning.decay_updates,
            final_share=learning.final_share,
            weight_decay=learning.weight_decay,
            clip=learning.clip,
        ),
        batch=learning.batch,
        unroll=learning.unroll,
        horizon=learning.horizon,
        discount=learning.discount,
        reward_weight=learning.reward_weight,
        target_period=learning.target_period,
        alpha=learning.alpha,
        beta=learning.beta,
    )
    if learning.steps < recipe.window:
        raise UsageError(
            f"learning.steps={learning.steps} is too few: unroll={learning.unroll} and "
            f"horizon={learning.horizon} draw sequences of {recipe.window} rows, and the first "
            f"updates come after that many steps. Set learning.steps={recipe.window} or more."
        )
    return recipe


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

"""Batches to a better policy."""

from alpha_factory.learn.muzero import (
    Learner,
    Losses,
    Recipe,
    fit,
    make_optimiser,
    start_learner,
    unrolled_loss,
    update,
)

__all__ = [
    "Learner",
    "Losses",
    "Recipe",
    "fit",
    "make_optimiser",
    "start_learner",
    "unrolled_loss",
    "update",
]

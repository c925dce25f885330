"""Batches to a better policy."""

from alpha_factory.learn.ewc import Consolidation, consolidate, drift, estimate_fisher
from alpha_factory.learn.muzero import (
    LARGEST_NORM,
    MOST_SKIPPED,
    Learner,
    Losses,
    Recipe,
    fit,
    start_learner,
    update,
)
from alpha_factory.learn.optimiser import make_optimiser
from alpha_factory.learn.train import (
    FISHER_AT_A_TIME,
    Practice,
    Progress,
    Student,
    keep,
    start_student,
    train,
)

__all__ = [
    "FISHER_AT_A_TIME",
    "LARGEST_NORM",
    "MOST_SKIPPED",
    "Consolidation",
    "Learner",
    "Losses",
    "Practice",
    "Progress",
    "Recipe",
    "Student",
    "consolidate",
    "drift",
    "estimate_fisher",
    "fit",
    "keep",
    "make_optimiser",
    "start_learner",
    "start_student",
    "train",
    "update",
]

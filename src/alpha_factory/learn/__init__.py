"""Batches to a better policy."""

from alpha_factory.learn.craft import (
    Craft,
    MuzeroReport,
    Scholar,
    make_muzero_craft,
    make_ppo_craft,
)
from alpha_factory.learn.ewc import Consolidation, consolidate, drift, estimate_fisher
from alpha_factory.learn.guard import LARGEST_NORM, MOST_SKIPPED
from alpha_factory.learn.mirror import make_dpo
from alpha_factory.learn.muzero import (
    Learner,
    Losses,
    Recipe,
    fit,
    start_learner,
    update,
)
from alpha_factory.learn.noise import to_lanes
from alpha_factory.learn.optimiser import make_optimiser
from alpha_factory.learn.ppo import PpoLearner, PpoReport, improve, start_ppo
from alpha_factory.learn.surrogate import PpoLosses, PpoRecipe
from alpha_factory.learn.train import (
    FISHER_AT_A_TIME,
    Practice,
    Progress,
    Student,
    keep,
    start_student,
    train,
)
from alpha_factory.learn.travel import Journey, Traveller, Travels, start_traveller, travel

__all__ = [
    "FISHER_AT_A_TIME",
    "LARGEST_NORM",
    "MOST_SKIPPED",
    "Consolidation",
    "Craft",
    "Journey",
    "Learner",
    "Losses",
    "MuzeroReport",
    "PpoLearner",
    "PpoLosses",
    "PpoRecipe",
    "PpoReport",
    "Practice",
    "Progress",
    "Recipe",
    "Scholar",
    "Student",
    "Traveller",
    "Travels",
    "consolidate",
    "drift",
    "estimate_fisher",
    "fit",
    "improve",
    "keep",
    "make_dpo",
    "make_muzero_craft",
    "make_optimiser",
    "make_ppo_craft",
    "start_learner",
    "start_ppo",
    "start_student",
    "start_traveller",
    "to_lanes",
    "train",
    "travel",
    "update",
]

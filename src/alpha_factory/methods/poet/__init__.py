"""POET's palette of four mutation operators (Wang et al. 2019; paper, section 4.3)."""

from alpha_factory.curriculum import Mutator
from alpha_factory.genome import OPERATORS, mutate

METHOD = {"Mutator": {"poet": Mutator(mutate, OPERATORS)}}

__all__ = ["METHOD"]

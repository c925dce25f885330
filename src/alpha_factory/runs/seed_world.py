"""The world that every run starts from: e_0 of the paper's Algorithm 3."""

import numpy as np

from alpha_factory.genome import from_values


def seed_genome() -> np.ndarray:
    """A small open room with a goal a few steps away.

    Its code fields are set to arbitrary numbers, not to 0, so that a flipped switch elsewhere
    (a second room, clutter, a trap) finds doorways and places that are not all in one corner.
    """
    return from_values(
        {
            "width": 3,
            "height": 3,
            "layout_seed": 40_503,
            "links_across": 0b010010100001,
            "links_down": 0b000100101000,
            "start_row": 8,
            "start_column": 8,
            "goal_depth": 100,
            "goal_shuffle": 21,
            "patience": 12,
            "key_depth": 96,
            "entity_seed": 27_919,
            "trap_odds": 120,
            "trap_penalty": 100,
            "dense": 60,
            "rule_0": 31,
            "rule_1": 31,
            "rule_2": 31,
            "rule_3": 31,
        }
    )

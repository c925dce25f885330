"""The world that every run starts from: e_0 of the paper's Algorithm 3."""

import numpy as np

from alpha_factory.genome import FIELDS, from_values

# Gray code: flipping its first bit takes an 8-bit number from 60 to 195, a little of what begins at 193.
_ALMOST = 60
_ENTITIES = ("traps", "lava", "ice", "boxes", "coins", "gates", "teleporters", "conveyors")
_NEARLY_NONE = (*_ENTITIES, "one_way", "doors", "decoy", "step_cost", "hint", "dense_line")


def seed_genome() -> np.ndarray:
    """A small open room with a goal a few steps away.

    Its code fields are set to arbitrary numbers, not to 0, so that a flipped switch elsewhere
    (a second room, clutter, a trap) finds doorways and places that are not all in one corner. What
    is off is one mutation away from being on a little, not from being on in full.
    """
    values = dict.fromkeys(_NEARLY_NONE, _ALMOST)
    values |= dict.fromkeys(("drag", "friction", "slip"), 40_000) | {"restitution": 26_000}
    values |= {"gravity": 3_000, "wind": 3_000}
    values |= {name: 0b0101 for name in FIELDS if name.endswith("_spawn")}
    values |= {f"rule_{slot}": 255 for slot in range(4)}
    return from_values(
        values
        | {
            "layout_seed": 40_503,
            "links_across": 0b010010100001,
            "links_down": 0b000100101000,
            "start_row": 8,
            "start_column": 8,
            "goal_depth": 56,
            "goal_shuffle": 21,
            "patience": 12,
            "key_depth": 96,
            "button_depth": 96,
            "teleporter_depth": 160,
            "decoy_depth": 100,
            "twist": 6,
            "entity_seed": 27_919,
            "opponent_seed": 155,
            "conveyor_seed": 93,
            "trap_odds": 120,
            "patrols": 3,
            "chasers": 2,
            "penalty": 100,
            "dense": _ALMOST,
            "coin_share": 160,
        }
    )

"""The kinds of tile, their codes in arrays, their symbols in text, and what they do to who enters."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Integer

# fmt: off
(FLOOR, WALL, GOAL, KEY, DOOR, TRAP, OPEN_DOOR, LAVA, ICE, TELEPORT, BUTTON, GATE, COIN, BOX,
 DECOY) = range(15)
# fmt: on
ONE_WAY = 15
"""One way: may be entered only in its heading, which is added to this code."""
CONVEYOR = 19
"""A belt that carries in its heading, which is added to this code."""
KINDS = 23

SYMBOLS = ".#GKDT'~_O!|$B?)u(n]U[A"
"""Symbol of each kind, in the order of the codes."""
NAMES = (
    *("floor", "wall", "goal", "key", "door", "trap", "open door", "lava", "ice", "teleporter"),
    *("button", "gate", "coin", "box", "decoy"),
    *("one-way right", "one-way down", "one-way left", "one-way up"),
    *("conveyor right", "conveyor down", "conveyor left", "conveyor up"),
)

HEADINGS = ("right", "down", "left", "up")
HEADING_SYMBOLS = ">v<^"
ROW_STEP = (0, 1, 0, -1)
COLUMN_STEP = (1, 0, -1, 0)

OPPONENTS = 4
"""How many opponents a level has room for."""
NOBODY, PATROL, CHASER = range(3)
OPPONENT_SYMBOLS = "HVC"
"""On floor: a patrol that sets out to the right, one that sets out downwards, a chaser."""

TURN_LEFT, TURN_RIGHT, FORWARD = range(3)


def is_among(tile: Integer[Array, "*cells"], kinds: tuple[int, ...]) -> Bool[Array, "*cells"]:
    """Whether each tile is of one of these kinds.

    One shift a cell instead of a comparison a kind.
    """
    mask = sum(1 << kind for kind in kinds)
    return ((jnp.uint32(mask) >> tile.astype(jnp.uint32)) & jnp.uint32(1)) != 0

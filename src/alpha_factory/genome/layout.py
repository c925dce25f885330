"""The one table of the 512-bit genome: what every bit means.

Encoding, decoding, JSON, its schema, mutation and the docs page all read `FIELDS`; nothing else
knows an offset. Sections and their sizes are those of the paper, section 4.1. A field lies inside
one aligned block of 16 bits, so that the block swap of section 4.3 exchanges whole fields.
"""

from typing import Literal, NamedTuple

BITS = 512
WORD_BITS = 32
WORDS = BITS // WORD_BITS
BLOCK_BITS = 16

SECTIONS = {"topology": 128, "physics": 96, "entities": 160, "reward": 64, "rules": 64}

Kind = Literal["number", "real", "code"]


class Field(NamedTuple):
    """A named run of bits.

    `number` and `real` are Gray-coded, so that the next value is one bit away; a `real` stands
    for value / (2^width - 1) in [0, 1]. `code` is plain binary: its values are names, hash seeds
    or masks and have no order.
    """

    name: str
    section: str
    offset: int
    width: int
    kind: Kind
    meaning: str

    @property
    def is_gray(self) -> bool:
        return self.kind != "code"

    @property
    def largest(self) -> int:
        return 2**self.width - 1


# "amount" below is max(0, value - 192) / 63: three quarters of all values mean none.
_TABLE: dict[str, tuple[tuple[str, int, Kind, str], ...]] = {
    "topology": (
        ("width", 5, "number", "columns of cells: 8 + value * value // 40, so 8 to 32"),
        ("height", 5, "number", "rows of cells: 8 + value * value // 40, so 8 to 32"),
        ("style", 2, "code", "0 and 1 rooms, 2 a perfect maze, 3 an open field"),
        ("openness", 4, "number", "share value / 15 of closed links that open all the same"),
        ("layout_seed", 16, "code", "hash seed of where doorways, corridors and clutter lie"),
        ("rooms_across", 2, "number", "rooms side by side: 1 + value, while each takes 4 columns"),
        ("rooms_down", 2, "number", "rooms one above another: 1 + value, at 4 rows or more each"),
        ("loops", 4, "number", "share value / 15 * 0.3 of a maze's inner walls that are opened"),
        ("clutter", 8, "number", "share value / 255 * 0.3 of cells that are walls"),
        ("one_way", 8, "number", "share amount of doorways that may be passed in one direction"),
        ("start_row", 4, "number", "row of the start, as a share value / 16 of the height"),
        ("start_column", 4, "number", "column of the start, as a share value / 16 of the width"),
        ("start_heading", 2, "code", "0 right, 1 down, 2 left, 3 up"),
        ("goal_shuffle", 6, "code", "which of the cells at about that distance holds the goal"),
        (
            "goal_depth",
            8,
            "number",
            "the goal lies 1 - (1 - value / 255)^2 of the way to the farthest cell",
        ),
        ("links_across", 12, "code", "a set bit closes the link between two rooms side by side"),
        ("patience", 4, "number", "step limit per cell of the way: 4 + value / 2"),
        ("links_down", 12, "code", "a set bit closes the link between two rooms above another"),
        ("twist", 4, "number", "how winding the corridors of a maze are"),
        ("doors", 8, "number", "share amount of doorways that are locked"),
        ("key_depth", 8, "number", "how far along the cells reachable without a key it lies"),
    ),
    "physics": (
        ("gravity", 16, "real", "four directions in turn, strongest in the middle of each quarter"),
        ("wind", 16, "real", "as gravity, but it blows in every other four steps"),
        ("drag", 16, "real", "speed lost at full speed: max(0, value - 0.75) * 3"),
        ("friction", 16, "real", "grip of the legs: 1 - max(0, value - 0.75) * 3.5"),
        ("restitution", 16, "real", "speed that a wall gives back: max(0, value - 0.5) * 2"),
        ("slip", 16, "real", "chance of a push doing nothing: max(0, value - 0.75)"),
    ),
    "entities": (
        ("entity_seed", 16, "code", "hash seed of where entities lie"),
        ("traps", 8, "number", "share amount * 0.15 of free cells with a trap"),
        ("trap_odds", 8, "number", "chance that a trap entered fires: (1 + value) / 256"),
        ("lava", 8, "number", "share amount * 0.15 of free cells that are lava"),
        ("ice", 8, "number", "share amount * 0.5 of free cells that are ice"),
        ("boxes", 8, "number", "share amount * 0.1 of free cells with a box"),
        ("coins", 8, "number", "share amount * 0.1 of free cells with a coin"),
        ("gates", 8, "number", "share amount of doorways that have a gate"),
        (
            "button_depth",
            8,
            "number",
            "how far along the cells reachable before it the button lies",
        ),
        ("teleporters", 8, "number", "a pair of teleporters where amount is above 0"),
        ("conveyors", 8, "number", "share amount * 0.15 of free cells that are conveyors"),
        ("patrols", 4, "number", "walk up and down: max(0, value - 11); with chasers 4 at most"),
        ("chasers", 4, "number", "opponents that come nearer: max(0, value - 11) // 2"),
        ("opponent_seed", 8, "code", "which free cells away from the start they set out from"),
        ("chaser_pace", 4, "number", "steps for each of a chaser's: 2 + value // 4"),
        ("patrol_pace", 4, "number", "steps for each of a patrol's: 1 + value // 4"),
        ("teleporter_depth", 8, "number", "how far from the start the second teleporter lies"),
        ("trap_spawn", 4, "code", "spawn rule of traps, as listed in the docs"),
        ("lava_spawn", 4, "code", "spawn rule of lava"),
        ("coin_spawn", 4, "code", "spawn rule of coins"),
        ("box_spawn", 4, "code", "spawn rule of boxes"),
        ("ice_spawn", 4, "code", "spawn rule of ice"),
        ("conveyor_spawn", 4, "code", "spawn rule of conveyors"),
        ("conveyor_seed", 8, "code", "hash seed of where conveyors lead"),
    ),
    "reward": (
        ("dense", 8, "number", "share max(0, value - 96) / 159 * 0.5 of reward paid on the way"),
        ("penalty", 8, "number", "what a trap, lava or an opponent costs: value / 255 * 0.9"),
        ("decoy", 8, "number", "above 0: a decoy, which ends it for amount * 0.5 of the goal"),
        (
            "decoy_depth",
            8,
            "number",
            "value / 510 of the way to the farthest cell; no decoy if that is beyond the goal",
        ),
        ("step_cost", 8, "number", "amount * 0.05, spread over the step limit"),
        ("hint", 8, "number", "share amount * 0.1 for the first key and for the first button"),
        ("coin_share", 8, "number", "share value / 255 * 0.3 that all coins pay together"),
        ("dense_line", 8, "number", "above 191: dense reward goes by the crow, not by the way"),
    ),
    "rules": tuple(
        entry
        for slot in range(4)
        for entry in (
            (f"rule_{slot}", 8, "code", "template as listed in the docs; from 57 up none"),
            (f"rule_{slot}_n", 4, "number", "the number of its trigger"),
            (f"rule_{slot}_m", 4, "number", "the number or direction of its effect"),
        )
    ),
}


def _lay_out() -> dict[str, Field]:
    fields, offset = {}, 0
    for section, entries in _TABLE.items():
        start = offset
        for name, width, kind, meaning in entries:
            fields[name] = Field(name, section, offset, width, kind, meaning)
            offset += width
        assert offset - start == SECTIONS[section], (section, offset - start)
    for field in fields.values():
        last = field.offset + field.width - 1
        assert field.offset // BLOCK_BITS == last // BLOCK_BITS, field
    return fields


FIELDS: dict[str, Field] = _lay_out()

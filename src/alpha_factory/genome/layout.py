"""The one table of the 512-bit genome: what every bit means.

Encoding, decoding, JSON, mutation and the docs page all read `FIELDS`; nothing else knows an
offset. Sections and their sizes are those of the paper, section 4.1. A field lies inside one
32-bit word, and fields of 16 bits or more are aligned to 16 bits, so that the block swap of section
4.3 exchanges them whole.
"""

from typing import Literal, NamedTuple

BITS = 512
WORD_BITS = 32
WORDS = BITS // WORD_BITS
BLOCK_BITS = 16

SECTIONS = {"topology": 128, "physics": 96, "entities": 160, "reward": 64, "rules": 64}

Kind = Literal["number", "real", "code", "spare"]


class Field(NamedTuple):
    """A named run of bits.

    `number` and `real` are Gray-coded, so that the next value is one bit away; a `real` stands
    for value / (2^width - 1) in [0, 1]. `code` is plain binary: its values are names, hash seeds
    or masks and have no order. `spare` is inherited and mutated, and no part of the engine reads
    it yet.
    """

    name: str
    section: str
    offset: int
    width: int
    kind: Kind
    meaning: str

    @property
    def is_gray(self) -> bool:
        return self.kind in ("number", "real")

    @property
    def largest(self) -> int:
        return 2**self.width - 1


_TABLE: dict[str, tuple[tuple[str, int, Kind, str], ...]] = {
    "topology": (
        ("width", 4, "number", "columns of cells: 5 + value * 9 // 16, so 5 to 13"),
        ("height", 4, "number", "rows of cells: 5 + value * 9 // 16, so 5 to 13"),
        ("rooms_across", 2, "number", "rooms side by side: 1 + value, while each is 2 wide"),
        ("rooms_down", 2, "number", "rooms one above another: 1 + value, while each is 2 high"),
        ("openness", 4, "number", "share value / 15 of closed links that open all the same"),
        ("layout_seed", 16, "code", "hash seed of where doorways and clutter lie"),
        ("links_across", 12, "code", "a set bit closes the link between two rooms side by side"),
        ("links_down", 12, "code", "a set bit closes the link between two rooms above another"),
        ("clutter", 8, "number", "share value / 255 * 0.4 of cells that are walls"),
        ("start_row", 4, "number", "row of the start, as a share value / 16 of the height"),
        ("start_column", 4, "number", "column of the start, as a share value / 16 of the width"),
        ("start_heading", 2, "code", "0 right, 1 down, 2 left, 3 up"),
        ("goal_depth", 8, "number", "how far along the cells ordered by distance the goal lies"),
        ("goal_shuffle", 6, "code", "which of the cells at about that distance holds the goal"),
        ("patience", 4, "number", "step limit per cell of the way: 4 + value / 2"),
        ("spare_a", 4, "spare", ""),
        ("spare_b", 32, "spare", ""),
    ),
    "physics": (
        ("slip", 16, "real", "chance of a forward step doing nothing: max(0, value - 0.5) / 2"),
        ("spare_c", 16, "spare", ""),
        ("spare_d", 32, "spare", ""),
        ("spare_e", 32, "spare", ""),
    ),
    "entities": (
        ("traps", 8, "number", "share max(0, value - 128) / 127 * 0.15 of free cells with a trap"),
        ("trap_odds", 8, "number", "chance that a trap entered fires: (1 + value) / 256"),
        ("doors", 8, "number", "share max(0, value - 128) / 127 of doorways that are locked"),
        ("key_depth", 8, "number", "how far along the cells reachable without a key it lies"),
        ("entity_seed", 16, "code", "hash seed of where traps and doors lie"),
        ("spare_f", 16, "spare", ""),
        ("spare_g", 32, "spare", ""),
        ("spare_h", 32, "spare", ""),
        ("spare_i", 32, "spare", ""),
    ),
    "reward": (
        ("dense", 8, "number", "share max(0, value - 96) / 159 * 0.5 of reward paid on the way"),
        ("trap_penalty", 8, "number", "what a firing trap costs: value / 255"),
        ("spare_j", 16, "spare", ""),
        ("spare_k", 32, "spare", ""),
    ),
    "rules": tuple(
        entry
        for slot in range(4)
        for entry in (
            (f"rule_{slot}", 8, "code", "template: value % 32 as listed in `genome.rules`"),
            (f"rule_{slot}_period", 8, "number", "steps in force and steps at rest: 4 + value / 8"),
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
        assert field.offset // WORD_BITS == last // WORD_BITS, field
        assert field.width < BLOCK_BITS or field.offset % BLOCK_BITS == 0, field
    return fields


FIELDS: dict[str, Field] = _lay_out()

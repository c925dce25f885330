"""What the agent sees: the 1,024 bits, and codes of cells."""

from fractions import Fraction

from reference.level import NAMES, PATROL
from reference.physics import is_gate_open
from reference.rules import find_force
from reference.search import AHEAD, HEADINGS

OPEN_GATE, PATROL_SHOWN, CHASER_SHOWN, HIDDEN, AGENT = 23, 24, 25, 26, 27
LOOKS = (
    *("wall", "goal", "key", "door", "trap", "conveyor", "lava", "ice", "teleporter", "button"),
    *("gate", "coin", "box", "decoy", "opponent", "hidden", "right", "down", "left", "up"),
)
GROUPS = (
    ("left and right swap",),
    ("forward goes backwards",),
    ("the controls rotate",),
    ("the legs freeze", "turning fails", "the floor is mud"),
    ("the floor is ice", "the floor carries {direction}", "walls bounce"),
    ("the view is mirrored", "memory fades"),
    (
        *("the gates stay shut", "doors jam", "boxes are too heavy", "teleporters are off"),
        "the goal is closed",
    ),
    (
        *("traps always fire", "opponents hurry", "steps cost double", "time runs double"),
        *("coins are worthless", "the tide takes {n} rows"),
    ),
    (
        *("traps never fire", "lava is safe", "opponents wait", "chasers flee"),
        *("opponents do no harm", "the gates stand open", "walls let through"),
    ),
    ("conveyors run backwards", "conveyors stand still"),
)


def observe(episode) -> list[bool]:
    """The symbolic basis."""
    force = find_force(episode)
    bits = []
    for ahead in range(5):
        for aside in range(-2, 3):
            looks = _look(episode, force, ahead, aside)
            bits += [name in looks for name in LOOKS]
    now = in_view(episode)
    for ahead in range(-5, 6):
        for aside in range(-5, 6):
            cell = place(episode, force, ahead, aside)
            is_known = cell in now or cell in episode.remembered
            bits += [is_known and mark for mark in _map_marks(episode, force, cell)]
    bits += _feel(episode, force)
    assert len(bits) == 1024
    return bits


def _look(episode, force, ahead: int, aside: int) -> set[str]:
    """The names of the bits that are set for one cell of the view."""
    if not is_clear(force, ahead, aside):
        return {"hidden"}
    cell = place(episode, force, ahead, aside)
    kind = shown_kind(episode, force, cell)
    looks = {"opponent"} if cell in episode.opponent_places else set()
    if kind == "gate" and is_gate_open(episode, force):
        return looks
    if kind.startswith(("one-way", "conveyor")):
        what, direction = kind.split()
        return looks | {direction} | ({what} & {"conveyor"})
    return looks | ({kind} - {"floor", "open door"})


def _map_marks(episode, force, cell) -> list[bool]:
    """Blocks, way, visited, goal."""
    kind = episode.kind(cell)
    is_up = kind == "gate" and is_gate_open(episode, force)
    return [
        kind in ("wall", "door", "gate") and not is_up,
        kind != "wall",
        cell in episode.visited,
        kind == "goal",
    ]


def _feel(episode, force) -> list[bool]:
    level, heading = episode.level, episode.heading
    left = Fraction(level.step_limit - episode.time, level.step_limit)
    flip = -1 if force.has("gravity flips") else 1
    gravity = tuple(flip * level.physics.gravity[axis] + 4 * force.pull[axis] for axis in range(2))
    wind = (0, 0) if force.has("the wind drops") else level.physics.wind

    def along(vector):
        """Ahead, right, back, left."""
        turns = [AHEAD[(heading + turn) % 4] for turn in range(4)]
        return [vector[0] * one[0] + vector[1] * one[1] for one in turns]

    return [
        episode.has_key,
        is_gate_open(episode, force),
        *(left > Fraction(eighth, 8) for eighth in range(8)),
        *(level.physics.slip > sixteenth / 16 for sixteenth in range(4)),
        *(part > 0 for part in along(episode.velocity)),
        *(part > 8 for part in along(episode.velocity)),
        *(part > 0 for part in along(gravity)),
        *(part > 0 for part in along(wind)),
        *(any(force.has(phrase) for phrase in group) for group in GROUPS),
    ]


def show_view(episode, side: int) -> list[list[int]]:
    """Codes of an egocentric view, the farthest row first."""
    force, rows = find_force(episode), []
    for ahead in range(side - 1, -1, -1):
        row = []
        for aside in range(-(side // 2), side // 2 + 1):
            cell = place(episode, force, ahead, aside)
            kind = shown_kind(episode, force, cell)
            code = _show(episode, force, cell, kind)
            if not is_clear(force, ahead, aside):
                code = HIDDEN
            row.append(AGENT + HEADINGS.index("up") if (ahead, aside) == (0, 0) else code)
        rows.append(row)
    return rows


def show_all(episode) -> list[list[int]]:
    """Codes of all cells; what fog and darkness leave is what they leave in a view."""
    force, side = find_force(episode), range(episode.level.side)
    clear = in_view(episode)
    is_obscured = force.has("fog falls") or force.has("darkness falls")
    rows = []
    for row in side:
        codes = []
        for cell in [(row, column) for column in side]:
            code = _show(episode, force, cell, episode.kind(cell))
            if is_obscured and cell not in clear:
                code = HIDDEN
            codes.append(AGENT + episode.heading if cell == episode.cell else code)
        rows.append(codes)
    return rows


def _show(episode, force, cell, kind: str) -> int:
    """The code of a tile, or of the last opponent on it."""
    code = NAMES.index(kind)
    if kind == "gate" and is_gate_open(episode, force):
        code = OPEN_GATE
    for one, there in zip(episode.level.opponents, episode.opponent_places, strict=True):
        if there == cell:
            code = PATROL_SHOWN if one.kind == PATROL else CHASER_SHOWN
    return code


def is_clear(force, ahead: int, aside: int) -> bool:
    """Whether fog and darkness leave a place visible."""
    if force.has("darkness falls"):
        return (ahead, aside) == (0, 0)
    return not force.has("fog falls") or (ahead in (0, 1) and aside in (-1, 0, 1))


def in_view(episode) -> set[tuple[int, int]]:
    """The cells that the 5 x 5 view holds and nothing hides."""
    force = find_force(episode)
    where = [(ahead, aside) for ahead in range(5) for aside in range(-2, 3)]
    return {place(episode, force, *one) for one in where if is_clear(force, *one)}


def place(episode, force, ahead: int, aside: int) -> tuple[int, int]:
    """The cell that is shown so far ahead and to the right of the agent."""
    if force.has("the view is mirrored"):
        aside = -aside
    forward, right = AHEAD[episode.heading], AHEAD[(episode.heading + 1) % 4]
    return (
        episode.cell[0] + ahead * forward[0] + aside * right[0],
        episode.cell[1] + ahead * forward[1] + aside * right[1],
    )


def shown_kind(episode, force, cell) -> str:
    """The tile of a cell, with its direction as the agent sees it: ahead is up."""
    kind = episode.kind(cell)
    if not kind.startswith(("one-way", "conveyor")):
        return kind
    what, direction = kind.split()
    shown = HEADINGS[(HEADINGS.index(direction) - episode.heading + HEADINGS.index("up")) % 4]
    if force.has("the view is mirrored"):
        shown = {"right": "left", "left": "right"}.get(shown, shown)
    return f"{what} {shown}"

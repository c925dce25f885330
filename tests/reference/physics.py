"""How the agent and its opponents move, in whole numbers: 1/16 of a cell, shares of 1/256."""

from dataclasses import dataclass

from reference.level import CHASER
from reference.search import AHEAD, HEADINGS, beside

FASTEST = 16
BORDER = 8
WALKED = {"floor", "trap", "open door", "ice", "button", "coin"}
"""What opponents walk on, besides conveyors."""


@dataclass
class Motion:
    """Where a step took the body."""

    cell: tuple[int, int]
    offset: tuple[int, int]
    velocity: tuple[int, int]
    entered: str | None = None  # the tile entered, as it was
    box_to: tuple[int, int] | None = None
    box_onto: str | None = None  # the tile there, as it was
    is_bumped: bool = False


def accelerate(episode, force, way: int, is_pushing: bool) -> tuple[int, int]:
    """The velocity of a step."""
    physics, under = episode.level.physics, episode.tile[episode.cell]
    speed = FASTEST // 2 if force.has("the floor is mud") else FASTEST
    if not is_pushing or force.has("the legs freeze"):
        speed = 0
    belt = (0, 0)
    if under.startswith("conveyor") and not force.has("conveyors stand still"):
        belt = AHEAD[HEADINGS.index(under.removeprefix("conveyor "))]
        if force.has("conveyors run backwards"):
            belt = (-belt[0], -belt[1])

    grip = physics.friction
    if under == "ice" or force.has("the floor is ice"):
        grip = 256 if episode.velocity == (0, 0) else 0
    is_blowing = episode.time % 8 >= 4 and not force.has("the wind drops")
    velocity = []
    for axis in range(2):
        wanted = cut(speed * AHEAD[way][axis] + FASTEST * (belt[axis] + force.carry[axis]))
        now = episode.velocity[axis]
        now += share(wanted - now, grip)
        now -= share(now, abs(now) * physics.drag // 16)
        now += -physics.gravity[axis] if force.has("gravity flips") else physics.gravity[axis]
        now += 4 * force.pull[axis]
        now += physics.wind[axis] if is_blowing else 0
        velocity.append(cut(now))
    return tuple(velocity)


def travel(episode, force, way: int, velocity: tuple[int, int]) -> Motion:
    """What a velocity does to the body in one step."""
    reached = [episode.offset[axis] + velocity[axis] for axis in range(2)]
    sides = [(one > 0) - (one < 0) for one in velocity]
    is_crossing = [reached[axis] * sides[axis] >= BORDER for axis in range(2)]
    main = _main_axis(is_crossing, velocity, way)
    restitution = 256 if force.has("walls bounce") else episode.level.physics.restitution

    motion = Motion(episode.cell, (0, 0), velocity)
    offset, after = list(reached), list(velocity)
    for axis in range(2):
        step = tuple(sides[axis] if axis == one else 0 for one in range(2))
        there = episode.cell[0] + step[0], episode.cell[1] + step[1]
        if reached[axis] * sides[axis] <= 0:
            continue  # at rest, or on the way back to the middle
        if not _can_enter(episode, force, there, step, may_push=axis == main):
            offset[axis] = 0
            after[axis] = -sides[axis] * (abs(velocity[axis]) * restitution // 256)
            motion.is_bumped |= abs(velocity[axis]) >= BORDER
        elif is_crossing[axis] and axis != main:
            offset[axis] = episode.offset[axis]
        elif is_crossing[axis]:
            offset[axis] = reached[axis] - FASTEST * sides[axis]
            motion.cell, motion.entered = there, episode.kind(there)
            if motion.entered == "box":
                motion.box_to = there[0] + step[0], there[1] + step[1]
                motion.box_onto = episode.kind(motion.box_to)
    motion.offset, motion.velocity = tuple(offset), tuple(after)
    return motion


def _main_axis(is_crossing, velocity, way: int) -> int:
    """The axis on which a border may be crossed and a box pushed: 0 for rows, 1 for columns."""
    if is_crossing[0] == is_crossing[1]:
        down, across = map(abs, velocity)
        return int(across > down or (across == down and HEADINGS[way] in ("right", "left")))
    return int(is_crossing[1])


def _can_enter(episode, force, place, step, *, may_push: bool) -> bool:
    rows, columns = episode.level.size
    if not (0 <= place[0] < rows and 0 <= place[1] < columns) or place[0] >= rows - force.tide:
        return False
    kind = episode.kind(place)
    if kind == "wall":
        return force.has("walls let through")
    if kind == "door":
        return episode.has_key and not force.has("doors jam")
    if kind == "gate":
        return is_gate_open(episode, force)
    if kind == "goal":
        return not force.has("the goal is closed")
    if kind.startswith("one-way"):
        return AHEAD[HEADINGS.index(kind.removeprefix("one-way "))] == step
    if kind == "box":
        beyond = place[0] + step[0], place[1] + step[1]
        return (
            may_push
            and not force.has("boxes are too heavy")
            and episode.kind(beyond) in ("floor", "button", "lava")
            and beyond not in episode.opponent_places
        )
    return True


def is_gate_open(episode, force) -> bool:
    """Whether the gates let through; shut wins over open."""
    is_open = episode.is_open or force.has("the gates stand open")
    return is_open and not force.has("the gates stay shut")


def move_opponents(episode, force) -> list[tuple[tuple[int, int], int]]:
    """Places and headings after a step."""
    moved = []
    for one, (place, heading) in zip(episode.level.opponents, episode.opponents, strict=True):
        pace = 1 if force.has("opponents hurry") else one.pace
        if episode.time % pace or force.has("opponents wait"):
            moved.append((place, heading))
        elif one.kind == CHASER:
            moved.append((_chase(episode, force, place), heading))
        elif _is_walked(episode, beside(place, heading)):
            moved.append((beside(place, heading), heading))
        else:
            moved.append((place, (heading + 2) % 4))
    return moved


def _chase(episode, force, place):
    """A cell nearer to the agent, or away from it."""
    down, across = episode.cell[0] - place[0], episode.cell[1] - place[1]
    if force.has("chasers flee"):
        down, across = -down, -across
    by_row = ("down" if down > 0 else "up") if down else None
    by_column = ("right" if across > 0 else "left") if across else None
    order = (by_row, by_column) if abs(down) >= abs(across) else (by_column, by_row)
    for direction in order:
        if direction and _is_walked(episode, beside(place, HEADINGS.index(direction))):
            return beside(place, HEADINGS.index(direction))
    return place


def _is_walked(episode, place) -> bool:
    kind = episode.kind(place)
    return kind in WALKED or kind.startswith("conveyor")


def share(number: int, part: int) -> int:
    """A share of a number, rounded away from 0."""
    size = -(-abs(number) * part // 256)
    return size if number > 0 else -size


def cut(speed: int) -> int:
    return max(-FASTEST, min(FASTEST, speed))

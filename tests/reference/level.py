"""A grid level as plain numbers: read from the engine's form, written to it, or drawn at random."""

import random
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.genome import SLOTS, TEMPLATES, Rule
from alpha_factory.genome.rules import EFFECTS, TRIGGERS
from alpha_factory.worlds.levels.level import GridLevel, Physics, Reward, Rules
from reference import search

SYMBOLS = ".#GKDT'~_O!|$B?)u(n]U[A"
NAMES = (
    *("floor", "wall", "goal", "key", "door", "trap", "open door", "lava", "ice", "teleporter"),
    *("button", "gate", "coin", "box", "decoy"),
    *("one-way right", "one-way down", "one-way left", "one-way up"),
    *("conveyor right", "conveyor down", "conveyor left", "conveyor up"),
)
PATROL, CHASER = 1, 2
EMPTY = Rule(0, 0, 0, 0, 0)
SIDE = 13
"""Cells a side of the arrays of random levels: few, so that programs compile quickly."""

SCATTERED = 8 * "." + 3 * "#" + 2 * "KDT'~_!|$BB)u(n]U[A" + "?"
MAZE = "...#"


@dataclass(frozen=True)
class Opponent:
    kind: int
    place: tuple[int, int]
    heading: int
    pace: int


@dataclass(frozen=True)
class Ground:
    """Neutral by default: the plain grid."""

    gravity: tuple[int, int] = (0, 0)
    wind: tuple[int, int] = (0, 0)
    drag: int = 0
    friction: int = 256
    restitution: int = 0
    slip: float = 0.0


@dataclass(frozen=True)
class Pay:
    goal: float = 1.0
    dense: float = 0.0
    coin: float = 0.0
    decoy: float = 0.0
    hint: float = 0.0
    step_cost: float = 0.0
    penalty: float = 0.0
    is_hidden: bool = False


@dataclass(frozen=True)
class Level:
    """Tiles by name; `side` is that of the engine's arrays, `size` the level's own."""

    tile: dict[tuple[int, int], str]
    side: int
    size: tuple[int, int]
    start: tuple[int, int]
    heading: int
    goal: tuple[int, int]
    distance: dict[tuple[int, int], int] = field(default_factory=dict)
    teleport: tuple[tuple[int, int], ...] = ()
    opponents: tuple[Opponent, ...] = ()
    step_limit: int = 50
    trap_odds: float = 1.0
    physics: Ground = Ground()
    pay: Pay = Pay()
    rules: tuple[Rule, ...] = ()


def read_level(level: GridLevel) -> Level:
    """The plain form of a single level of the engine."""
    level = jax.tree.map(np.asarray, level)
    side = len(level.tile)
    cells = [(row, column) for row in range(side) for column in range(level.tile.shape[1])]
    tile = {cell: NAMES[level.tile[cell]] for cell in cells}
    who = zip(
        level.opponent.tolist(),
        map(tuple, level.opponent_start.tolist()),
        level.opponent_heading.tolist(),
        level.opponent_pace.tolist(),
        strict=True,
    )
    slots = zip(*(part.tolist() for part in jax.tree.leaves(level.rules)), strict=True)
    return Level(
        tile=tile,
        side=side,
        size=tuple(level.size.tolist()),
        start=tuple(level.start.tolist()),
        heading=int(level.heading),
        goal=tuple(level.goal.tolist()),
        distance={cell: int(level.distance[cell]) for cell in cells},
        teleport=tuple(map(tuple, level.teleport.tolist()))
        if "teleporter" in tile.values()
        else (),
        opponents=tuple(Opponent(*one) for one in who if one[0]),
        step_limit=int(level.step_limit),
        trap_odds=float(level.trap_odds),
        physics=Ground(
            gravity=tuple(level.physics.gravity.tolist()),
            wind=tuple(level.physics.wind.tolist()),
            drag=int(level.physics.drag),
            friction=int(level.physics.friction),
            restitution=int(level.physics.restitution),
            slip=float(level.physics.slip),
        ),
        pay=Pay(**{name: leaf.item() for name, leaf in vars(level.reward).items()}),
        rules=tuple(Rule(*codes) for codes in slots),
    )


def write_level(level: Level) -> GridLevel:
    """The engine's form of a plain level."""
    physics, empty = level.physics, 4 - len(level.opponents)

    def grid(cells, kind):
        rows = [[cells[row, column] for column in range(level.side)] for row in range(level.side)]
        return jnp.asarray(np.array(rows, kind))

    def whole(value):
        return jnp.array(value, jnp.int32)

    rules = [*level.rules, *[EMPTY] * (SLOTS - len(level.rules))]
    return GridLevel(
        tile=grid({cell: NAMES.index(kind) for cell, kind in level.tile.items()}, np.uint8),
        start=whole(level.start),
        heading=whole(level.heading),
        size=whole(level.size),
        goal=whole(level.goal),
        distance=grid(level.distance, np.int16),
        teleport=whole(level.teleport or [(0, 0), (0, 0)]),
        opponent=whole([one.kind for one in level.opponents] + [0] * empty),
        opponent_start=whole([one.place for one in level.opponents] + [(0, 0)] * empty),
        opponent_heading=whole([one.heading for one in level.opponents] + [0] * empty),
        opponent_pace=whole([one.pace for one in level.opponents] + [1] * empty),
        step_limit=whole(level.step_limit),
        trap_odds=jnp.float32(level.trap_odds),
        physics=Physics(
            gravity=whole(physics.gravity),
            wind=whole(physics.wind),
            drag=whole(physics.drag),
            friction=whole(physics.friction),
            restitution=whole(physics.restitution),
            slip=jnp.float32(physics.slip),
        ),
        reward=Reward(
            **{
                name: jnp.bool_(value) if name == "is_hidden" else jnp.float32(value)
                for name, value in vars(level.pay).items()
            }
        ),
        rules=Rules(*(whole(part) for part in zip(*rules, strict=True))),
    )


def random_level(
    seed: int,
    *,
    symbols: str = SCATTERED,
    most_steps: int = 60,
    is_neutral: bool = False,
    largest: int = 8,
) -> Level:
    """A level with anything in it; the goal need not be reachable.

    Args:
        symbols: what its cells are drawn from.
        is_neutral: neutral physics, no opponents, teleporters and rules.
        largest: rows and columns at the most.
    """
    draw = random.Random(seed)
    height, width = draw.randint(2, largest), draw.randint(2, largest)
    own = [(row, column) for row in range(height) for column in range(width)]
    tile = {(row, column): "wall" for row in range(SIDE) for column in range(SIDE)}
    for cell in own:
        tile[cell] = NAMES[SYMBOLS.index(draw.choice(symbols))]
    start, goal, *others = draw.sample(own, len(own))
    tile[start], tile[goal] = "floor", "goal"
    level = Level(
        tile=tile,
        side=SIDE,
        size=(height, width),
        start=start,
        heading=draw.randrange(4),
        goal=goal,
        step_limit=draw.randint(1, most_steps),
        trap_odds=draw.choice((0.0, 0.5, 1.0)),
        pay=_random_pay(draw),
    )
    if not is_neutral:
        level = _add_life(draw, level, others)
    is_crow = draw.random() < 0.2
    return replace(level, distance=search.distances(level.tile, goal, is_crow=is_crow))


def _add_life(draw: random.Random, level: Level, free: list[tuple[int, int]]) -> Level:
    """What a plain grid lacks."""
    teleport = ()
    if len(free) >= 4 and draw.random() < 0.4:
        teleport = tuple(free[:2])
        level.tile.update(dict.fromkeys(teleport, "teleporter"))
        free = free[2:]
    opponents = [
        Opponent(draw.choice((PATROL, CHASER)), place, draw.randrange(4), draw.randint(1, 3))
        for place in free[: draw.choice((0, 0, 1, 2, 4))]
    ]
    for one in opponents:
        level.tile[one.place] = "floor"
    rules = [_random_rule(draw) for _ in range(draw.choice((0, 1, 2, 4)))]
    physics = _random_physics(draw) if draw.random() < 0.6 else Ground()
    return replace(
        level, teleport=teleport, opponents=tuple(opponents), rules=tuple(rules), physics=physics
    )


def _random_physics(draw: random.Random) -> Ground:
    """Each number away from neutral in a part of the levels."""

    def maybe(value, neutral):
        return value if draw.random() < 0.4 else neutral

    def force():
        strength = draw.choice((1, 2, 4, 8, 16))
        return (draw.choice((-1, 0, 1)) * strength, draw.choice((-1, 0, 1)) * strength)

    return Ground(
        gravity=maybe(force(), (0, 0)),
        wind=maybe(force(), (0, 0)),
        drag=maybe(draw.randint(0, 256), 0),
        friction=maybe(draw.randint(0, 256), 256),
        restitution=maybe(draw.randint(0, 256), 0),
        slip=maybe(draw.randint(0, 256) / 256, 0.0),
    )


def _random_pay(draw: random.Random) -> Pay:
    """Each part in about half of the levels."""

    def maybe(most):
        return draw.choice((0.0, draw.random() * most))

    return Pay(
        goal=draw.random() * 0.5,
        dense=maybe(0.3),
        coin=maybe(0.1),
        decoy=maybe(0.2),
        hint=maybe(0.1),
        step_cost=maybe(0.01),
        penalty=maybe(0.4),
        is_hidden=draw.random() < 0.3,
    )


def _random_rule(draw: random.Random) -> Rule:
    """A template, or any trigger with any effect, mostly one that holds often."""
    if draw.random() < 0.4:
        return draw.choice(TEMPLATES).rule(draw.randrange(16), draw.randrange(16))
    trigger = draw.choice([1, 1, 1, *range(2, len(TRIGGERS))])
    where = 0
    if "{tile}" in TRIGGERS[trigger].text:
        where = draw.choice((*range(16), 19))
    elif "{half}" in TRIGGERS[trigger].text:
        where = draw.randrange(4)
    effect = draw.randint(1, len(EFFECTS) - 1)
    amount = 0
    if "{direction}" in EFFECTS[effect].text:
        amount = draw.randrange(4)
    elif "{n}" in EFFECTS[effect].text:
        amount = draw.randint(1, 8)
    count = draw.randint(1, 6) if "{n}" in TRIGGERS[trigger].text else 0
    return Rule(trigger, count, where, effect, amount)

"""What a world's rules can say: triggers, effects, and the templates that a genome's slots hold.

A rule is `trigger: effect`. `genome.rule_text` reads and writes its text, `worlds.grid.force` says when it is in force.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Int32

from alpha_factory.genome.codec import Genes

SLOTS = 4

# Codes of triggers, in the order of TRIGGERS.
# fmt: off
(NEVER, ALWAYS, EVERY, TURNS, FROM, UNTIL, LAST, ENTERING, ON, BUMPING, TURNING, HOLDING, LACKING,
 OPEN, NEAR, FAR, HALF, THREAT) = range(18)
# Codes of effects, in the order of EFFECTS.
(NOTHING, MIRROR, BACKWARD, SPIN, FREEZE, STIFF, GLAZE, MUD, FLIP, PULL, CARRY, BOUNCE, FOG, DARK,
 SQUINT, FORGET, LIFT, SHUT, JAM, TIDE, ARM, DISARM, RETURN, HALT, CHILL, CALM, HURRY, FLEE, PEACE,
 WARP, TOLL, CURFEW, GLOOM, GHOST, WEIGH, UNPLUG, DROP) = range(37)
# fmt: on


class Phrase(NamedTuple):
    """How a trigger or an effect is written, and what it means."""

    text: str
    meaning: str


TRIGGERS = (
    Phrase("", "an empty slot"),
    Phrase("always", "at every step"),
    Phrase("every {n} steps", "at step n, 2n, 3n, …"),
    Phrase("in turns of {n} steps", "not in n steps, in the next n, and so on"),
    Phrase("from step {n}", "once n steps are taken"),
    Phrase("until step {n}", "while fewer than n steps are taken"),
    Phrase("in the last {n} steps", "when at most n steps are left to the step limit"),
    Phrase(
        "for {n} steps after entering {tile}",
        "in the n steps after the one that entered such a tile",
    ),
    Phrase("on {tile}", "while the agent stands on such a tile"),
    Phrase("for {n} steps after a bump", "in the n steps after one that ran into something"),
    Phrase("for {n} steps after a turn", "in the n steps after one that changed the heading"),
    Phrase("with the key", "while the agent holds the key"),
    Phrase("without the key", "while it doesn't"),
    Phrase("while the gates are open", "while the buttons leave the gates open"),
    Phrase(
        "within {n} cells of the goal",
        "while it is at most n cells away, as dense reward measures it",
    ),
    Phrase("beyond {n} cells from the goal", "while it is longer"),
    Phrase("in the {half} half", "while the agent is in that half of the level"),
    Phrase("within {n} cells of an opponent", "while one is at most n rows and n columns away"),
)
"""By code; {n} stands for the number, {tile} or {half} for the where."""

EFFECTS = (
    Phrase("", "an empty slot"),
    Phrase("left and right swap", "turning left turns right and the other way round"),
    Phrase("forward goes backwards", "the agent goes back where it would go ahead"),
    Phrase(
        "the controls rotate",
        "turning left turns right, turning right goes forward, forward turns left",
    ),
    Phrase("the legs freeze", "pushes do nothing; what moves the body otherwise still does"),
    Phrase("turning fails", "the heading stays"),
    Phrase("the floor is ice", "every tile is as ice: who moves neither stops nor turns aside"),
    Phrase("the floor is mud", "a push goes half as far"),
    Phrase("gravity flips", "gravity pulls the other way"),
    Phrase("gravity pulls {direction}", "gravity pulls that way too, a quarter of a cell a step"),
    Phrase("the floor carries {direction}", "every tile is a conveyor that way too"),
    Phrase("walls bounce", "what blocks the agent throws it back at full speed"),
    Phrase("fog falls", "the view reaches one cell"),
    Phrase("darkness falls", "the view holds the agent's own cell alone"),
    Phrase("the view is mirrored", "left and right change sides in the view"),
    Phrase("memory fades", "the map of what was seen is wiped"),
    Phrase("the gates stand open", "whatever the buttons say"),
    Phrase("the gates stay shut", "whatever the buttons say"),
    Phrase("doors jam", "locked doors open to no key"),
    Phrase("the tide takes {n} rows", "the lowest n rows can't be entered"),
    Phrase("traps always fire", "whatever their odds"),
    Phrase("traps never fire", "whatever their odds"),
    Phrase("conveyors run backwards", "conveyors carry the other way"),
    Phrase("conveyors stand still", "conveyors carry nowhere"),
    Phrase("lava is safe", "lava is entered as floor"),
    Phrase("opponents wait", "opponents stay where they are"),
    Phrase("opponents hurry", "opponents move at every step"),
    Phrase("chasers flee", "chasers go away from the agent"),
    Phrase("opponents do no harm", "meeting an opponent costs nothing and ends nothing"),
    Phrase("time runs double", "a step counts as two"),
    Phrase("steps cost double", "the cost of a step is paid twice"),
    Phrase("the goal is closed", "the goal blocks as a wall does"),
    Phrase("coins are worthless", "a coin taken pays nothing"),
    Phrase("walls let through", "walls can be entered"),
    Phrase("boxes are too heavy", "boxes can't be pushed"),
    Phrase("teleporters are off", "teleporters are floor"),
    Phrase("the wind drops", "no wind blows"),
)
"""By code; {direction} or {n} stands for the amount."""

TILES = {
    "floor": 0,
    "wall": 1,
    "goal": 2,
    "key": 3,
    "door": 4,
    "trap": 5,
    "open door": 6,
    "lava": 7,
    "ice": 8,
    "teleporter": 9,
    "button": 10,
    "gate": 11,
    "coin": 12,
    "box": 13,
    "decoy": 14,
    "one-way": 15,
    "conveyor": 19,
}
"""Codes of the kinds of tile, those of `worlds.levels.tiles`; one-way and conveyor stand for all four."""
HALVES = ("left", "right", "top", "bottom")
DIRECTIONS = ("right", "down", "left", "up")
LARGEST_NUMBER = 999


class Rule(NamedTuple):
    """One rule in codes. What the trigger and the effect don't use is 0; an empty slot is all 0."""

    trigger: int
    number: int  # {n} of the trigger: steps or cells
    where: int  # {tile} or {half} of the trigger
    effect: int
    amount: int  # {direction} or {n} of the effect


class Template(NamedTuple):
    """A rule but for its numbers, which a slot's two 4-bit parameters choose."""

    name: str
    trigger: int
    where: int
    effect: int

    def rule(self, n: int, m: int) -> Rule:
        """The rule for parameters from 0 to 15: `n` sets its number, `m` its amount."""
        first, step = _COUNTS.get(self.trigger, _NO_COUNT)
        kind = _AMOUNTS.get(self.effect, _NO_AMOUNT)
        amount = (0, m % 4, 1 + m // 2)[kind]
        return Rule(self.trigger, first + step * n // 2, self.where, self.effect, amount)


# The number is first + step * n // 2.
_NO_COUNT = (0, 0)
_COUNTS = {
    **dict.fromkeys((EVERY, TURNS, ENTERING, BUMPING, TURNING), (2, 2)),
    **dict.fromkeys((FROM, UNTIL, LAST), (8, 16)),
    **dict.fromkeys((NEAR, FAR, THREAT), (1, 1)),
}
_NO_AMOUNT, _DIRECTION, _ROWS = range(3)
_AMOUNTS = {PULL: _DIRECTION, CARRY: _DIRECTION, TIDE: _ROWS}

TEMPLATES = (
    Template("mirror", TURNS, 0, MIRROR),
    Template("fog", TURNS, 0, FOG),
    Template("twitch", EVERY, 0, MIRROR),
    Template("stumble", EVERY, 0, FREEZE),
    Template("blink", EVERY, 0, DARK),
    Template("amnesia", EVERY, 0, FORGET),
    Template("phase", EVERY, 0, GHOST),
    Template("gust", EVERY, 0, CARRY),
    Template("carousel", TURNS, 0, SPIN),
    Template("retreat", TURNS, 0, BACKWARD),
    Template("cramp", TURNS, 0, STIFF),
    Template("frost", TURNS, 0, GLAZE),
    Template("rain", TURNS, 0, MUD),
    Template("upheaval", TURNS, 0, FLIP),
    Template("magnet", TURNS, 0, PULL),
    Template("looking-glass", TURNS, 0, SQUINT),
    Template("time-warp", TURNS, 0, WARP),
    Template("tide", TURNS, 0, TIDE),
    Template("curfew", TURNS, 0, CURFEW),
    Template("toll", TURNS, 0, TOLL),
    Template("crust", TURNS, 0, CHILL),
    Template("opening-hours", TURNS, 0, LIFT),
    Template("shutters", TURNS, 0, SHUT),
    Template("siesta", TURNS, 0, CALM),
    Template("outage", TURNS, 0, UNPLUG),
    Template("reverse-gear", TURNS, 0, RETURN),
    Template("strike", TURNS, 0, HALT),
    Template("lull", TURNS, 0, DROP),
    Template("hair-trigger", TURNS, 0, ARM),
    Template("rust", TURNS, 0, JAM),
    Template("nightfall", FROM, 0, DARK),
    Template("rising-tide", FROM, 0, TIDE),
    Template("winter", FROM, 0, GLAZE),
    Template("inflation", FROM, 0, GLOOM),
    Template("late-opening", UNTIL, 0, CURFEW),
    Template("grace", UNTIL, 0, PEACE),
    Template("morning-mist", UNTIL, 0, FOG),
    Template("panic", LAST, 0, HURRY),
    Template("last-call", LAST, 0, LIFT),
    Template("current", ALWAYS, 0, CARRY),
    Template("rubber", ALWAYS, 0, BOUNCE),
    Template("dizzy", ENTERING, TILES["conveyor"], BACKWARD),
    Template("jet-lag", ENTERING, TILES["teleporter"], MIRROR),
    Template("alarm", ENTERING, TILES["coin"], HURRY),
    Template("snow-blind", ON, TILES["ice"], FOG),
    Template("concussion", BUMPING, 0, MIRROR),
    Template("stun", BUMPING, 0, FREEZE),
    Template("blur", TURNING, 0, FOG),
    Template("talisman", HOLDING, 0, FLEE),
    Template("burden", HOLDING, 0, MUD),
    Template("weakling", LACKING, 0, WEIGH),
    Template("safety-catch", OPEN, 0, DISARM),
    Template("shy-goal", NEAR, 0, BACKWARD),
    Template("wilderness", FAR, 0, FOG),
    Template("marsh", HALF, HALVES.index("bottom"), MUD),
    Template("other-side", HALF, HALVES.index("left"), MIRROR),
    Template("fright", THREAT, 0, MIRROR),
)
"""A slot's code picks one of these; the other codes of its 8 bits are no rule.

A random genome has 4 * 57 / 256, so about 0.9 rules.
"""


def read_rules(genes: Genes) -> dict[str, Int32[Array, "4"]]:
    """The rules of a genome's slots, an array for each field of `Rule`; total over all genes.

    Args:
        genes: `rule_I` (code), `rule_I_n` and `rule_I_m` (4-bit numbers) for each slot I.

    Returns:
        What `Template.rule` gives for each slot, and zeros for a slot whose code is no template.
    """
    code, n, m = (
        jnp.stack([genes[f"rule_{slot}{suffix}"] for slot in range(SLOTS)]).astype(jnp.int32)
        for suffix in ("", "_n", "_m")
    )
    row = jnp.where(code < len(TEMPLATES), code, len(TEMPLATES))

    def look_up(values: list[int]) -> Int32[Array, "4"]:
        return jnp.array([*values, 0], jnp.int32)[row]

    first, step = (
        look_up([_COUNTS.get(template.trigger, _NO_COUNT)[part] for template in TEMPLATES])
        for part in range(2)
    )
    kind = look_up([_AMOUNTS.get(template.effect, _NO_AMOUNT) for template in TEMPLATES])
    rows = jnp.where(kind == _ROWS, 1 + m // 2, 0)
    return {
        "trigger": look_up([template.trigger for template in TEMPLATES]),
        "number": first + step * n // 2,
        "where": look_up([template.where for template in TEMPLATES]),
        "effect": look_up([template.effect for template in TEMPLATES]),
        "amount": jnp.where(kind == _DIRECTION, m % 4, rows),
    }

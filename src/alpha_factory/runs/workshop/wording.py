"""What a level holds, in plain words: a level in, phrases by section out."""

from collections.abc import Iterator

import jax
import numpy as np

from alpha_factory.genome import Rule, print_rule
from alpha_factory.genome.rules import EFFECTS
from alpha_factory.worlds import GridLevel
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import UNIT, WHOLE
from alpha_factory.worlds.levels.settings import to_settings
from alpha_factory.worlds.levels.text import own_size

_PLURALS = {"box": "boxes", "lava": "lava", "ice": "ice"}
_MASSES = ("lava", "ice")


def tell_level(level: GridLevel) -> dict[str, list[str]]:
    """Phrases about its layout, entities, physics, reward and rules, by these names."""
    settings = to_settings(level)
    height, width = own_size(level)
    return {
        "layout": [f"{height} x {width} cells", f"{settings.get('step_limit', 250)} steps at most"],
        "entities": list(_tell_entities(level)),
        "physics": list(_tell_physics(level))
        or ["the plain grid: a push is one cell, and what blocks stops"],
        "reward": list(_tell_reward(level)),
        "rules": [f"{print_rule(rule)} ({EFFECTS[rule.effect].meaning})" for rule in _rules(level)],
    }


def count(number: int, what: str) -> str:
    """A number of things: 1 coin, 2 coins."""
    return f"{number} {what}" if number == 1 else f"{number} {_PLURALS.get(what, f'{what}s')}"


def _tell_entities(level: GridLevel) -> Iterator[str]:
    height, width = own_size(level)
    own = np.asarray(level.tile)[:height, :width]
    kinds = np.bincount(own.ravel(), minlength=tiles.KINDS).tolist()
    one_way = sum(kinds[tiles.ONE_WAY : tiles.CONVEYOR])
    belts = sum(kinds[tiles.CONVEYOR :])
    odds = float(level.trap_odds)
    named = (
        (kinds[tiles.KEY], "key", ""),
        (kinds[tiles.DOOR], "locked door", ""),
        (kinds[tiles.BUTTON], "button", ""),
        (kinds[tiles.GATE], "gate", ""),
        (kinds[tiles.TRAP], "trap", f", firing {_percent(odds)} of the time"),
        (kinds[tiles.LAVA], "lava", ""),
        (kinds[tiles.ICE], "ice", ""),
        (kinds[tiles.BOX], "box", ""),
        (kinds[tiles.COIN], "coin", ""),
        (kinds[tiles.TELEPORT], "teleporter", ""),
        (one_way, "one-way tile", ""),
        (belts, "conveyor", ""),
        (kinds[tiles.DECOY], "decoy", ""),
    )
    for number, what, more in named:
        if number:
            told = f"{count(number, 'cell')} of {what}" if what in _MASSES else count(number, what)
            yield told + more
    who, paces = np.asarray(level.opponent), np.asarray(level.opponent_pace)
    for kind, what in ((tiles.PATROL, "patrol"), (tiles.CHASER, "chaser")):
        if number := int((who == kind).sum()):
            pace = max(1, int(paces[who == kind][0]))
            every = "every step" if pace == 1 else f"every {pace} steps"
            yield f"{count(number, what)}, {'moves' if number == 1 else 'each moves'} {every}"


def _tell_physics(level: GridLevel) -> Iterator[str]:
    physics = level.physics
    if pull := _direction(physics.gravity):
        yield f"gravity pulls {pull} of a cell more at every step"
    if blow := _direction(physics.wind):
        yield f"wind blows {blow} of a cell more in every other four steps"
    if drag := int(physics.drag):
        yield f"drag takes {_percent(drag / WHOLE)} of the speed a step at full speed"
    if (friction := int(physics.friction)) != WHOLE:
        yield f"the ground is slick: the legs have {_percent(friction / WHOLE)} of their grip"
    if restitution := int(physics.restitution):
        yield f"walls give back {_percent(restitution / WHOLE)} of the speed"
    if slip := float(physics.slip):
        yield f"slips: {_percent(slip)} of the pushes do nothing"


def _tell_reward(level: GridLevel) -> Iterator[str]:
    reward = level.reward
    goal = f"{float(reward.goal):.3g} at the goal"
    hidden = ", in evaluation only: a honeypot, for which training and play pay nothing"
    yield goal + hidden if bool(reward.is_hidden) else goal
    if dense := float(reward.dense):
        is_crow = bool(to_settings(level).get("crow"))
        yield f"{dense:.3g} on the way there{', as the crow flies' if is_crow else ''}"
    kinds = set(np.asarray(level.tile).ravel().tolist())
    if (coin := float(reward.coin)) and tiles.COIN in kinds:
        yield f"{coin:.3g} for a coin"
    if (hint := float(reward.hint)) and kinds & {tiles.KEY, tiles.BUTTON}:
        yield f"{hint:.3g} for the first key and for the first button"
    if tiles.DECOY in kinds:
        yield f"{float(reward.decoy):.3g} for the decoy, which ends the episode"
    if step_cost := float(reward.step_cost):
        yield f"a step costs {step_cost:.3g}"
    if deadly := _list_deadly(level):
        *most, last = deadly
        either = f"{', '.join(most)} or {last}" if most else last
        yield f"{either} ends the episode and costs {float(reward.penalty):.3g}"


def _list_deadly(level: GridLevel) -> list[str]:
    """What there is that ends an episode unsolved and costs the penalty."""
    kinds, who = np.asarray(level.tile), np.asarray(level.opponent)
    named = (
        (kinds == tiles.TRAP, "a trap that fires"),
        (kinds == tiles.LAVA, "lava"),
        (who == tiles.PATROL, "a patrol"),
        (who == tiles.CHASER, "a chaser"),
    )
    return [what for is_there, what in named if is_there.any()]


def _rules(level: GridLevel) -> list[Rule]:
    slots = zip(*(np.asarray(part).tolist() for part in jax.tree.leaves(level.rules)), strict=True)
    return [rule for rule in (Rule(*codes) for codes in slots) if rule.trigger and rule.effect]


def _direction(vector: jax.Array) -> str:
    """Where a force goes and how much, such as "down by 2/16"; nothing for none."""
    rows, columns = np.asarray(vector).tolist()
    parts = [
        f"{name} by {amount}/{UNIT}"
        for name, amount in (
            ("down", rows),
            ("up", -rows),
            ("right", columns),
            ("left", -columns),
        )
        if amount > 0
    ]
    return " and ".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"

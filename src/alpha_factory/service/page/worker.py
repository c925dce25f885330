"""The page's workshop as a process of its own, which alone loads JAX: a request a line in, an answer a line out.

Worlds drawn, told in words, judged by the oracle, and played. It runs on the CPU and at a low priority, so that a run
on the same machine keeps what it needs; it ends when its stdin does.
"""

import json
import os
import queue
import re
import signal
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import jax
import numpy as np

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.genome import from_hex, to_json
from alpha_factory.genome.rules import EFFECTS, TRIGGERS, Phrase
from alpha_factory.records import Trace
from alpha_factory.runs.workshop.candidate import read_candidate
from alpha_factory.runs.workshop.session import KEYS, Moment, Session, find_rules_in_force
from alpha_factory.runs.workshop.source import from_genome
from alpha_factory.runs.workshop.trace import draw, trace
from alpha_factory.runs.workshop.wording import tell_level
from alpha_factory.worlds import GridLevel
from alpha_factory.worlds.grid.controls import CONTROLS
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.file import parse_level, print_level
from alpha_factory.worlds.levels.level import UNIT, WHOLE
from alpha_factory.worlds.levels.settings import LONGEST_LIMIT, SLOWEST_PACE, Settings
from alpha_factory.worlds.levels.text import LARGEST_SIDE
from alpha_factory.worlds.levels.validity import check_level
from alpha_factory.worlds.oracle.optimum import find_optimum

_LINE, _COLUMN = re.compile(r"\bline (\d+)"), re.compile(r"\bcolumn (\d+)")
_KEPT = 16  # episodes at play whose moments are remembered, to save playing them again at every key
_NICE = 10
_EXAMPLE = "step_limit = 60\n\n>.K#\n..DG\n"
_RULE = "in turns of 7 steps: left and right swap"
_SHARES = ("dense", "coin", "decoy", "hint", "step_cost", "penalty", "trap_odds", "slip")


class Workshop:
    """Answers requests by name."""

    def __init__(self) -> None:
        self._played: OrderedDict[tuple[str, str, int], tuple[Session, list[Moment]]] = (
            OrderedDict()
        )
        self._answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "levels": self._levels,
            "genome": self._genome,
            "candidate": self._candidate,
            "check": self._check,
            "play": self._play,
            "vocabulary": self._vocabulary,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What comes of a request; a `problem` where the world in it is none."""
        try:
            return self._answers[request["do"]](request)
        except AlphaFactoryError as error:
            return {"problem": _tell_problem(str(error))}

    def _levels(self, request: dict[str, Any]) -> dict[str, Any]:
        told = []
        for world in request["worlds"]:
            level = _read(world)
            told.append(
                {
                    "id": world["id"],
                    "drawing": draw(level).model_dump(),
                    "words": tell_level(level),
                    "text": print_level(level),
                }
            )
        return {"levels": told}

    def _genome(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"fields": to_json(from_hex(request["genome"]))}

    def _candidate(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"text": print_level(read_candidate(request["level"], request["genome"]).level)}

    def _check(self, request: dict[str, Any]) -> dict[str, Any]:
        level = _read(request)
        verdict = find_optimum(level)
        actions = CONTROLS["turn"].actions
        path = None
        if verdict.plan is not None and request.get("has_trace", True):
            session = Session(level, controls="turn", seed=0)
            moments = session.play("".join(KEYS["turn"][action] for action in verdict.plan))
            path = _trace(session, moments).model_dump()
        return {
            "drawing": draw(level).model_dump(),
            "words": tell_level(level),
            "text": print_level(level),
            "solvable": verdict.is_solvable,
            "solve_rate": verdict.solve_rate,
            "shortest_path": verdict.fewest_steps,
            "plan": None if verdict.plan is None else [actions[step] for step in verdict.plan],
            "trace": path,
            "optimal_return": verdict.optimal_return,
            "is_deterministic": verdict.is_deterministic,
            "is_exact": verdict.is_exact,
            "states": verdict.states,
        }

    def _play(self, request: dict[str, Any]) -> dict[str, Any]:
        session, moments = self._continue(request, request["keys"])
        last, start = moments[-1], min(request["from"], len(moments) - 1)
        return {
            "drawing": draw(session.level).model_dump(),
            "trace": _cut(_trace(session, moments), start).model_dump(),
            "from": start,
            "is_over": last.is_over,
            "is_solved": last.is_solved,
            "total": last.total,
            "steps": len(last.keys),
            "outcome": last.tell_end(session.level),
            "rules_in_force": find_rules_in_force(session.level, last.state),
        }

    def _continue(self, request: dict[str, Any], keys: str) -> tuple[Session, list[Moment]]:
        """The moments of an episode, those played before not played again."""
        world = request.get("genome") or request["level"]
        name = (world, request["controls"], request["seed"])
        if name not in self._played:
            session = Session(_read(request), controls=request["controls"], seed=request["seed"])
            self._played[name] = (session, [session.start()])
        session, before = self._played[name]
        self._played.move_to_end(name)
        while len(self._played) > _KEPT:
            self._played.popitem(last=False)
        pairs = enumerate(zip(keys, before[-1].keys, strict=False))
        most = min(len(keys), len(before) - 1)
        shared = next((at for at, (new, old) in pairs if new != old), most)
        moments = before[: shared + 1]
        for key in keys[len(moments) - 1 :]:
            if moments[-1].is_over:
                break
            moments.append(session.press(moments[-1], key))
        self._played[name] = (session, moments)
        return session, moments

    def _vocabulary(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "tiles": _named(tiles.SYMBOLS, tiles.NAMES),
            "agents": tiles.HEADING_SYMBOLS,
            "opponents": _named(
                tiles.OPPONENT_SYMBOLS,
                ("patrol setting out to the right", "patrol setting out downwards", "chaser"),
            ),
            "settings": [_tell_setting(one.name) for one in fields(Settings)],
            "triggers": list(map(_tell_phrase, TRIGGERS[1:])),
            "effects": list(map(_tell_phrase, EFFECTS[1:])),
            "examples": [_RULE],
            "largest_side": LARGEST_SIDE,
            "most_opponents": tiles.OPPONENTS,
            "default_level": _EXAMPLE,
        }


def serve_lines() -> None:
    """Answer requests until stdin ends."""
    os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page, which ends this process
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(lines,), daemon=True).start()
    workshop = Workshop()
    sys.stdout.write('{"is_ready": true}\n')
    sys.stdout.flush()
    while True:
        answer = workshop.answer(json.loads(lines.get()))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _hear(lines: "queue.SimpleQueue[str]") -> None:
    """Take lines; at their end leave at once, also in the midst of a compilation that nobody waits for any more."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _read(request: dict[str, Any]) -> GridLevel:
    if request.get("genome"):
        level = from_genome(from_hex(request["genome"])).level
    else:
        level = parse_level(request["level"])
    check_level(level)
    return level


def _trace(session: Session, moments: Sequence[Moment]) -> Trace:
    letters = KEYS[session.controls]
    return trace(
        session.level,
        jax.tree.map(lambda *leaves: np.stack(leaves), *(moment.state for moment in moments)),
        [letters.index(key) for key in moments[-1].keys],
        [moment.reward for moment in moments[1:]],
        session.controls,
    )


def _cut(whole: Trace, start: int) -> Trace:
    """A trace from a moment on. What is told by its moment keeps it."""
    return whole.model_copy(
        update={
            "position": whole.position[start:],
            "offset": None if whole.offset is None else whole.offset[start:],
            "heading": whole.heading[start:],
            "changes": [change for change in whole.changes if change[0] >= start],
            "opponents": [path[start:] for path in whole.opponents],
            "actions": whole.actions[start:],
            "reward": whole.reward[start:],
        }
    )


def _tell_problem(message: str) -> dict[str, Any]:
    line, column = _LINE.search(message), _COLUMN.search(message)
    return {
        "message": message,
        "line": int(line[1]) if line else None,
        "column": int(column[1]) if column else None,
    }


def _named(symbols: str, names: Sequence[str]) -> list[dict[str, str]]:
    return [{"symbol": symbol, "name": name} for symbol, name in zip(symbols, names, strict=True)]


def _tell_phrase(phrase: Phrase) -> dict[str, str]:
    return {"text": phrase.text, "meaning": phrase.meaning}


def _tell_setting(name: str) -> dict[str, Any]:
    """A setting's kind, bounds and default, as `read_settings` has them."""
    default = getattr(Settings(), name)
    bounds: tuple[str, int | None, int | None]
    if name in _SHARES:
        bounds = "share", 0, 1
    elif name in ("gravity", "wind"):
        bounds = "pair", -UNIT, UNIT
    elif name in ("drag", "friction", "restitution"):
        bounds = "whole", 0, WHOLE
    elif name == "step_limit":
        bounds = "whole", 1, LONGEST_LIMIT
    elif name in ("patrol_pace", "chaser_pace"):
        bounds = "whole", 1, SLOWEST_PACE
    elif name == "rules":
        bounds = "rules", None, None
    else:
        bounds = "switch", None, None
    kind, least, most = bounds
    shown = list(default) if isinstance(default, tuple) else default
    return {"name": name, "kind": kind, "least": least, "most": most, "default": shown}


if __name__ == "__main__":
    serve_lines()

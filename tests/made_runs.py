"""A small run directory made by hand, with something in every file, for the tests of the page."""

import functools
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from alpha_factory.records import (
    HoneypotCheck,
    MetricRow,
    Retirement,
    RunStatus,
    Transfer,
    WorldCard,
    WorldLook,
    WorldScore,
    WorldTrial,
)
from alpha_factory.runs.files.archive import Archive
from alpha_factory.service.ledger import Ledger

GENOME = "0" * 127
EPISODES = """
CREATE TABLE IF NOT EXISTS episodes (id INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL,
  cycle INTEGER NOT NULL, frames INTEGER NOT NULL, player TEXT NOT NULL, is_solved INTEGER NOT NULL,
  total REAL NOT NULL, steps INTEGER NOT NULL, drawing TEXT NOT NULL, trace TEXT NOT NULL);
"""
DRAWING = {"tiles": [".G"], "start": [0, 0], "heading": 0, "goal": [0, 1], "step_limit": 60}
TRACE = {
    "position": [[0, 0], [0, 1]],
    "heading": [0, 0],
    "actions": ["forward"],
    "reward": [1.0],
}
WORDS = {"layout": ["1 x 2 cells"], "entities": [], "physics": [], "reward": [], "rules": []}
WORKSHOP = f"""
import json, sys
print("{{}}", flush=True)
drawing, trace, words = {DRAWING!r}, {TRACE!r}, {WORDS!r}
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("level") == "bad":
        told = {{"problem": {{"message": "line 1, column 2 is bad", "line": 1, "column": 2}}}}
    elif asked["do"] == "levels":
        told = {{"levels": [{{"id": one["id"], "drawing": drawing, "words": words, "text": ">G"}}
                           for one in asked["worlds"]]}}
    elif asked["do"] == "genome":
        told = {{"fields": {{"layout": {{}}}}}}
    elif asked["do"] == "candidate":
        told = {{"text": ">G"}}
    elif asked["do"] == "check":
        told = {{"drawing": drawing, "words": words, "text": ">G", "solvable": True}}
    elif asked["do"] == "play":
        told = {{"drawing": drawing, "trace": trace, "from": 0, "is_over": True, "is_solved": True,
                "total": 1.0, "steps": 1, "outcome": "solved in 1 step", "rules_in_force": []}}
    else:
        told = {{"tiles": [], "agents": ">v<^", "opponents": [], "settings": [], "triggers": [],
                "effects": [], "examples": [], "largest_side": 9, "most_opponents": 4,
                "default_level": ">G"}}
    print(json.dumps(told), flush=True)
"""
"""A workshop that loads no JAX: it gives the same answer to every question of a kind."""
WORKSHOP_COMMAND = (sys.executable, "-I", "-c", WORKSHOP)


def make_run(path, seed=0, rows=20, batch=256):
    """A run of two cycles with ten worlds, one of which has left the pool."""
    path.mkdir(parents=True)
    for name, content in _make_files(seed, rows, batch).items():
        (path / name).write_bytes(content)
    return path


@functools.cache
def _make_files(seed, rows, batch):
    """The run's files by name, made once: to bring each change to the disk takes longer than a test may."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        _write_run(path, seed, rows, batch)
        return {place.name: place.read_bytes() for place in path.iterdir()}


def _write_run(path, seed, rows, batch):
    config = {"preset": "demo", "seed": seed, "budget": {"minutes": 1.0}, "batch": batch}
    (path / "config.json").write_text(json.dumps(config))
    add_rows(path, range(rows))
    with Archive(path / "worlds.sqlite") as archive:
        cards = [
            _card(at, "accepted" if at % 2 == 0 else "too easy", at // 5, [0] if at else [])
            for at in range(10)
        ]
        archive.record(worlds=cards)
        archive.record(
            scores=[_score(world, cycle, 0.1 * world) for cycle in (0, 1) for world in (0, 2, 4)],
            looks=[
                WorldLook(world=0, cycle=0, frames=10, solve_rate=0.5, untrained=0.1, episodes=4),
                WorldLook(world=0, cycle=1, frames=20, solve_rate=0.75, episodes=4),
                WorldLook(world=2, cycle=1, frames=20, solve_rate=0.25, untrained=0.0, episodes=4),
            ],
            trials=[WorldTrial(world=2, cycle=1, agents=3, best=0.5)],
            honeypots=[_honeypot(4, is_incident=True), _honeypot(6, is_incident=False)],
            transfers=[
                Transfer(
                    cycle=1,
                    direction="to generalist",
                    specialist=2,
                    helped=4,
                    gain=0.2,
                    merged=True,
                ),
                Transfer(
                    cycle=1,
                    direction="to specialist",
                    specialist=2,
                    helped=2,
                    gain=0.3,
                    merged=True,
                ),
            ],
            retirements=[Retirement(world=0, cycle=1, reason="mastered")],
        )
    with Ledger(path / "ledger.sqlite") as ledger:
        ledger.append("started", {"frames": 0})
        ledger.append("incident", {"world": 4})
    suite = {"suite": "generated-v1", "suite_hash": "ab", "step_limit": 128}
    suite |= {"levels": 9, "episodes": 4}
    scores = {"solve_rate": 0.5, "low": 0.4, "high": 0.6, "cvar_10": 0.0, "return_mean": 0.5}
    scores |= {"cvar_10_held": 0.1}
    (path / "evaluation.json").write_text(json.dumps([suite | {"policies": {"trained": scores}}]))
    add_episode(path, 2)


def add_rows(path, numbers):
    """Append rows whose frames are ten times their numbers."""
    with (path / "metrics.jsonl").open("a") as file:
        for number in numbers:
            row = MetricRow(
                frames=10 * number,
                updates=number,
                cycle=number // 10,
                wall_s=float(number),
                compile_s=1.0,
                worlds_accepted=number,
                worlds_rejected=0,
                solve_rate=0.5,
                values={"pool": 4.0, "loss_value": 1.0 / (number + 1), "heldout": None},
            )
            file.write(row.model_dump_json() + "\n")


def add_episode(path, world):
    """Append a recorded episode."""
    base = sqlite3.connect(path / "episodes.sqlite")
    base.executescript(EPISODES)
    base.execute(
        "INSERT INTO episodes (world, cycle, frames, player, is_solved, total, steps, drawing, trace) "
        "VALUES (?, 1, 20, 'generalist', 1, 1.0, 1, ?, ?)",
        (world, json.dumps(DRAWING), json.dumps(TRACE)),
    )
    base.commit()
    base.close()


def beat(path, state="training", age=0.0, process=1):
    """Write a heartbeat."""
    now = time.time() - age
    status = RunStatus(
        state=state, doing=state, since=now - 5.0, beat=now, process=process, host="elsewhere"
    )
    (path / "status.json").write_text(status.model_dump_json())


def add_worlds(path, numbers):
    """Propose more worlds, all in cycle 2."""
    with Archive(path / "worlds.sqlite") as archive:
        archive.record(worlds=[_card(at, "accepted", 2, [2]) for at in numbers])


def _card(number, verdict, cycle, parents):
    return WorldCard(
        id=number,
        genome=GENOME + f"{number % 16:x}",
        parents=parents,
        operator="add lava" if number % 3 else "open wall",
        cycle=cycle,
        frames=10 * cycle,
        verdict=verdict,
        score=0.5,
        qd=None if number == 8 else number / 10,
        shortest_path=number,
    )


def _score(world, cycle, rate):
    return WorldScore(
        world=world,
        cycle=cycle,
        frames=10 * cycle,
        normalised_return=rate,
        solve_rate=rate,
        episodes=4,
    )


def _honeypot(world, is_incident):
    return HoneypotCheck(
        world=world,
        cycle=1,
        frames=20,
        training=0.9,
        evaluation=0.1,
        episodes=8,
        is_incident=is_incident,
    )

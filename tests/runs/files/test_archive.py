import json
import sqlite3
import subprocess
import sys

import pytest

from alpha_factory.core.errors import DiskFull, RunConflict, UsageError
from alpha_factory.records import (
    HoneypotCheck,
    Retirement,
    Transfer,
    WorldCard,
    WorldLook,
    WorldScore,
    WorldTrial,
)
from alpha_factory.runs.files.archive import Archive


def _card(number: int, cycle: int, **other) -> WorldCard:
    card = {
        "id": number,
        "genome": f"{number:0128x}",
        "parents": [number - 1] if number else [],
        "operator": "mutate",
        "cycle": cycle,
        "frames": cycle * 100,
        "verdict": "accepted",
        "score": 1 / (number + 3),
    }
    return WorldCard(**card | other)


def _cycle(cycle: int) -> dict:
    """What a cycle brings: two worlds, a score of each, a look, a trial, transfers and a retirement."""
    ids = (2 * cycle, 2 * cycle + 1)
    second = {"verdict": "too hard", "score": None, "shortest_path": 7}
    return {
        "worlds": [_card(ids[0], cycle), _card(ids[1], cycle, **second)],
        "scores": [
            WorldScore(
                world=number,
                cycle=cycle,
                frames=cycle * 100,
                normalised_return=0.1 * number,
                solve_rate=0.5,
                episodes=8,
            )
            for number in ids
        ],
        "looks": [
            WorldLook(
                world=world,
                cycle=cycle,
                frames=cycle * 100,
                solve_rate=0.75,
                untrained=0.25 if world else None,
                episodes=8,
            )
            for world in (0, ids[0])
        ],
        "trials": [WorldTrial(world=ids[0], cycle=cycle, agents=3, best=0.25)],
        "honeypots": [
            HoneypotCheck(
                world=ids[0],
                cycle=cycle,
                frames=cycle * 100,
                training=0.75,
                evaluation=0.5,
                episodes=100,
                is_incident=cycle == 1,
            )
        ],
        "transfers": [
            Transfer(
                cycle=cycle,
                direction="to generalist",
                specialist=ids[0],
                helped=ids[1],
                gain=0.2,
                merged=True,
            ),
            Transfer(
                cycle=cycle,
                direction="to specialist",
                specialist=ids[1],
                source=ids[0],
                gain=-0.1,
                merged=False,
            ),
        ],
        "retirements": [Retirement(world=ids[1], cycle=cycle, reason="mastered")],
    }


def _dump(path) -> list[tuple]:
    """Every row of every table with its number, read without this package."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        rows = [
            (table, *row)
            for (table,) in sorted(tables)
            for row in connection.execute(f"SELECT rowid, * FROM {table} ORDER BY rowid")
        ]
    connection.close()
    return rows


def test_archive_returns_what_was_recorded(tmp_path):
    path = tmp_path / "worlds.sqlite"
    expected = [_cycle(0), _cycle(1)]
    with Archive(path) as archive:
        for cycle in expected:
            archive.record(**cycle)
    with Archive(path, read_only=True) as archive:
        assert archive.worlds() == expected[0]["worlds"] + expected[1]["worlds"]
        assert archive.scores() == expected[0]["scores"] + expected[1]["scores"]
        assert archive.scores(world=3) == expected[1]["scores"][1:]
        assert archive.scores_in(1) == expected[1]["scores"]
        assert archive.looks() == expected[0]["looks"] + expected[1]["looks"]
        assert archive.trials() == expected[0]["trials"] + expected[1]["trials"]
        assert archive.trials(1) == expected[1]["trials"]
        assert archive.honeypots() == expected[0]["honeypots"] + expected[1]["honeypots"]
        assert archive.transfers() == expected[0]["transfers"] + expected[1]["transfers"]
        assert archive.retirements() == expected[0]["retirements"] + expected[1]["retirements"]


def test_accepted_worlds_are_found_by_their_cycles(tmp_path):
    with Archive(tmp_path / "worlds.sqlite") as archive:
        for cycle in range(4):
            archive.record(**_cycle(cycle))
        assert [card.id for card in archive.accepted([3, 1, 9])] == [2, 6]
        assert archive.accepted([]) == []


@pytest.mark.parametrize("checkpointed", [-1, 0, 2])
def test_rewind_and_replay_equals_an_uninterrupted_run_row_for_row(tmp_path, checkpointed):
    with Archive(tmp_path / "whole") as archive:
        for cycle in range(5):
            archive.record(**_cycle(cycle))
    with Archive(tmp_path / "resumed") as archive:
        for cycle in range(4):
            archive.record(**_cycle(cycle))
    with Archive(tmp_path / "resumed") as archive:
        archive.rewind(checkpointed)
        assert {card.cycle for card in archive.worlds()} == set(range(checkpointed + 1))
        assert {look.cycle for look in archive.looks()} == set(range(checkpointed + 1))
        assert {trial.cycle for trial in archive.trials()} == set(range(checkpointed + 1))
        for cycle in range(checkpointed + 1, 5):
            archive.record(**_cycle(cycle))
    assert _dump(tmp_path / "resumed") == _dump(tmp_path / "whole")


def test_record_adds_nothing_when_a_row_is_refused(tmp_path):
    with Archive(tmp_path / "worlds.sqlite") as archive:
        archive.record(**_cycle(0))
        broken = _cycle(1) | {"retirements": [Retirement(world=99, cycle=1, reason="?")]}
        with pytest.raises(sqlite3.IntegrityError):
            archive.record(**broken)
        assert len(archive.worlds()) == 2
        archive.record(**_cycle(1))
        assert len(archive.worlds()) == 4


def test_record_adds_nothing_when_the_disk_is_full(tmp_path):
    with Archive(tmp_path / "worlds.sqlite") as archive:
        archive.record(**_cycle(0))
        pages = archive._connection.execute("PRAGMA page_count").fetchone()[0]
        archive._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(DiskFull, match=r"worlds\.sqlite"):
            archive.record(worlds=[_card(number, 1) for number in range(2, 500)])
        assert len(archive.worlds()) == 2
        archive.record(worlds=[_card(2, 1)])
        assert len(archive.worlds()) == 3


def test_archive_read_only_writes_nothing(tmp_path):
    path = tmp_path / "worlds.sqlite"
    with pytest.raises(UsageError, match="does not exist"):
        Archive(path, read_only=True)
    assert not path.exists()
    Archive(path).close()
    with Archive(path, read_only=True) as archive, pytest.raises(sqlite3.OperationalError):
        archive.record(worlds=[_card(0, 0)])


def test_archive_can_be_read_while_another_connection_writes(tmp_path):
    path = tmp_path / "worlds.sqlite"
    with Archive(path) as writer, Archive(path, read_only=True) as reader:
        for cycle in range(3):
            writer.record(**_cycle(cycle))
            assert len(reader.worlds()) == 2 * (cycle + 1)


def test_archive_refuses_another_schema(tmp_path):
    path = tmp_path / "worlds.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(RunConflict, match="schema 9"):
        Archive(path)


@pytest.mark.parametrize("read_only", [False, True])
def test_archive_of_the_first_version_gets_the_table_that_it_lacks(tmp_path, read_only):
    path, cycle = tmp_path / "worlds.sqlite", _cycle(0)
    with Archive(path) as archive:
        archive.record(**cycle | {"looks": [], "trials": [], "honeypots": [], "transfers": []})
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "DROP TABLE looks; DROP INDEX accepted_by_cycle; "
            "DROP TABLE trials; DROP INDEX scores_by_cycle; DROP TABLE honeypots; DROP TABLE guests; "
            "ALTER TABLE worlds DROP COLUMN level; DROP TABLE transfers; "
            "CREATE TABLE transfers (cycle INTEGER NOT NULL, specialist INTEGER NOT NULL, helped INTEGER, "
            "gain REAL NOT NULL, merged INTEGER NOT NULL); PRAGMA user_version = 1;"
        )
    connection.close()
    with Archive(path, read_only=read_only) as archive:
        assert archive.looks() == archive.trials() == archive.honeypots() == []
        assert archive.worlds() == cycle["worlds"]
        assert archive.accepted([0]) == cycle["worlds"][:1]
    with Archive(path) as archive:
        archive.record(looks=cycle["looks"], trials=cycle["trials"], transfers=cycle["transfers"])
        assert archive.transfers() == cycle["transfers"]
        assert archive.looks() == cycle["looks"]
        assert archive.trials() == cycle["trials"]


def test_guests_of_a_cycle_are_settled_for_good(tmp_path):
    with Archive(tmp_path / "worlds.sqlite") as archive:
        assert archive.guests(0) is None
        first, second, third = (json.dumps({"id": number}) for number in "123")
        archive.invite(0, [first, second])
        archive.invite(1, [])
        archive.invite(2, [third])
        archive.rewind(-1)
        assert [archive.guests(cycle) for cycle in range(4)] == [
            [first, second],
            [],
            [third],
            None,
        ]
        assert archive.invited() == {"1", "2", "3"}


def test_drawn_world_comes_back_with_its_text_and_no_genome(tmp_path):
    drawn = _card(1, 0, genome=None, level=">.G\n", operator="person", parents=[])
    with Archive(tmp_path / "worlds.sqlite") as archive:
        archive.record(worlds=[_card(0, 0), drawn])
        assert archive.last(1) == [drawn]
        assert archive.last(2) == archive.worlds() == [_card(0, 0), drawn]


_RECORD_FOR_EVER = """
import itertools, sys
from pathlib import Path
from alpha_factory.records import WorldCard
from alpha_factory.runs.files.archive import Archive
archive = Archive(Path(sys.argv[1]))
for cycle in itertools.count():
    archive.record(worlds=[
        WorldCard(id=cycle * 50 + i, genome=f"{i:0128x}", parents=[], operator="seed", cycle=cycle,
                  frames=0, verdict="duplicate") for i in range(50)])
    print(cycle, flush=True)
"""


def test_archive_holds_whole_cycles_when_the_process_was_killed(tmp_path):
    path = tmp_path / "worlds.sqlite"
    command = [sys.executable, "-c", _RECORD_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for _ in range(5):
            child.stdout.readline()
        child.kill()
        printed = child.stdout.read().split()
    with Archive(path) as archive:
        ids = [card.id for card in archive.worlds()]
    assert ids == list(range(len(ids)))
    assert len(ids) % 50 == 0
    assert len(ids) >= 50 * (int(printed[-1] if printed else 4) + 1)

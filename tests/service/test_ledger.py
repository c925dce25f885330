import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_factory.service.ledger import Ledger

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.fixture
def path(tmp_path):
    """A ledger of five events."""
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        for number in range(5):
            ledger.append("count", {"number": number})
    return path


def _tamper(path, statement: str) -> None:
    """Change the file as one could who does not go through `Ledger`."""
    with sqlite3.connect(path) as connection:
        connection.executescript(f"DROP TRIGGER no_update; DROP TRIGGER no_delete; {statement}")
    connection.close()


def test_append_chains_each_event_to_the_one_before(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.head() == "0" * 64
        first = ledger.append("run.started", {"seed": 1, "é": [0.1, None]})
        second = ledger.append("run.ended", {})
        assert ledger.events() == [first, second]
        assert ledger.events(after=1) == [second]
        assert ledger.head() == second.hash
        assert ledger.verify() is None
    assert (first.seq, first.previous, second.previous) == (1, "0" * 64, first.hash)
    text = json.dumps({"seed": 1, "é": [0.1, None]}, sort_keys=True)
    line = json.dumps([1, first.time, "run.started", text, "0" * 64])
    assert first.hash == hashlib.sha256(line.encode()).hexdigest()


@settings(max_examples=25, deadline=None)
@given(
    payloads=st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=3), _JSON, max_size=3
        ),
        max_size=3,
    )
)
def test_events_come_back_as_they_were_appended(payloads):
    with Ledger(Path(":memory:")) as ledger:
        appended = [ledger.append("any", payload) for payload in payloads]
        assert ledger.events() == appended
        assert [event.payload for event in appended] == payloads
        assert ledger.verify() is None


def test_a_ledger_goes_on_where_it_was_closed(path):
    with Ledger(path) as ledger:
        assert ledger.append("count", {"number": 5}).seq == 6
        assert ledger.verify() is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{\"number\": 9}' WHERE seq = 3",
        "UPDATE events SET kind = 'other' WHERE seq = 3",
        "UPDATE events SET time = time + 1 WHERE seq = 3",
        "UPDATE events SET payload = CAST(payload AS BLOB) WHERE seq = 3",
        "UPDATE events SET previous = hash WHERE seq = 3",
        "UPDATE events SET hash = previous WHERE seq = 3",
        "DELETE FROM events WHERE seq = 3",
        "UPDATE events SET seq = 9 WHERE seq = 3",
        "DELETE FROM events WHERE seq = 3; UPDATE events SET seq = seq - 1 WHERE seq > 3",
    ],
)
def test_verify_returns_the_first_event_that_was_tampered_with(path, statement):
    _tamper(path, statement)
    with Ledger(path) as ledger:
        assert ledger.verify() == 3


@pytest.mark.parametrize(
    ("forged", "seq", "previous", "broken"),
    [(3, 3, 2, 4), (5, 9, 4, 5), (5, 5, 3, 5)],
    ids=["rewritten", "numbered ahead", "hung elsewhere"],
)
def test_verify_notices_an_event_with_a_right_hash_in_the_wrong_chain(
    path, forged, seq, previous, broken
):
    with Ledger(path) as ledger:
        hashes = {event.seq: event.hash for event in ledger.events()}
    fields = [seq, 1.5, "count", '{"number": 7}', hashes[previous]]
    digest = hashlib.sha256(json.dumps(fields).encode()).hexdigest()
    _tamper(
        path,
        f"UPDATE events SET seq = {seq}, time = 1.5, payload = '{fields[3]}', "
        f"previous = '{fields[4]}', hash = '{digest}' WHERE seq = {forged}",
    )
    with Ledger(path) as ledger:
        assert ledger.verify() == broken


def test_a_ledger_refuses_to_change_or_drop_an_event(path):
    with sqlite3.connect(path) as connection:
        for statement in ("UPDATE events SET kind = 'x'", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(("payload", "error"), [({"x": float("nan")}, ValueError)])
def test_append_refuses_what_is_not_json_and_goes_on(path, payload, error):
    with Ledger(path) as ledger:
        with pytest.raises(error):
            ledger.append("count", payload)
        assert ledger.append("count", {}).seq == 6


def test_append_adds_nothing_when_the_disk_is_full(path):
    with Ledger(path) as ledger:
        pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            ledger.append("large", {"text": "x" * 50_000})
        assert ledger.append("count", {}).seq == 6
        assert ledger.verify() is None


def test_two_ledgers_of_one_file_share_a_chain(path):
    with Ledger(path) as one, Ledger(path) as other:
        for number in range(3):
            one.append("one", {"number": number})
            other.append("other", {"number": number})
        assert [event.seq for event in one.events()] == list(range(1, 12))
        assert other.verify() is None


def test_the_ledger_loads_no_array_code():
    code = "import sys, alpha_factory.service.ledger; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "alpha_factory.records" in loaded
    assert not {"jax", "numpy", "alpha_factory.core", "alpha_factory.runs"} & set(loaded)


_APPEND_FOR_EVER = """
import itertools, sys
from pathlib import Path
from alpha_factory.service.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in itertools.count(1):
    print(ledger.append("count", {"number": number}).seq, flush=True)
"""


def test_a_ledger_is_whole_when_the_process_was_killed(tmp_path):
    path = tmp_path / "ledger.sqlite"
    command = [sys.executable, "-c", _APPEND_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for _ in range(20):
            child.stdout.readline()
        child.kill()
        printed = child.stdout.read().split()
    with Ledger(path) as ledger:
        events = ledger.events()
        assert ledger.verify() is None
    assert len(events) >= int(printed[-1] if printed else 20)
    assert [event.payload["number"] for event in events] == list(range(1, len(events) + 1))

import asyncio
import contextlib
import json
import random
import time
import zlib

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from alpha_factory.service.ledger import Ledger
from alpha_factory.service.page.app import make_app
from alpha_factory.service.page.guard import make_policy
from alpha_factory.service.page.live.outbox import Outbox, Parcel
from alpha_factory.service.page.live.topics import TOPICS
from made_runs import add_episode, add_rows, add_worlds, beat, make_run
from page_client import serving

MESSAGES = 10_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder / "a")
    with serving(make_app(folder, make_policy("127.0.0.1", None))) as place:
        yield folder, place


@contextlib.contextmanager
def watching(place, **given):
    with connect(f"ws://{place}/api/v1/live", max_size=None, **given) as socket:
        assert hear(socket)["type"] == "hello"
        yield socket


def say(socket, **said):
    socket.send(json.dumps(said))


def hear(socket, kind=None):
    """The next message, of a kind if one is given; others are passed over."""
    while True:
        told = json.loads(socket.recv(timeout=20))
        if kind in (None, told["type"]):
            return told


def subscribe(socket, run, **topics):
    say(socket, op="subscribe", id=1, run=run, topics=topics)
    assert hear(socket, "done")["id"] == 1


def test_what_a_run_writes_is_told_to_those_who_watch(server):
    folder, place = server
    run = make_run(folder / "watched")
    with watching(place) as socket:
        subscribe(socket, "watched", now=None, rows=None, worlds=None, episodes=None, events=None)
        assert hear(socket, "now")["now"]["frames"] == 190
        add_rows(run, [20])
        told = hear(socket, "rows")
        assert (told["columns"]["frames"], told["reset"]) == ([200], False)
        add_worlds(run, [10, 11])
        assert hear(socket, "worlds")["columns"]["id"] == [10, 11]
        add_episode(run, 4)
        assert [one["world"] for one in hear(socket, "episodes")["episodes"]] == [4]
        with Ledger(run / "ledger.sqlite") as ledger:
            ledger.append("cycle", {"accepted": 2})
        assert hear(socket, "events")["events"][0]["kind"] == "cycle"
        (run / "feedback.jsonl").write_text("{}\n")
        assert hear(socket, "acts")["run"] == "watched"
        beat(run, "paused")
        assert hear(socket, "now")["now"]["state"] in ("paused", "unknown", "training")


def test_update_is_seen_soon_after_it_is_written(server):
    folder, place = server
    run = make_run(folder / "quick")
    waits = []
    with watching(place) as socket:
        subscribe(socket, "quick", rows=None)
        for number in range(20, 25):
            started = time.monotonic()
            add_rows(run, [number])
            assert hear(socket, "rows")["columns"]["frames"] == [10 * number]
            waits.append(time.monotonic() - started)
    assert sorted(waits)[2] < 2.0, "a loose bound: benchmarks/measure_page.py measures it"


def test_client_that_comes_back_gets_what_it_missed_also_from_a_server_begun_anew(tmp_path):
    run = make_run(tmp_path / "run")
    app = make_app(tmp_path, make_policy("127.0.0.1", None))
    with serving(app) as place, watching(place) as socket:
        subscribe(socket, "run", rows=None, worlds=None)
        add_rows(run, [20])
        rows = hear(socket, "rows")["cursor"]
        add_worlds(run, [10])
        worlds = hear(socket, "worlds")["cursor"]
    add_rows(run, [21, 22])
    add_worlds(run, [11])
    app = make_app(tmp_path, make_policy("127.0.0.1", None))
    with serving(app) as place, watching(place) as socket:
        subscribe(socket, "run", rows=rows, worlds=worlds)
        told = [hear(socket), hear(socket)]
        by_type = {one["type"]: one for one in told}
        assert by_type["rows"]["columns"]["frames"] == [210, 220]
        assert by_type["worlds"]["columns"]["id"] == [11]
        assert not any(one["reset"] for one in told)


def test_rewound_run_is_told_as_a_reset(server):
    folder, place = server
    run = make_run(folder / "rewound")
    with watching(place) as socket:
        subscribe(socket, "rewound", rows=None)
        kept = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)[:1]
        (run / "metrics.jsonl").write_bytes(b"".join(kept))
        told = hear(socket, "rows")
        assert (told["columns"]["frames"], told["reset"]) == ([0], True)


def test_list_of_runs_is_told_when_it_changes(server):
    folder, place = server
    with watching(place) as socket:
        subscribe(socket, "*", runs=None)
        before = {run["name"] for run in hear(socket, "runs")["runs"]}
        make_run(folder / "brand-new")
        while "brand-new" not in {run["name"] for run in hear(socket, "runs")["runs"]}:
            pass
        assert "brand-new" not in before


def test_feed_goes_on_after_what_nobody_thought_of(server, monkeypatch):
    folder, place = server
    run = make_run(folder / "odd")
    read = TOPICS["rows"].read

    def fail_first(name, path, cursor):
        monkeypatch.setitem(TOPICS, "rows", TOPICS["rows"]._replace(read=read))
        raise TypeError("nobody thought of that")

    with watching(place) as socket:
        monkeypatch.setitem(TOPICS, "rows", TOPICS["rows"]._replace(read=fail_first))
        subscribe(socket, "odd", rows=None)
        while TOPICS["rows"].read is not read:
            time.sleep(0.01)
        add_rows(run, [20])
        assert hear(socket, "rows")["columns"]["frames"] == [200]


def test_unsubscribed_run_is_told_no_more(server):
    folder, place = server
    run = make_run(folder / "left")
    with watching(place) as socket:
        subscribe(socket, "left", rows=None)
        say(socket, op="unsubscribe", id=2, run="left")
        assert hear(socket, "done")["id"] == 2
        add_rows(run, [20])
        time.sleep(0.4)
        say(socket, op="ping", id=3)
        assert hear(socket) == {"type": "pong", "id": 3}


@pytest.mark.parametrize(
    "said",
    [
        {"op": "subscribe", "id": 1, "run": "none", "topics": {"rows": None}},
        {"op": "subscribe", "id": 1, "run": "../a", "topics": {"rows": None}},
        {"op": "subscribe", "id": 1, "run": "a", "topics": {"secrets": None}},
        {"op": "subscribe", "id": 1, "run": "a", "topics": {"runs": None}},
        {"op": "subscribe", "id": 1, "run": "a", "topics": {}},
        {"op": "subscribe", "id": -1, "run": "a", "topics": {"rows": None}},
        {"op": "shout", "id": 1},
        {"id": 1},
        [],
        7,
    ],
)
def test_what_is_not_understood_is_answered_with_an_error(server, said):
    with watching(server[1]) as socket:
        socket.send(json.dumps(said))
        assert hear(socket)["type"] == "error"
        say(socket, op="ping", id=5)
        assert hear(socket) == {"type": "pong", "id": 5}


def test_cursor_that_is_none_is_a_reset(server):
    with watching(server[1]) as socket:
        cursors = {"rows": "77-beef", "worlds": "1-2-3-4", "episodes": "x", "events": "99999"}
        subscribe(socket, "a", **cursors)
        told = {message["type"]: message for message in (hear(socket) for _ in range(4))}
        assert {*told} == {*cursors}
        assert all(message["reset"] for message in told.values())


def watch_from(place, stack, run, cursor):
    """Watch rows in a client of its own."""
    socket = stack.enter_context(watching(place))
    subscribe(socket, run, rows=cursor)
    return socket


@pytest.fixture
def slow_reads(monkeypatch):
    """Cursors of rows that were read, each as slow as in a run of many thousand rows."""
    asked, about = [], TOPICS["rows"]

    def read(name, path, cursor):
        asked.append(cursor)
        time.sleep(0.15)
        return about.read(name, path, cursor)

    monkeypatch.setitem(TOPICS, "rows", about._replace(read=read))
    return asked


def test_watchers_far_behind_hold_up_nobody_and_get_all_that_they_missed(server, slow_reads):
    folder, place = server
    run = make_run(folder / "behind", rows=60)
    text = (run / "metrics.jsonl").read_bytes()
    ends = [at + 1 for at, byte in enumerate(text) if byte == ord("\n")]
    cursors = [f"{end}-{zlib.crc32(text[max(0, end - 64) : end]):x}" for end in ends[:50:2]]
    with contextlib.ExitStack() as stack:
        here = watch_from(place, stack, "behind", None)
        late = [watch_from(place, stack, "behind", cursor) for cursor in cursors]
        add_rows(run, [60])
        before = len(slow_reads)
        assert hear(here, "rows")["columns"]["frames"] == [600]
        assert len(slow_reads) - before <= 5, "one look at most was before it"
        for at, socket in enumerate(late):
            frames = []
            while frames[-1:] != [600]:
                told = hear(socket, "rows")
                assert not told["reset"]
                frames += told["columns"]["frames"]
            assert frames == [10 * number for number in range(2 * at + 1, 61)]


def test_cursors_that_are_none_are_answered_together(server, slow_reads):
    folder, place = server
    make_run(folder / "junk")
    with contextlib.ExitStack() as stack:
        junk = [watch_from(place, stack, "junk", f"{at}-beef") for at in range(40)]
        for socket in junk:
            told = hear(socket, "rows")
            assert (told["reset"], len(told["columns"]["frames"])) == (True, 20)
    assert len(slow_reads) < 20


def test_malformed_messages_neither_end_the_server_nor_reach_the_run(server):
    folder, place = server
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "a").iterdir()}
    chance = random.Random(0)
    sent = 0
    while sent < MESSAGES:
        with watching(place) as socket, contextlib.suppress(ConnectionClosed):
            for _ in range(150):
                socket.send(malformed(chance))
                sent += 1
            while True:
                hear(socket)
    with watching(place) as socket:
        say(socket, op="ping", id=1)
        assert hear(socket) == {"type": "pong", "id": 1}
    assert {path.name: path.stat().st_mtime_ns for path in (folder / "a").iterdir()} == before


def malformed(chance):
    """Bytes, nonsense, JSON of other shapes, and messages that were right before something was changed."""
    good = {"op": "subscribe", "id": 1, "run": "a", "topics": {"rows": None}}
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return "".join(chr(chance.randrange(1, 0xD000)) for _ in range(chance.randrange(100)))
    if kind == 2:
        return "[" * chance.randrange(1, 5_000)
    if kind == 3:
        good[chance.choice([*good])] = chance.choice([None, -1, 1.5, "\0", [], {}, "x" * 9_000])
        return json.dumps(good)
    if kind == 4:
        text = list(json.dumps(good))
        text[chance.randrange(len(text))] = chr(chance.randrange(1, 300))
        return "".join(text[: chance.randrange(1, len(text))])
    return json.dumps(chance.choice([None, [], "op", {"op": ["ping"]}, {"op": "control"}, 10**400]))


def test_message_too_large_closes_the_connection_and_not_the_server(server):
    with watching(server[1]) as socket, contextlib.suppress(ConnectionClosed):
        socket.send("x" * 20_000_000)
        while True:
            assert hear(socket)["type"] == "beat"
    with watching(server[1]) as socket:
        say(socket, op="ping", id=1)
        assert hear(socket)["type"] == "pong"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://"])
def test_other_sites_may_not_watch(server, origin):
    with pytest.raises(InvalidStatus), connect(f"ws://{server[1]}/api/v1/live", origin=origin):
        pass


def test_own_page_may_watch(server):
    with watching(server[1], origin=f"http://{server[1]}"):
        pass


def test_nobody_watches_without_the_token(tmp_path):
    make_run(tmp_path / "a")
    token = "t" * 43
    with serving(make_app(tmp_path, make_policy("0.0.0.0", token))) as place:
        with pytest.raises(InvalidStatus), connect(f"ws://{place}/api/v1/live"):
            pass
        with watching(place, additional_headers={"Authorization": f"Bearer {token}"}):
            pass


def test_outbox_of_a_slow_client_drops_the_oldest_and_says_so():
    async def fill():
        outbox = Outbox(most_messages=4, most_bytes=1_000)
        for number in range(10):
            outbox.put(Parcel(b"%d" % number, "run", "rows", f"cursor {number}"))
        return [await outbox.get() for _ in range(5)]

    told, *rest = asyncio.run(fill())
    assert json.loads(told) == {
        "type": "dropped",
        "run": "run",
        "topics": {"rows": 6},
        "resume": {"rows": "cursor 0"},
    }
    assert rest == [b"6", b"7", b"8", b"9"]


def test_outbox_is_bounded_by_bytes_as_well():
    async def fill():
        outbox = Outbox(most_messages=1_000, most_bytes=1_000)
        for number in range(100):
            outbox.put(Parcel(b"x" * 300, "run", "worlds", f"cursor {number}"))
        await outbox.get()
        return [len(await outbox.get()) for _ in range(3)]

    assert asyncio.run(fill()) == [300, 300, 300]


def test_client_that_reads_nothing_holds_up_nobody(server):
    folder, place = server
    run = make_run(folder / "busy")
    with watching(place, max_queue=1, close_timeout=0.2) as slow, watching(place) as quick:
        subscribe(slow, "busy", rows="0-0")
        subscribe(quick, "busy", rows=None)
        for number in range(20, 30):
            add_rows(run, [number])
            assert hear(quick, "rows")["columns"]["frames"] == [10 * number]

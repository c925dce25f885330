"""Clients that are slow, dead or greedy, at raw sockets."""

import contextlib
import socket
import time

import pytest
from websockets.sync.client import connect

from alpha_factory.service.page import connection, guard
from alpha_factory.service.page.app import make_app
from alpha_factory.service.page.guard import make_policy
from made_runs import make_run
from page_client import serving

LARGE = bytes(64 << 20)  # more than the system's buffers take


@pytest.fixture
def short(monkeypatch):
    """Every patience is short."""
    monkeypatch.setattr(connection, "HEAD_S", 0.5)
    monkeypatch.setattr(connection, "TAKES_S", 0.5)
    monkeypatch.setattr(connection, "_LOOK_S", 0.1)
    monkeypatch.setattr(guard, "BODY_S", 0.5)


@pytest.fixture
def page(tmp_path):
    make_run(tmp_path / "a")
    with serving(make_app(tmp_path, make_policy("127.0.0.1", None))) as place:
        yield place


@contextlib.contextmanager
def calling(place, **options):
    host, port = place.split(":")
    with socket.socket() as called:
        for name, value in options.items():
            called.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        called.settimeout(20)
        called.connect((host, int(port)))
        yield called


def hear_all(called):
    """All that comes until the server ends it."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := called.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def drip(called, data):
    """Send a byte at a time until the server has had enough; the seconds that it took."""
    started = time.monotonic()
    with contextlib.suppress(ConnectionError):
        for byte in data:
            called.sendall(bytes([byte]))
            time.sleep(0.05)
            if time.monotonic() - started > 15:
                break
    return time.monotonic() - started


@pytest.mark.parametrize("data", [b"", b"GET /healthz HTT"], ids=["silent", "torn"])
def test_client_that_never_ends_its_head_is_cut_off(short, page, data):
    with calling(page) as called:
        called.sendall(data)
        assert hear_all(called) == b""


def test_client_that_drips_its_head_is_cut_off(short, page):
    with calling(page) as called:
        assert drip(called, b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 1_000) < 15


def test_client_that_drips_what_nobody_asked_for_after_an_answer_is_cut_off(short, page):
    with calling(page) as called:
        called.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9999\r\n\r\n")
        assert drip(called, b"y" * 1_000) < 15


@pytest.mark.parametrize(
    "length", [b"content-length: 500", b"transfer-encoding: chunked"], ids=["told", "chunked"]
)
def test_body_that_never_ends_is_answered_and_ended(short, page, length):
    with calling(page) as called:
        called.sendall(b"POST /api/v1/check HTTP/1.1\r\nhost: 127.0.0.1\r\n" + length + b"\r\n\r\n")
        taken = drip(called, b"1\r\n{\r\n" if b"chunked" in length else b"{" * 20)
        answer = hear_all(called)
        assert taken < 15
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"didn't come" in answer


def test_head_without_end_is_refused_before_it_fills_the_memory(page):
    with calling(page) as called, contextlib.suppress(ConnectionError):
        called.sendall(LARGE)
        pytest.fail("all of a head without end was taken")


@pytest.mark.parametrize(("length", "status"), [(15_000, b"200"), (20_000, b"413")])
def test_head_that_comes_at_once_has_a_limit_as_well(page, length, status):
    with calling(page) as called:
        rest = b"connection: close\r\nx-much: " + b"x" * length
        called.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n" + rest + b"\r\n\r\n")
        assert hear_all(called).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("is_in_parts", [True, False])
def test_client_that_takes_nothing_of_a_large_answer_is_cut_off(short, is_in_parts):
    ended = []

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        parts = [LARGE[:65_536]] * (len(LARGE) >> 16) if is_in_parts else [LARGE]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            for at, part in enumerate(parts):
                more = at + 1 < len(parts)
                await send({"type": "http.response.body", "body": part, "more_body": more})
        finally:
            ended.append(time.monotonic())

    with serving(app) as place, calling(place, SO_RCVBUF=4_096) as called:
        called.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        time.sleep(3)
        assert ended, "what sent the answer has been let go"
        assert len(hear_all(called)) < len(LARGE)


def test_client_that_takes_its_time_gets_all_of_a_large_answer(short, monkeypatch):
    monkeypatch.setattr(connection, "TAKES_S", 3.0)

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": LARGE[: 32 << 20]})

    with serving(app) as place, calling(place, SO_RCVBUF=1 << 18) as called:
        called.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        got, started = 0, time.monotonic()
        while part := called.recv(1 << 18):
            got += len(part)
            time.sleep(0.03)
        assert got > 32 << 20
        assert time.monotonic() - started > 3.0, "longer than a client that takes nothing may"


def test_connections_beyond_the_most_are_closed_and_the_others_served(page, monkeypatch):
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 5)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(calling(page)) for _ in range(5)]
        time.sleep(0.3)
        assert hear_all(stack.enter_context(calling(page))) == b""
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        assert hear_all(held[0]).startswith(b"HTTP/1.1 200")


def test_patience_with_requests_ends_where_a_websocket_begins(short, page):
    with connect(f"ws://{page}/api/v1/live") as live:
        time.sleep(1.5)
        live.send('{"op": "ping", "id": 1}')
        assert "hello" in live.recv(timeout=20)
        assert "pong" in live.recv(timeout=20)

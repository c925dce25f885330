"""The worker's client at its end."""

import os
import sys
import threading
import time

import httpx
import pytest

from alpha_factory.service.page.app import make_app
from alpha_factory.service.page.guard import make_policy
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.workshop import WorkshopClient
from made_runs import make_run
from page_client import serving

BUSY = """
import os, sys, time
open(sys.argv[1], "w").write(str(os.getpid()))
print("{}", flush=True)
time.sleep(600)
"""
"""A worker in the midst of something long, which hears nothing."""


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def busy(tmp_path):
    place = tmp_path / "process"

    def read():
        while not place.exists() or not place.read_text():
            time.sleep(0.01)
        return int(place.read_text())

    return WorkshopClient((sys.executable, "-I", "-S", "-c", BUSY, str(place))), read


def test_close_ends_a_busy_worker_and_those_who_wait_for_it(busy):
    workshop, read_process = busy
    failed = []

    def ask():
        try:
            workshop.ask("check", level=">.G")
        except Problem as problem:
            failed.append(problem.code)

    waiting = [threading.Thread(target=ask) for _ in range(3)]
    for thread in waiting:
        thread.start()
    process = read_process()
    started = time.monotonic()
    workshop.close()
    for thread in waiting:
        thread.join(20)
    assert time.monotonic() - started < 5.0, "a loose bound: it would be 120 s"
    assert failed == ["unavailable"] * 3
    assert not is_alive(process)
    with pytest.raises(Problem, match="being closed"):
        workshop.ask("check", level=">.G")


def test_server_ends_at_once_while_its_worker_is_busy(busy, tmp_path):
    workshop, read_process = busy
    make_run(tmp_path / "runs" / "a")
    app = make_app(tmp_path / "runs", make_policy("127.0.0.1", None), workshop=workshop)
    answers = []

    def ask(place):
        try:
            answer = httpx.post(f"http://{place}/api/v1/check", json={"level": ">.G"}, timeout=60)
            answers.append(answer.status_code)
        except httpx.HTTPError:
            answers.append(None)

    with serving(app, workshop) as place:
        thread = threading.Thread(target=ask, args=(place,))
        thread.start()
        process = read_process()
        started = time.monotonic()
    assert time.monotonic() - started < 5.0
    assert not is_alive(process)
    thread.join(20)
    assert answers in ([503], [None])

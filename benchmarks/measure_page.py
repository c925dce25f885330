"""Measure the live page's server: the big run, the time until an update is seen, load by clients, malformed messages.

    python benchmarks/measure_page.py big latency load fuzz

Prints a JSON line a measurement. `load` takes ten minutes: the same demo is watched and left alone in turns, and the
frames a second of the same stretches are compared. The clients run here too, so what they cost counts as well; they
subscribe to what the page subscribes to, and ask again for what its views ask, as often. `measure_page_browser.py`
measures in a browser.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import websockets

from alpha_factory.runs.files.archive import Archive
from alpha_factory.service.ledger import Ledger

CLIENTS = 50
WORLDS = 10_000
ROWS = 1_000_000
MALFORMED = 10_000
UPDATES = 100
NAMES = (
    *("frames_per_s", "replay_ratio", "pool", "median_path", "return_mean", "loss_value"),
    *("loss_policy", "loss_reward", "loss_decay", "loss_ewc", "updates_skipped", "gradient_norm"),
    *("policy_entropy", "heldout_solve_rate", "annecs", "qd_frontier", "embedding_wrong"),
)


def row(number: int) -> str:
    """A line of metrics as long as a run's."""
    values = dict.fromkeys(NAMES, number % 97 / 97 + 1e-09)
    told = {"frames": 16_000 * number, "updates": 32 * number, "cycle": number // 4}
    told |= {"wall_s": 2.0 * number, "compile_s": 30.0, "worlds_accepted": 0, "worlds_rejected": 0}
    return json.dumps(told | {"solve_rate": number % 89 / 89, "values": values})


def write_run(path: Path, rows: int, worlds: int) -> None:
    """A run of so many rows and worlds, each world with a score in 50 cycles."""
    path.mkdir(parents=True)
    (path / "config.json").write_text('{"preset": "demo", "seed": 0}')
    with (path / "metrics.jsonl").open("w") as file:
        for number in range(rows):
            file.write(row(number) + "\n")
    Archive(path / "worlds.sqlite").close()
    base = sqlite3.connect(path / "worlds.sqlite")
    base.executemany(
        "INSERT INTO worlds (id, genome, parents, operator, cycle, frames, verdict, score, qd, shortest_path) "
        "VALUES (?, ?, ?, 'rule + gaussian', ?, ?, 'accepted', 0.5, 0.5, 9)",
        (
            (at, f"{at:0128x}", f"[{at // 2}]" if at else "[]", at // 16, 16_000 * at)
            for at in range(worlds)
        ),
    )
    base.executemany(
        "INSERT INTO scores VALUES (?, ?, ?, 0.5, 0.5, 40)",
        ((at, at // 16 + cycle, 0) for at in range(worlds) for cycle in range(50)),
    )
    base.executemany(
        "INSERT INTO retirements VALUES (?, ?, 'mastered')",
        ((at, at // 16 + 50) for at in range(worlds - 256)),
    )
    # A panel of 64 worlds looked at again and again, honeypots, transfers, and newcomers tried by those that live.
    base.executemany(
        "INSERT INTO looks VALUES (?, ?, ?, 0.5, 0.1, 16)",
        (
            (at, 10 * look, 160_000 * look)
            for look in range(worlds // 160)
            for at in range(0, worlds, worlds // 64 or 1)
        ),
    )
    base.executemany(
        "INSERT INTO honeypots VALUES (?, ?, ?, 0.9, 0.1, 64, 1)",
        ((at, at // 16, 16_000 * at) for at in range(0, worlds, 10)),
    )
    base.executemany(
        "INSERT INTO transfers (cycle, specialist, helped, gain, merged) VALUES (?, ?, ?, 0.2, 1)",
        ((at // 16, at, at // 2) for at in range(0, worlds, 20)),
    )
    base.executemany(
        "INSERT INTO trials VALUES (?, ?, 16, 0.5)", ((at, at // 16) for at in range(worlds))
    )
    base.commit()
    base.close()
    ledger = Ledger(path / "ledger.sqlite")
    for cycle in range(min(300, worlds)):
        ledger.append(
            "honeypot", {"world": cycle, "cycle": cycle, "training": 0.9, "evaluation": 0.1}
        )
    ledger.close()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """A server of a folder in a process of its own: its address and process id."""
    command = [sys.executable, "-m", "alpha_factory.cli.main", "serve", str(folder)]
    with subprocess.Popen(
        [*command, "--port", "0", "--attached", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield json.loads(server.stdout.readline())["url"], server.pid
        finally:
            server.stdin.close()


def fetch(url: str) -> tuple[float, int]:
    """Seconds and bytes of an answer."""
    started = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        size = len(answer.read())
    return time.perf_counter() - started, size


def memory_mb(process: int) -> float:
    """The most that a process held so far."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def helpers_of(process: int) -> list[int]:
    """The server's own processes: the workshop, which draws and judges worlds, once somebody asks for it."""
    return [int(at) for at in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def cpu_s(process: int) -> float:
    """CPU seconds that a process took so far, its helpers' among them."""
    ticks = sum(map(int, Path(f"/proc/{process}/stat").read_text().split()[13:15]))
    return ticks / os.sysconf("SC_CLK_TCK") + sum(map(cpu_s, helpers_of(process)))


def measure_big(folder: Path) -> dict[str, object]:
    """How soon a big run is there: all that its first views ask for, one after the other."""
    write_run(folder / "big", ROWS, WORLDS)
    paths = (
        *("runs", "runs/big", "runs/big/metrics?points=600", "runs/big/events?limit=12"),
        "runs/big/worlds?sort=age&order=asc&living=true&page=0&size=36",
        "runs/big/worlds?sort=difficulty&order=asc&living=true&page=0&size=36",
        *("runs/big/lineage?limit=20000&accepted=true", "runs/big/retention", "runs/big/safety"),
        *("runs/big/acts", "runs/big/worlds/5000"),
        "runs/big/metrics?points=600&from=8000000000&to=8010000000",
    )
    with serving(folder) as (url, process):
        fetch(f"{url}healthz")
        told = {path: fetch(f"{url}api/v1/{path}") for path in paths}
        again = sum(fetch(f"{url}api/v1/{path}")[0] for path in paths)
        held = memory_mb(process)
        # Levels that nobody was filmed in are drawn by a process of its own, which has to load JAX first.
        drawn = [fetch(f"{url}api/v1/runs/big/{_LEVELS}")[0] for _ in range(2)]
        took, size = fetch(f"{url}api/v1/runs/big/metrics?format=csv")
        return {
            "measured": "big",
            "rows": ROWS,
            "worlds": WORLDS,
            "metrics_mb": round((folder / "big" / "metrics.jsonl").stat().st_size / 2**20),
            "seconds": {path: round(took, 3) for path, (took, _) in told.items()},
            "kilobytes": {path: size // 1024 for path, (_, size) in told.items()},
            "opens_s": round(sum(took for took, _ in told.values()), 3),
            "again_s": round(again, 3),
            "server_mb": round(held),
            "levels_s": [round(took, 3) for took in drawn],
            "workshop_mb": [round(memory_mb(one)) for one in helpers_of(process)],
            "csv_s": round(took, 1),
            "csv_mb": round(size / 2**20),
            "server_mb_after_csv": round(memory_mb(process)),
        }


class View(NamedTuple):
    """What a view asks again after messages of these kinds, at most once in so many seconds."""

    kinds: frozenset[str]
    pause_s: float
    paths: tuple[str, ...]


_WORLDS = "worlds?sort=age&order=asc&living=true&page=0&size=36"
_EPISODES = "episodes/latest?worlds=" + ",".join(map(str, range(36)))
_LEVELS = "levels?ids=" + ",".join(map(str, range(36)))
VIEWS = (
    View(frozenset({"events"}), 0.5, ("events?limit=12",)),  # Now
    View(frozenset({"worlds", "episodes"}), 3.0, (_WORLDS, _EPISODES, _LEVELS)),
    View(frozenset({"worlds", "episodes", "acts"}), 3.0, ("worlds/0",)),  # a world's page
    View(frozenset(), 0.0, ()),  # the lineage grows by its messages alone
    View(frozenset({"rows"}), 5.0, ("retention",)),  # Learning
    View(frozenset({"events", "rows"}), 2.0, ("safety",)),
    View(frozenset({"acts", "events", "now"}), 0.4, ("acts",)),  # Steering
)
"""As `web/src/views` has them."""


async def watch(
    url: str, run: str, seen: list[float], is_ready: asyncio.Event, view: View = VIEWS[3]
) -> None:
    """Watch a run as a view of the page does, and note when rows come."""
    place = url.replace("http", "ws") + "api/v1/live"
    asked: set[asyncio.Task[None]] = set()
    async with websockets.connect(place, max_size=None) as socket:
        topics = dict.fromkeys(("now", "rows", "worlds", "episodes", "events"))
        for number, (name, what) in enumerate([("*", {"runs": None}), (run, topics)]):
            said = {"op": "subscribe", "id": number, "run": name, "topics": what}
            await socket.send(json.dumps(said))
        async for message in socket:
            told = json.loads(message)
            if told["type"] == "done" and told["id"] == 1:
                is_ready.set()
            elif told["type"] == "rows":
                seen.append(time.perf_counter())
            if told["type"] in view.kinds and not asked:
                task = asyncio.create_task(ask_again(url, run, view))
                asked.add(task)
                task.add_done_callback(asked.discard)


async def ask_again(url: str, run: str, view: View) -> None:
    """After the view's pause, all that it asks; what comes meanwhile asks no second time."""
    await asyncio.sleep(view.pause_s)
    parts = urllib.parse.urlsplit(url)
    for path in view.paths:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        place = f"/api/v1/runs/{run}/{path}"
        head = f"GET {place} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


async def time_updates(url: str, path: Path, clients: int) -> list[float]:
    """Milliseconds from a row's write until the first client has it, one after the other."""
    seen: list[list[float]] = [[] for _ in range(clients)]
    ready = [asyncio.Event() for _ in range(clients)]
    tasks = [
        asyncio.create_task(watch(url, path.name, *one)) for one in zip(seen, ready, strict=True)
    ]
    await asyncio.gather(*(event.wait() for event in ready))
    waits = []
    chance = random.Random(0)
    for number in range(UPDATES):
        await asyncio.sleep(0.15 + 0.1 * chance.random())
        started = time.perf_counter()
        with (path / "metrics.jsonl").open("a") as file:
            file.write(row(100 + number) + "\n")
        while any(len(times) <= number for times in seen):
            await asyncio.sleep(0.001)
        waits += [1_000 * (times[number] - started) for times in seen]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return waits


def measure_latency(folder: Path) -> dict[str, object]:
    """How soon an update is seen, by one client and by many."""
    write_run(folder / "run", 100, 100)
    with serving(folder) as (url, _):
        told: dict[str, object] = {"measured": "latency", "updates": UPDATES}
        for clients in (1, CLIENTS):
            (folder / "run" / "metrics.jsonl").write_text(row(1) + "\n")
            waits = sorted(asyncio.run(time_updates(url, folder / "run", clients)))
            told[f"p50_ms_{clients}"] = round(statistics.median(waits), 1)
            told[f"p95_ms_{clients}"] = round(waits[int(0.95 * len(waits))], 1)
        return told


def wait_for_row(run: subprocess.Popen[bytes], path: Path, row: int) -> None:
    """Wait until a run at work has logged so many rows."""
    while count_rows(path) < row:
        assert run.poll() is None, f"the run ended before its row {row}"
        time.sleep(0.2)


def read_rate(run: subprocess.Popen[bytes], path: Path, first: int, last: int) -> float:
    """Frames a second of a run's work from one row of its metrics to another, compilation left out."""
    wait_for_row(run, path, last)
    rows = [json.loads(line) for line in path.read_text().splitlines()[first - 1 : last]]
    return (rows[-1]["frames"] - rows[0]["frames"]) / (rows[-1]["wall_s"] - rows[0]["wall_s"])


def count_rows(path: Path) -> int:
    """Rows that a run logged so far."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def measure_load(
    folder: Path, turns: str = "awwa", first: int = 8, last: int = 56
) -> dict[str, object]:
    """What a page with many clients costs the run that they watch: the same run, alone (a) and watched (w) in turns.

    Rates are of the same rows, so of the same work: what a run does in a minute changes from cycle to cycle.
    """
    rates: dict[str, list[float]] = {"a": [], "w": []}
    spent, wall, held, workshop = 0.0, 0.0, 0.0, list[int]()

    async def read_watched(url: str, run: subprocess.Popen[bytes], path: Path) -> float:
        ready = [asyncio.Event() for _ in range(CLIENTS)]
        tasks = [
            asyncio.create_task(watch(url, path.parent.name, [], one, view))
            for one, view in zip(ready, itertools.cycle(VIEWS), strict=False)
        ]
        await asyncio.gather(*(event.wait() for event in ready))
        rate = await asyncio.to_thread(read_rate, run, path, first, last)
        assert not any(task.done() for task in tasks), "a client failed"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return rate

    with serving(folder) as (url, process):
        for number, turn in enumerate(turns):
            path = folder / f"run{number}" / "metrics.jsonl"
            command = [sys.executable, "-m", "alpha_factory.cli.main", "run", "--preset", "demo"]
            with subprocess.Popen([*command, "--out", str(path.parent)]) as run:
                wait_for_row(run, path, first - 4)
                before, began = cpu_s(process), time.perf_counter()
                if turn == "w":
                    rates[turn].append(asyncio.run(read_watched(url, run, path)))
                    spent += cpu_s(process) - before
                    wall += time.perf_counter() - began
                    held = memory_mb(process)
                    workshop = [round(memory_mb(one)) for one in helpers_of(process)]
                else:
                    rates[turn].append(read_rate(run, path, first, last))
                run.send_signal(signal.SIGINT)
    return {
        "measured": "load",
        "clients": CLIENTS,
        "cores": os.cpu_count(),
        "cost": round(1 - statistics.mean(rates["w"]) / statistics.mean(rates["a"]), 4),
        "alone": [round(rate) for rate in rates["a"]],
        "watched": [round(rate) for rate in rates["w"]],
        "server_cpu_share": round(spent / wall, 3),
        "server_mb": round(held),
        "workshop_mb": workshop,
    }


def measure_fuzz(folder: Path) -> dict[str, object]:
    """Whether the server stands malformed messages, and whether they reach the run."""
    write_run(folder / "run", 100, 100)
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "run").iterdir()}
    chance = random.Random(0)
    good = {"op": "subscribe", "id": 1, "run": "run", "topics": {"rows": None}}

    def malformed() -> bytes | str:
        text = json.dumps(good)
        at = chance.randrange(len(text))
        return chance.choice(
            [
                chance.randbytes(chance.randrange(300)),
                text[:at] + chr(chance.randrange(1, 3_000)) + text[at + 1 :],
                text[:at],
                "[" * chance.randrange(8_000),
                json.dumps(good | {chance.choice([*good]): chance.choice([None, [], -1, "../x"])}),
            ]
        )

    async def fuzz(url: str) -> tuple[int, int]:
        sent, refused, place = 0, 0, url.replace("http", "ws") + "api/v1/live"
        while sent < MALFORMED:
            async with websockets.connect(place, max_size=None) as socket:
                for _ in range(
                    90
                ):  # at a hundred mistakes the server hangs up, and looks at no more
                    await socket.send(malformed())
                    sent += 1
                with contextlib.suppress(TimeoutError):
                    while True:
                        told = json.loads(await asyncio.wait_for(socket.recv(), 0.5))
                        refused += told["type"] == "error"
        return sent, refused

    with serving(folder) as (url, process):
        started = time.perf_counter()
        sent, refused = asyncio.run(fuzz(url))
        took = time.perf_counter() - started
        after = {path.name: path.stat().st_mtime_ns for path in (folder / "run").iterdir()}
        fetch(f"{url}healthz")
        return {
            "measured": "fuzz",
            "messages": sent,
            "refused": refused,
            "seconds": round(took, 1),
            "server_lives": True,
            "run_untouched": after == before,
            "server_mb": round(memory_mb(process)),
        }


MEASURES = {
    "big": measure_big,
    "latency": measure_latency,
    "load": measure_load,
    "fuzz": measure_fuzz,
}


def measure_asked(told: str, measures: dict[str, Callable[[Path], dict[str, Any]]]) -> None:
    """Those that the command line names, or all, each in a folder of its own."""
    parser = argparse.ArgumentParser(
        description=told, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(measures)
    parser.add_argument(
        "measures", nargs="*", help=f"of {names}; none: all", default=list(measures)
    )
    asked = parser.parse_args().measures
    if unknown := set(asked) - set(measures):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}; choices: {names}")
    for name in asked:
        with tempfile.TemporaryDirectory() as kept:
            print(json.dumps(measures[name](Path(kept))), flush=True)


if __name__ == "__main__":
    measure_asked(__doc__, MEASURES)

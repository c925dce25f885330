"""A real run at work, its page in a process of its own, and Chromium to look at it with."""

import contextlib
import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from browser_run import PROGRAM, serving, share, wait_for

SMALL = {
    "network.widths": "[16]",
    "network.latent": "16",
    "network.head": "16",
    "search.simulations": "2",
    "learning.worlds": "8",
    "learning.steps": "16",
    "learning.updates": "2",
    "learning.batch": "8",
    "learning.replay_slots": "64",
    "curriculum.slots": "16",
    "curriculum.chunks": "2",
    "curriculum.iterations": "2",
    "curriculum.parents": "4",
    "curriculum.children": "2",
    "curriculum.episodes": "2",
    "curriculum.block": "16",
    "curriculum.lowest": "-1.0",
    "curriculum.accepted": "3",
    "curriculum.specialist_cycles": "2",
    "curriculum.specialist_chunks": "1",
    "curriculum.heldout_cycles": "4",
    "curriculum.honeypot_every": "2",
    "curriculum.honeypot_episodes": "16",
    "playback.cycles": "1",
}
"""A run of every stage, in seconds: whatever its agent is like, worlds enter and leave."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


class Live(NamedTuple):
    """A run at work."""

    path: Path

    def read(self, name: str) -> list[dict]:
        """The lines of one of its files; none if there is no such file."""
        path = self.path / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def status(self) -> dict:
        """What it says of itself."""
        return json.loads((self.path / "status.json").read_text())


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A run that has been evaluated once, and goes on: one for all workers, who may read it and add to it.

    Beside it in the folder is `chosen`, its settings and records as a run on chosen levels leaves them.
    """
    with share(tmp_path_factory, "run", _run) as told:
        yield Live(Path(told))


@contextlib.contextmanager
def _run(folder: Path) -> Iterator[str]:
    path = folder / "runs" / "first"
    chosen = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    begin = [*PROGRAM, "run", "--out", str(path), "--frames", "15000", *chosen]
    subprocess.run(begin, check=True, capture_output=True, timeout=900)
    _copy_as_chosen(path, path.with_name("chosen"))
    # It has all the time in the world, and others haven't.
    command = ["nice", *PROGRAM, "run", "--resume", "--out", str(path), "--frames", "1000000000"]
    one, told = Live(path), folder / "stderr"
    with told.open("w") as complaints:
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=complaints)

    def is_training() -> bool:
        assert run.poll() is None, told.read_text()
        return one.status["state"] == "training"

    try:
        wait_for(is_training, "the run trains")
        yield str(path)
    finally:
        run.send_signal(signal.SIGINT)
        code = run.wait(120)
    assert code == 130, told.read_text()


def _copy_as_chosen(run: Path, chosen: Path) -> None:
    """The files of a run as those of one that chose levels for itself, which has no archive of worlds."""
    chosen.mkdir()
    for name in ("metrics.jsonl", "episodes.sqlite", "ledger.sqlite", "evaluation.json"):
        shutil.copy(run / name, chosen / name)
    config = json.loads((run / "config.json").read_text())
    config["curriculum"]["name"] = "accel"
    (chosen / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="session")
def address(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the folder of the runs is served, for all workers."""

    @contextlib.contextmanager
    def serve(_: Path) -> Iterator[str]:
        with serving(live.path.parent) as server:
            yield server.address

    with share(tmp_path_factory, "server", serve) as told:
        yield told


@pytest.fixture(scope="module")  # Playwright keeps an event loop in this thread until it ends
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or whatever is called so here."""
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    assert found, "Chromium is not installed. `apt-get install chromium` installs it."
    expect.set_options(timeout=30_000)  # a run works beside the browser
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found[0], args=["--no-sandbox", "--disable-gpu", *quiet]
        )
        yield browser
        browser.close()


class Reader:
    """A window on the page, and what its console complained of."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def open(self, place: str) -> Page:
        """Go to a path of the page."""
        self.page.goto(self.address + place)
        return self.page

    def find_barriers(self) -> list[str]:
        """What axe-core holds against the view."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"]})
        return [
            f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:3]}"
            for one in found.response["violations"]
        ]


@pytest.fixture
def look(browser: Browser, address: str) -> Iterator[Callable[..., Reader]]:
    """`look(width=1280, dark=False)` opens a window; no console may have complained at the end of the test.

    `at` is another server's address.
    """
    with contextlib.ExitStack() as stack:
        readers: list[Reader] = []

        def open_window(*, width: int = 1280, dark: bool = False, at: str = address) -> Reader:
            context = browser.new_context(
                viewport={"width": width, "height": 820},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            stack.callback(context.close)
            reader = Reader(context.new_page(), at)
            reader.page.set_default_timeout(60_000)
            readers.append(reader)
            return reader

        yield open_window
        for reader in readers:
            assert reader.complaints == []

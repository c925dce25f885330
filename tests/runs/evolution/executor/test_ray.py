"""A run whose work is done by workers of Ray is the run that does it itself, and leaves nothing behind."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from alpha_factory.records import MetricRow
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.evolution.executor.crew import hire_crew
from runs import tiny
from runs.test_resume import check_same

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

pytest.importorskip("ray")

MARK = "ALPHA_FACTORY_TEST_OF_RAY"
FRAMES = 300  # a cycle
CONFIG = tiny.with_curriculum(block=6, specialists=2)


def find_marked(mark: str) -> dict[int, str]:
    """Processes that inherited the mark, but for zombies, and what they are called."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # gone since, or not ours
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_run_on_workers_one_of_which_dies_has_the_bits_of_one_in_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    alone = tiny.finish(tiny.open_run(tmp_path / "alone", config=CONFIG), frames=FRAMES)
    said: list[str] = []
    killed: list[int] = []

    def kill_one(row: MetricRow) -> None:
        for _ in range(0 if killed else 600):  # workers may be starting yet
            names = find_marked(str(tmp_path))
            workers = [number for number, name in names.items() if name.startswith("ray::Worker")]
            if workers:
                killed.append(workers[0])
                os.kill(workers[0], signal.SIGKILL)
                break
            time.sleep(0.2)

    with hire_crew(CONFIG, 2, said.append) as crew:
        run = tiny.open_run(
            tmp_path / "together", Hooks(logged=kill_one), config=CONFIG, executor=crew
        )
        together = tiny.finish(run, frames=FRAMES)
        assert crew.compile_s > 0
    check_same(alone, together)
    assert len(killed) == 1
    assert re.fullmatch(r"A worker of Ray \(.+\) died\. Another takes its place .*", " ".join(said))
    for _ in range(50):
        if not find_marked(str(tmp_path)):
            break
        time.sleep(0.1)
    assert find_marked(str(tmp_path)) == {}

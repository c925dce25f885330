"""A run whose work is done by workers of Ray is the run that does it itself, and leaves nothing behind."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from alpha_factory.runs.course import Hooks
from alpha_factory.runs.executor.crew import Crew, hire_crew
from runs import tiny
from runs.test_resume import check_same

pytestmark = pytest.mark.implicit_promotion

pytest.importorskip("ray")

MARK = "ALPHA_FACTORY_TEST_OF_RAY"
FRAMES = 700
CONFIG = tiny.with_curriculum(block=6, specialists=2)


def find_marked(mark: str) -> list[str]:
    """Processes that inherited the mark, but for zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
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
    with hire_crew(CONFIG, 2, said.append) as crew:

        def kill_one(kind: str, payload: dict) -> None:
            if kind == "cycle" and payload["cycle"] == 0:
                os.kill(find_process(crew), signal.SIGKILL)

        run = tiny.open_run(
            tmp_path / "together", Hooks(event=kill_one), config=CONFIG, executor=crew
        )
        together = tiny.finish(run, frames=FRAMES)
        assert crew.compile_s > 0
    check_same(alone, together)
    (told,) = said
    assert re.fullmatch(r"A worker of Ray \(process \d+ on .*\) died\. Another takes .*", told)
    for _ in range(50):
        if not find_marked(str(tmp_path)):
            break
        time.sleep(0.1)
    assert find_marked(str(tmp_path)) == []


def find_process(crew: Crew) -> int:
    (first, *_) = crew._names.values()
    found = re.match(r"process (\d+)", first)
    assert found
    return int(found[1])

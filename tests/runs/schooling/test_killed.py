"""Runs on chosen levels that were killed end in the same bits as those that were not, whichever method chose."""

from pathlib import Path

import pytest

from alpha_factory.runs.settings.text import change
from runs import tiny_levels

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

SCOUTS = 14
"""Rounds of SFL's first scouting: 8 before the checkpoint, 12 before the kill."""
OWN = {
    "dr": [],
    "plr": [],
    "robust-plr": [],
    "mna": [],
    "sfl": [
        f"levels.scouted={4 * SCOUTS}",
        "levels.kept=6",
        "levels.practised=6",
        "levels.scout_steps=64",  # a score wants some episodes
    ],
}
FRAMES = {"sfl": 3700}
"""Scouting, all of the practice, and the beginning of the next scouting."""


@pytest.mark.parametrize("name", OWN)
def test_killed_run_resumes_to_the_same_bits(tmp_path: Path, name: str) -> None:
    config = change(tiny_levels.TINY, [f"curriculum.name={name}", "levels.score=null", *OWN[name]])
    frames = FRAMES.get(name, tiny_levels.FRAMES)
    whole = tiny_levels.finish_and_leave(tmp_path / "run", config, frames)
    assert int(whole.state.learner.updates) > 0
    left = tiny_levels.left_beside(whole.directory.path)
    resumed = tiny_levels.open_run(left, config=config, is_resuming=True)
    assert resumed.counters.chunk == 2 < whole.counters.chunk
    if name == "sfl":
        assert int(resumed.state.selection.scouted) == 8 < SCOUTS
        assert int(whole.state.selection.scouted) < SCOUTS, "it practised, and scouts again"
    tiny_levels.check_same(whole, tiny_levels.finish(resumed, frames))

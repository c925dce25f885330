"""Every example runs, tiny, and prints what it promises."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PRINTED = {
    "evolve_worlds.py": ["parent: shortest plan", "child 2 by", "alpha-factory worlds show"],
    "score_your_policy.py": ["explore: solved", "random: solved", "StandardMaze3"],
    "step_worlds_in_gymnasium.py": ["one world: return", "8 worlds: "],
    "step_worlds_in_jax.py": ["return of 16 worlds"],
    "train_on_your_maze.py": ["solved before training", "solved after 2,048 steps"],
}


@pytest.mark.implicit_promotion
@pytest.mark.parametrize("name", PRINTED)
def test_example_runs(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--tiny"])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capsys.readouterr().out
    for words in PRINTED[name]:
        assert words in printed


def test_sheet_of_worlds_is_drawn(tmp_path, monkeypatch):
    sheet = tmp_path / "worlds.png"
    monkeypatch.setattr(sys, "argv", ["draw_worlds.py", str(sheet), "2"])
    runpy.run_path(str(EXAMPLES / "draw_worlds.py"), run_name="__main__")
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*PRINTED, "draw_worlds.py"}

import pytest
from PIL import Image

from alpha_factory.core.errors import OutOfMemory, UsageError
from alpha_factory.runs.files import checkpoint
from alpha_factory.runs.files.directory import create_run
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.state import begin_state
from alpha_factory.runs.workshop import camera
from alpha_factory.runs.workshop.camera import render_world
from alpha_factory.runs.workshop.source import decode_genome
from runs.shortage import fall_short
from runs.tiny import TINY


def film(folder):
    """An untrained agent in a small world."""
    run = create_run(folder / "run", to_json(TINY))
    checkpoint.save(run.checkpoints, 1, begin_state(TINY, decode_genome(seed_genome())), {})
    run.close()
    (folder / "level.txt").write_text("step_limit = 5\n>..\n..G")
    return render_world(
        str(folder / "level.txt"),
        folder / "film.gif",
        policy=str(folder / "run"),
        keys=None,
        controls="turn",
        seed=0,
    )


@pytest.mark.implicit_promotion
def test_agent_of_a_run_is_filmed(tmp_path):
    assert film(tmp_path)["frames"] in range(4, 7)
    with Image.open(tmp_path / "film.gif") as frames:
        assert frames.size[0] > frames.size[1]


@pytest.mark.implicit_promotion
def test_agent_that_does_not_fit_is_not_filmed_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(camera, "record", fall_short)
    with pytest.raises(OutOfMemory, match=r"too small for 'render'.*The greatest part is"):
        film(tmp_path)
    assert not (tmp_path / "film.gif").exists()


def test_folder_without_a_run_is_no_policy(tmp_path):
    with pytest.raises(UsageError, match="random, oracle, or the directory of a run"):
        render_world(
            "Labyrinth",
            tmp_path / "film.gif",
            policy=str(tmp_path),
            keys=None,
            controls="turn",
            seed=0,
        )

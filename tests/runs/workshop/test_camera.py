import pytest
from PIL import Image

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.files import checkpoint
from alpha_factory.runs.files.directory import create_run
from alpha_factory.runs.settings.text import to_json
from alpha_factory.runs.state import begin_state
from alpha_factory.runs.workshop.camera import render_world
from runs.tiny import TINY


@pytest.mark.implicit_promotion
def test_agent_of_a_run_is_filmed(tmp_path):
    run = create_run(tmp_path / "run", to_json(TINY))
    checkpoint.save(run.checkpoints, 1, begin_state(TINY), {})
    run.close()
    (tmp_path / "level.txt").write_text("step_limit = 5\n>..\n..G")
    film = tmp_path / "film.gif"
    told = render_world(
        str(tmp_path / "level.txt"),
        film,
        policy=str(tmp_path / "run"),
        keys=None,
        controls="turn",
        seed=0,
    )
    assert told["frames"] in range(4, 7)
    with Image.open(film) as frames:
        assert frames.size[0] > frames.size[1]


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

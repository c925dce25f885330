import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.judging.target import GuestTarget, RunTarget, find_target


@pytest.fixture
def run(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "checkpoints" / "checkpoint-000000001.safetensors").write_bytes(b"")
    return tmp_path


def test_directory_is_a_run(run):
    assert find_target(str(run)) == RunTarget(run, None)


def test_file_in_the_folder_of_checkpoints_is_one_of_its_run(run):
    path = run / "checkpoints" / "checkpoint-000000001.safetensors"
    assert find_target(str(path)) == RunTarget(run, path)


def test_name_with_a_colon_is_a_policy():
    assert find_target("their.policies:act") == GuestTarget("their.policies", "act")
    assert str(find_target("their.policies:act")) == "their.policies:act"


def test_what_lies_on_the_disk_comes_first(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    place = run.parent / "a:b"
    place.mkdir()
    (place / "config.json").write_text("{}")
    assert isinstance(find_target("a:b"), RunTarget)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere", "There is nothing at 'nowhere'"),
        (":act", "names no policy"),
        ("their.policies:", "names no policy"),
        ("runs/first:1", "names no policy"),
    ],
)
def test_what_is_neither_is_refused_with_what_there_could_be(text, said):
    with pytest.raises(UsageError, match=said) as refused:
        find_target(text)
    assert "package.module:name" in str(refused.value)


def test_directory_without_settings_is_no_run(tmp_path):
    with pytest.raises(UsageError, match=r"holds no run: it has no config\.json"):
        find_target(str(tmp_path))


def test_file_elsewhere_is_no_checkpoint(run):
    (run / "model.safetensors").write_bytes(b"")
    with pytest.raises(UsageError, match="is no checkpoint of a run"):
        find_target(str(run / "model.safetensors"))

import importlib.metadata
import json

import pytest

from alpha_factory.cli import doctor, main


def test_doctor_prints_one_json_object_with_the_promised_fields(capsys):
    main.main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "python",
        "jax",
        "devices",
        "cores",
        "memory_gb",
        "extras",
        "problems",
    }
    assert found["cores"] >= 1
    assert found["devices"]
    assert found["extras"]["dev"] == {"installed": True, "missing": []}


def test_problem_comes_with_its_fix_and_exit_1(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "find_memory_gb", lambda: 0.5)
    assert main.main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "Problem: 0.5 GB of memory" in printed
    assert "Fix: close other programs" in printed


def test_missing_dependency_is_a_problem(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "equinox":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.0.1" if name == "optax" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    _, problems = doctor.find_extras()
    assert [problem["what"].split(">")[0] for problem in problems] == ["equinox", "optax"]
    assert problems[0]["fix"].startswith("pip install 'equinox")


def test_jax_that_does_not_start_is_a_problem(monkeypatch):
    import jax

    def devices():
        raise RuntimeError("Unable to initialize backend 'cuda'\nmore")

    monkeypatch.setattr(jax, "devices", devices)
    version, found, problems = doctor.find_devices()
    assert (version, found) == (None, [])
    assert problems[0]["what"] == "JAX does not start: Unable to initialize backend 'cuda'"


@pytest.mark.parametrize(("free_gb", "count"), [(0.5, 1), (50, 0)])
def test_full_disk_is_a_problem(free_gb, count, monkeypatch, tmp_path):
    usage = type("Usage", (), {"free": free_gb * 1e9})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert len(doctor.check_disk(tmp_path)) == count


def test_cache_that_cannot_be_written_is_a_problem(monkeypatch, tmp_path):
    folder = tmp_path / "deep" / "cache"
    assert doctor.check_cache(folder) == []
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert str(tmp_path) in doctor.check_cache(folder)[0]["what"]
    assert "home" in doctor.check_cache(None)[0]["what"]

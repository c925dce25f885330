import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

from alpha_factory.cli.attached import serve_beside
from alpha_factory.cli.main import main
from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.service.effects import Child, listen
from made_runs import make_run


def fetch(link, path):
    with urllib.request.urlopen(f"{link}{path}", timeout=30) as answer:
        return json.loads(answer.read())


def test_page_beside_a_run_shows_it_and_ends_with_it(tmp_path):
    with serve_beside(tmp_path / "run", 0) as link:
        assert fetch(link, "api/v1/runs") == {"runs": []}, "the run has not begun"
        make_run(tmp_path / "run")
        assert fetch(link, "api/v1/runs/run")["frames"] == 190
    with pytest.raises(OSError, match="refused"):
        fetch(link, "healthz")


def test_port_that_is_taken_is_told(tmp_path):
    with (
        listen("127.0.0.1", 0) as (_, port),
        pytest.raises(AlphaFactoryError, match=f"Cannot listen at 127.0.0.1, port {port}"),
        serve_beside(tmp_path, port),
    ):
        pass


def test_page_of_a_run_takes_another_port_where_its_own_is_taken(tmp_path, monkeypatch):
    with listen("127.0.0.1", 0) as (_, port):
        monkeypatch.setattr("alpha_factory.cli.attached.PORT", port)
        with serve_beside(tmp_path, None) as link:
            assert f":{port}/" not in link
            assert fetch(link, "api/v1/runs") == {"runs": []}


@pytest.mark.parametrize("flags", [["--host", "0.0.0.0"], ["--name", "lab.example"]], ids=str)
def test_page_for_others_prints_its_link_with_the_token_once(tmp_path, flags):
    command = [sys.executable, "-m", "alpha_factory.cli.main", "serve", str(tmp_path / "runs")]
    command += [*flags, "--port", "0", "--attached", "--json"]
    state = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    links = []
    for _ in range(2):
        with Child(command, environment=state) as page:
            told = json.loads(page.hear(60.0))
            links.append(told["link"])
            place = f"http://127.0.0.1:{urllib.parse.urlsplit(told['url']).port}/"
            with pytest.raises(urllib.error.HTTPError, match="401"):
                fetch(place, "api/v1/runs")
    (kept,) = (path for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert links[0].endswith(f"/?token={kept.read_text().strip()}")
    assert "token" not in links[1]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["no-such-folder"], "is no folder"), ([".", "--port", "70000"], "--port 70000 is none")],
)
def test_misuse_of_serve_is_told(arguments, says, capsys):
    assert main(["serve", *arguments]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_page_that_is_not_installed_says_how_to(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["serve", str(tmp_path)]) == 2
    assert 'pip install "alpha-factory[web]"' in " ".join(capsys.readouterr().err.split())

import json
import sys
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


def test_page_for_others_prints_its_link_with_the_token_once(tmp_path):
    command = [sys.executable, "-m", "alpha_factory.cli.main", "serve", str(tmp_path)]
    command += ["--host", "0.0.0.0", "--port", "0", "--attached", "--json"]
    with Child(command) as page:
        told = json.loads(page.hear(60.0))
    token = (tmp_path / ".page-token").read_text().strip()
    assert told["link"].endswith(f"/?token={token}")


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

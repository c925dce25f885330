import sys
from pathlib import Path

import pytest

from alpha_factory.cli import bench
from alpha_factory.cli.peer import SCRIPTS, start_peer
from alpha_factory.core.errors import AlphaFactoryError, UsageError

TELLS = """
import json, os, sys
print(json.dumps({"name": "jaxued", "version": "0", "jax": "1"}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    assert asked["result"] == "maze"
    cpu_s = float("JAX_NUMPY_RANK_PROMOTION" in os.environ)
    print(json.dumps({"wall_s": 2.0, "cpu_s": cpu_s, "work": asked["worlds"]}), flush=True)
"""


@pytest.fixture
def checkout(tmp_path):
    """One in which the peer is installed, with a script that is to be written."""
    (tmp_path / "benchmarks" / "peers").mkdir(parents=True)
    python = tmp_path / ".venv-peers" / "jaxued" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return tmp_path


def write_script(checkout, text):
    path = checkout / "benchmarks" / "peers" / "jaxued_maze.py"
    path.write_text(text, encoding="utf-8")


def test_peer_says_who_it_is_and_measures_itself(checkout):
    write_script(checkout, TELLS)
    with start_peer("jaxued", "worlds", checkout) as peer:
        assert (peer.name, peer.version, peer.jax) == ("jaxued", "0", "1")
        for worlds in (8, 16):
            turn = peer.measure("maze", {"worlds": worlds})
            # Variables for this process's JAX are not passed on.
            assert (turn.wall_s, turn.cpu_s, turn.work) == (2.0, 0.0, worlds)


def test_peer_that_is_not_installed_is_told_how_to_make(checkout):
    write_script(checkout, TELLS)
    (checkout / ".venv-peers" / "jaxued" / "bin" / "python").unlink()
    with (
        pytest.raises(UsageError, match=r"not installed.*Run `make peer-jaxued` in"),
        start_peer("jaxued", "worlds", checkout),
    ):
        pass


def test_peer_needs_a_checkout(tmp_path):
    with (
        pytest.raises(UsageError, match="measured from a checkout"),
        start_peer("jaxued", "worlds", tmp_path),
    ):
        pass


def test_peer_is_suggested_when_unknown():
    with pytest.raises(UsageError, match="Did you mean 'jaxued'"), start_peer("jaxude", "worlds"):
        pass


def test_peer_has_its_stages():
    with (
        pytest.raises(UsageError, match=r"jaxued is measured in worlds and rounds, not in learn\."),
        start_peer("jaxued", "learn"),
    ):
        pass


def test_every_peer_has_its_scripts():
    scripts = Path(__file__).parents[2] / "benchmarks" / "peers"
    named = {name for stages in SCRIPTS.values() for name in stages.values()}
    assert named == {path.name for path in scripts.glob("*.py")}


def test_peer_that_fails_says_why(checkout):
    write_script(checkout, "raise SystemExit('no such thing')")
    with (
        pytest.raises(AlphaFactoryError, match=r"status 1.*no such thing.*make --always-make"),
        start_peer("jaxued", "worlds", checkout),
    ):
        pass


def test_peer_that_chatters_is_quoted(checkout):
    write_script(checkout, "print('Welcome!', flush=True)")
    with (
        pytest.raises(AlphaFactoryError, match="in JSON and said 'Welcome!'"),
        start_peer("jaxued", "worlds", checkout),
    ):
        pass


def test_compare_tells_how_many_times_as_fast():
    ours = [
        {"name": "full", "rate": 1.0, "shape": {}},
        {"name": "maze", "rate": 40.0, "rate_per_cpu_s": 30.0, "shape": {}},
    ]
    theirs = {"name": "maze", "unit": "frames/s", "rate": 2.0, "rate_per_cpu_s": 1.0, "shape": {}}
    peer = {"name": "jaxued", "version": "0.0.1", "jax": "0.4.35", "results": [theirs]}
    assert bench.compare(ours, peer) == [
        "maze of jaxued 0.0.1 (jax 0.4.35): 2 frames/s, ours 20.0 times as many; 1 each CPU second, "
        "ours 30.0 times as many"
    ]
    puct = theirs | {"name": "puct", "shape": {"batch": 64}}
    assert bench.compare([puct | {"rate": 9.0}], peer | {"results": [puct]})[0].startswith(
        "puct, batch 64, of jaxued 0.0.1"
    )
    # Where we have one result of a name, the peer's batch may be another.
    training = theirs | {"name": "cartpole", "shape": {"batch": 32}}
    assert bench.compare(
        [training | {"rate": 9.0, "shape": {"batch": 256}}], peer | {"results": [training]}
    )[0].startswith("cartpole, batch 32, of jaxued 0.0.1")
    silent = peer | {"results": [theirs | {"rate_per_cpu_s": None}]}
    assert bench.compare(ours, silent)[0].endswith("ours 20.0 times as many")

"""Other projects' engines to be measured beside ours: a name in, a process that measures itself out.

A peer is a script in `benchmarks/peers`. One that needs other versions of what we need is run by a Python of its own,
which `make peer-NAME` installs, any other by ours. It says who it is in a line of JSON, then answers requests, a line
each.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alpha_factory
from alpha_factory.core.errors import AlphaFactoryError, UsageError, unknown
from alpha_factory.service.effects import Child, ChildFailed

if TYPE_CHECKING:
    from alpha_factory.runs.bench import Peer

SCRIPTS = {
    "jaxued": {"worlds": "jaxued_maze.py", "rounds": "jaxued_rounds.py"},
    "mctx": {"search": "mctx_search.py"},
    "muax": {"cartpole": "muax_cartpole.py"},
}
"""Of each peer, the stages that measure it and what measures it there."""
_OURS = {"mctx"}  # run by our own Python
_HELLO_S = 120.0
_MEASURE_S = 600.0
_NOT_PASSED_ON = ("JAX_", "PYTHON")
"""Beginnings of environment variables that are meant for this process: another JAX may not know them."""


@contextmanager
def start_peer(name: str, stage: str, root: Path | None = None) -> Iterator["Peer"]:
    """Start the peer of that name for a stage, and end it with the `with` statement.

    Args:
        root: the checkout that has the script and the peer's environment; None for this package's.

    Raises:
        UsageError: there is no such peer, it has nothing like that stage, there is no checkout, or its environment
            has not been made.
        AlphaFactoryError: the peer failed, said nothing in time or something else than JSON.
    """
    if name not in SCRIPTS:
        raise unknown("peer", name, SCRIPTS)
    if stage not in SCRIPTS[name]:
        stages = " and ".join(SCRIPTS[name])
        raise UsageError(f"The peer {name} is measured in {stages}, not in {stage}.")
    root = root or Path(alpha_factory.__file__).parents[2]
    script = root / "benchmarks" / "peers" / SCRIPTS[name][stage]
    if not script.is_file():
        raise UsageError(f"{script} is missing: peers are measured from a checkout of the project.")
    python = root / ".venv-peers" / name / "bin" / "python"
    if name in _OURS:
        if importlib.util.find_spec(name) is None:
            raise UsageError(f"The peer {name} is not installed: run `pip install {name}` first.")
        python = Path(sys.executable)
    elif not python.is_file():
        raise UsageError(
            f"The peer {name} is not installed: there is no {python}. "
            f"Run `make peer-{name}` in {root} first."
        )
    from alpha_factory.runs.bench import Peer, Turn

    try:
        # Isolated: neither this project's packages nor the user's get in.
        with Child([str(python), "-I", str(script)], environment=_environment()) as child:
            told = json.loads(child.hear(_HELLO_S))

            def measure(result: str, shape: Mapping[str, int]) -> Turn:
                answer = child.ask(json.dumps({"result": result, **shape}), _MEASURE_S)
                return Turn(**json.loads(answer))

            yield Peer(told["name"], told["version"], told["jax"], measure)
    except ChildFailed as failure:
        raise AlphaFactoryError(
            f"The peer {name} failed: {failure} Try `make --always-make peer-{name}`."
        ) from failure
    except json.JSONDecodeError as error:
        raise AlphaFactoryError(
            f"The peer {name} should answer in JSON and said {error.doc[:80]!r}. "
            f"Try `make --always-make peer-{name}`."
        ) from error


def _environment() -> dict[str, str]:
    kept: dict[str, Any] = {
        key: value for key, value in os.environ.items() if not key.startswith(_NOT_PASSED_ON)
    }
    if "JAX_PLATFORMS" in os.environ:
        kept["JAX_PLATFORMS"] = os.environ["JAX_PLATFORMS"]
    return kept

"""Who may import whom, and what importing does: nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("jax", "jaxlib", "equinox", "numpy", "matplotlib", "tensorboardX")
LOADED = f"""
import sys
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
print("LOADED", *loaded, file=sys.__stderr__)
"""


def test_contracts_hold():
    # In a process of its own: import-linter keeps the stdout that it finds when it is imported.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    assert "0 broken" in linted.stdout


def test_importing_the_package_does_nothing(tmp_path):
    script = (
        "import sys; before = set(sys.modules); import alpha_factory; "
        "print('LOADED', *sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = _python(script, tmp_path)
    assert _loaded(done) == ["alpha_factory"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["worlds", "check", "--help"],
        ["rum"],
        ["run", "--seed", "x"],
        ["run", "--preset", "tiny"],
        ["report", "no-such-run"],
        ["evaluate", "no-such-run", "--suite", "generated-v1"],
        ["compare", "no-such-run"],
        ["bound", "no-such-run"],
        ["bound", "library:policy"],
    ],
    ids=" ".join,
)
def test_help_and_misuse_load_no_jax(arguments, tmp_path):
    script = (
        "import atexit\n"
        f"atexit.register(lambda: exec({LOADED!r}))\n"
        "import sys\n"
        "from alpha_factory.cli.main import main\n"
        f"sys.exit(main({arguments!r}))\n"
    )
    done = _python(script, tmp_path)
    assert done.returncode == (0 if "--help" in arguments else 2)
    assert _loaded(done) == []


def _python(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=directory,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _loaded(done: subprocess.CompletedProcess[str]) -> list[str]:
    lines = [line for line in done.stderr.splitlines() if line.startswith("LOADED")]
    assert len(lines) == 1, done.stderr
    return lines[0].split()[1:]

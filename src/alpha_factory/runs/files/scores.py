"""`evaluation.json`: what a run's agent got on suites. Results in, as `evaluate` prints them, and out again.

To play takes minutes. So whether they can be written is asked beforehand, and an error in the end still has them.
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alpha_factory.core.errors import AlphaFactoryError, DiskFull, RunConflict, UsageError
from alpha_factory.runs.files.directory import RunDirectory
from alpha_factory.runs.files.durable import explain_disk_full, write_whole

_FILE = "evaluation.json"
_SUITE = {"suite", "step_limit", "episodes", "policies"}
_SCORES = {"solve_rate", "low", "high", "cvar_10", "return_mean"}
_ANEW = "Delete it; `alpha-factory evaluate RUN --suite NAME --keep` gives the numbers anew."
_ANOTHER = (
    "Give a run's directory, or a file that `alpha-factory evaluate POLICY --out FILE` wrote."
)
_FLAT = re.compile(r"\[\s+([^\[\]{}]*?)\s+\]")  # a list of nothing but numbers or words


class ScoresNotKept(AlphaFactoryError):
    """What was played could not be written; what the file held before is intact."""

    def __init__(self, path: Path, error: Exception, results: Sequence[dict[str, Any]]) -> None:
        self.path, self.results = path, list(results)
        cause = error.__cause__ if isinstance(error, DiskFull) else error
        said = (cause.strerror if isinstance(cause, OSError) else None) or str(error).rstrip(".")
        super().__init__(f"The scores could not be written to {path}: {said}.")


def save_scores(directory: RunDirectory, results: Sequence[dict[str, Any]]) -> None:
    """Keep a run's closing evaluation, in the place of all that was kept before.

    Raises:
        DiskFull: no space was left; what was kept before is intact.
    """
    path = directory.path / _FILE
    with explain_disk_full(path, directory.checkpoints):
        write_whole(path, [_to_text(results).encode()])


def add_scores(directory: RunDirectory, results: Sequence[dict[str, Any]]) -> None:
    """Keep results beside those of other suites and step limits.

    Raises:
        RunConflict: what was kept before is damaged.
        DiskFull: as `save_scores` does.
    """
    new = {_identify(result) for result in results}
    others = [kept for kept in read_scores(directory.path) if _identify(kept) not in new]
    save_scores(directory, [*others, *results])


def read_scores(run: Path) -> list[dict[str, Any]]:
    """What was kept of the run at `run`; nothing where it has not been evaluated.

    Raises:
        RunConflict: the file is damaged.
    """
    path = run / _FILE
    return read_file(path) if path.is_file() else []


def keep_scores(run: Path, results: Sequence[dict[str, Any]]) -> None:
    """As `add_scores`, but an error has the results.

    Raises:
        ScoresNotKept: they could not be added.
    """
    try:
        add_scores(RunDirectory(run), results)
    except (AlphaFactoryError, OSError) as error:
        raise ScoresNotKept(run / _FILE, error, results) from error


def check_kept(run: Path) -> None:
    """Raise if scores can't be kept in the run at `run`, as far as can be known before they are there.

    Raises:
        RunConflict: what was kept before is damaged.
        UsageError: the directory can't be written to.
    """
    read_scores(run)
    if not _is_writable(run):
        raise UsageError(f"{run} can't be written to, so --keep can't be done. Give --out FILE.")


def write_file(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write results into a file of their own; one that is there is replaced, whole or not at all.

    Raises:
        ScoresNotKept: they could not be written.
    """
    try:
        write_whole(path, [_to_text(results).encode()])
    except OSError as error:
        raise ScoresNotKept(path, error, results) from error


def check_file(path: Path) -> None:
    """Raise if `write_file` can't write to `path`, as far as can be known before there are results.

    Raises:
        UsageError: it is a directory or another thing than a file, or there is no folder for it that can be
            written to.
    """
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"--out {path} is a directory. Name a file: --out {path / 'scores.json'}.")
    if path.exists() and not path.is_file():
        raise UsageError(f"--out {path} is no file that could be replaced. Name another.")
    if not folder.is_dir():
        raise UsageError(
            f"--out {path}: there is no folder {folder}. Make it, or name a file in one that is there."
        )
    if not _is_writable(folder):
        raise UsageError(
            f"--out {path}: the folder {folder} can't be written to. Name a file in another."
        )


def read_file(path: Path) -> list[dict[str, Any]]:
    """The results in one file.

    Raises:
        RunConflict: the file is damaged.
    """
    # Any other file may be anything, and dear to someone.
    remedy = _ANEW if path.name == _FILE else _ANOTHER
    try:
        suites = json.loads(path.read_bytes())
    except ValueError as error:
        raise RunConflict(f"{path} is not JSON: {error}. {remedy}") from error
    suites = [suites] if isinstance(suites, dict) else suites
    if not isinstance(suites, list) or not all(map(_is_suite, suites)):
        raise RunConflict(f"{path} is not what `evaluate` writes. {remedy}")
    return suites


def _to_text(results: Sequence[dict[str, Any]]) -> str:
    return _FLAT.sub(_join, json.dumps(list(results), indent=2)) + "\n"


def _join(found: re.Match[str]) -> str:
    """Such a list in one line."""
    return f"[{' '.join(found[1].split())}]"


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _identify(result: dict[str, Any]) -> tuple[Any, ...]:
    return result["suite"], result.get("suite_hash"), result["step_limit"]


def _is_suite(suite: Any) -> bool:
    return (
        isinstance(suite, dict)
        and suite.keys() >= _SUITE
        and isinstance(suite["policies"], dict)
        and all(
            isinstance(scores, dict) and scores.keys() >= _SCORES
            for scores in suite["policies"].values()
        )
    )

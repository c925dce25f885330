"""The runs folder: names of runs in, their directories out, and none beside them."""

import os
import stat
from pathlib import Path

from alpha_factory.service.page.problem import Problem

_CONFIG = "config.json"
_MOST_RUNS = 1_000


class RunsFolder:
    """A folder of runs, or a single run."""

    def __init__(self, path: Path) -> None:
        """Show the runs in `path`, or the run that it is."""
        self.path = path.resolve()

    def is_readable(self) -> bool:
        """Whether the folder can be listed."""
        return os.access(self.path, os.R_OK | os.X_OK) and self.path.is_dir()

    def runs(self) -> dict[str, Path]:
        """Directories of runs by name, newest settings first.

        A link that leads out of the folder is not followed.
        """
        if (self.path / _CONFIG).is_file():
            return {self.path.name or "run": self.path}
        found = []
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    told = self._look(entry)
                    if told is not None:
                        found.append((told, entry.name))
        except OSError:
            return {}
        newest = sorted(found, reverse=True)[:_MOST_RUNS]
        return {name: self.path / name for _, name in newest}

    def find(self, name: str) -> Path:
        """The directory of a run.

        The name is looked up among those of the runs, never joined to a path.

        Raises:
            Problem: there is no run of that name.
        """
        place = self.runs().get(name)
        if place is None:
            raise Problem("not_found", f"There is no run {name[:80]!r}. GET /api/v1/runs has all.")
        return place

    def _look(self, entry: os.DirEntry[str]) -> float | None:
        """When a run's settings were written; None for what is no run of ours."""
        try:
            entry.name.encode()  # a name that is no UTF-8 can't be named in JSON
            if not entry.is_dir():
                return None
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(self.path):
                return None
            told = Path(entry.path, _CONFIG).stat()
        except (OSError, UnicodeEncodeError):
            return None
        return told.st_mtime if stat.S_ISREG(told.st_mode) else None


def inside(run: Path, name: str) -> Path | None:
    """The plain file of that name in a run's directory; None where there is none, or a link leads out of it."""
    path = run / name
    try:
        is_ours = path.is_file() and path.resolve().is_relative_to(run.resolve())
    except (OSError, ValueError):
        return None
    return path if is_ours else None

"""Which source this is: the commit of the checkout that the package lies in, or its version."""

import importlib.metadata
from pathlib import Path

import alpha_factory

_DISTRIBUTION = "alpha-factory"


def find_revision(package: Path | None = None) -> str:
    """The commit that is checked out, or the version of an installed package.

    Git's files are read, since array code starts no processes; so changes that have not been
    committed go unnoticed.

    Args:
        package: folder of the package, `src/alpha_factory` in a checkout; None for this one.
    """
    package = package or Path(alpha_factory.__file__).parent
    root = package.parents[1]
    if package.parent.name == "src" and (folder := _git_folder(root)) and (commit := _head(folder)):
        return commit
    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _git_folder(root: Path) -> Path | None:
    """Git's folder of the checkout at `root`; that of a linked worktree is named by a file."""
    entry = root / ".git"
    if entry.is_dir():
        return entry
    if not entry.is_file():
        return None
    return root / entry.read_text(encoding="utf-8").strip().removeprefix("gitdir: ")


def _head(folder: Path) -> str | None:
    """The commit that HEAD stands for; None in a repository without one."""
    head = _read(folder / "HEAD")
    if not head.startswith("ref: "):
        return head or None
    name = head.removeprefix("ref: ")
    # Branches of a linked worktree are kept in the folder that all worktrees share.
    shared = folder / (_read(folder / "commondir") or ".")
    if commit := _read(folder / name) or _read(shared / name):
        return commit
    for line in _read(shared / "packed-refs").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name:
            return commit
    return None


def _read(path: Path) -> str:
    """A file's text without the line end; nothing where there is none."""
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

"""The token that a page open to others demands: a file of mode 600 in, the token out.

It lies with the user's state and not with the runs, which are copied, shared and served: one for each runs folder.
"""

import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from alpha_factory.service.page.problem import Problem

COOKIE = "alpha_factory"
_BYTES = 32
_SHORTEST = 32
_NAME = 32  # digits of the hash of the folder's place: no names of folders in the names of files


class Kept(NamedTuple):
    """A token that is kept."""

    token: str
    file: Path
    is_new: bool


def keep_token(runs: Path, environment: Mapping[str, str] = os.environ) -> Kept:
    """The token of a runs folder, made where there is none.

    Args:
        environment: `XDG_STATE_HOME` says where a user's state lies; otherwise it is `~/.local/state`.

    Raises:
        Problem: the file can be read by others, is a link, or holds no token.
    """
    name = sha256(os.fsencode(runs.resolve())).hexdigest()[:_NAME]
    try:
        base = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise Problem("unavailable", f"{error} Set XDG_STATE_HOME to a folder.") from error
    path = Path(base, "alpha-factory", "page-tokens", name)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return Kept(_read(path), path, is_new=False)
    except OSError as error:
        raise Problem("unavailable", f"{path} can't be written: {error.strerror}.") from error
    token = secrets.token_urlsafe(_BYTES)
    with os.fdopen(file, "w", encoding="ascii") as kept:
        kept.write(token + "\n")
    return Kept(token, path, is_new=True)


def is_token(given: str, token: str) -> bool:
    """Whether it is the token; the time that this takes says nothing about it."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def make_cookie(token: str) -> str:
    """What the cookie holds: not the token, though it follows from it."""
    return hmac.new(token.encode(), b"alpha-factory page", sha256).hexdigest()


def _read(path: Path) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise Problem("unavailable", f"{path} can't be read: {error.strerror}.") from error
    with os.fdopen(file, encoding="ascii", errors="replace") as kept:
        mode = stat.S_IMODE(os.fstat(kept.fileno()).st_mode)
        if mode & 0o077:
            raise Problem(
                "conflict", f"{path} can be read by others (mode {mode:o}). Run `chmod 600 {path}`."
            )
        token = kept.read(1_000).strip()
    if len(token) < _SHORTEST:
        raise Problem("conflict", f"{path} holds no token. Delete it; a new one will be made.")
    return token

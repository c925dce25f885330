"""The token that a page open to others demands: a file of mode 600 in, the token out."""

import hmac
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from alpha_factory.service.page.problem import Problem

FILE = ".page-token"
COOKIE = "alpha_factory"
_BYTES = 32
_SHORTEST = 32


def keep_token(folder: Path) -> tuple[str, bool]:
    """The token of a runs folder, made where there is none, and whether it is new.

    Raises:
        Problem: the file can be read by others, is a link, or holds no token.
    """
    path = folder / FILE
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return _read(path), False
    except OSError as error:
        raise Problem("unavailable", f"{path} can't be written: {error.strerror}.") from error
    token = secrets.token_urlsafe(_BYTES)
    with os.fdopen(file, "w", encoding="ascii") as kept:
        kept.write(token + "\n")
    return token, True


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

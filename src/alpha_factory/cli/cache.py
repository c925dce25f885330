"""Where compiled programs and the oracle's answers are kept, so that only the first start waits for them."""

import sys
from collections.abc import MutableMapping
from pathlib import Path


def share_compilations(environment: MutableMapping[str, str]) -> None:
    """Name JAX's persistent cache in `environment`, where the user hasn't. To be called before JAX is imported."""
    if (folder := cache_folder(environment)) is None:
        return
    environment.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    # JAX's own bounds leave out small programs; together those are most of a second start on a CPU.
    environment.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    environment.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def cache_folder(environment: MutableMapping[str, str]) -> Path | None:
    """JAX's cache folder: the user's choice, or the platform's place for caches; None without a home."""
    if chosen := environment.get("JAX_COMPILATION_CACHE_DIR"):
        return Path(chosen)
    folder = _own_folder(environment)
    return None if folder is None else folder / "jax"


def oracle_folder(environment: MutableMapping[str, str]) -> Path | None:
    """Where the oracle's answers are kept; None without a home."""
    folder = _own_folder(environment)
    return None if folder is None else folder / "oracle"


def _own_folder(environment: MutableMapping[str, str]) -> Path | None:
    """Ours in the platform's place for caches."""
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "alpha-factory"
    if sys.platform == "win32" and (base := environment.get("LOCALAPPDATA")):
        return Path(base) / "alpha-factory" / "cache"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    caches = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return caches / "alpha-factory"

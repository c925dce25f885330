"""Worlds that a run never trained in: levels of a suite less those that its pool or its archive has."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.evaluate import Suite, limit_steps
from alpha_factory.evaluate.generated import SOURCES
from alpha_factory.genome import from_hex
from alpha_factory.runs.suites import load_suite
from alpha_factory.worlds import GridLevel, decode
from alpha_factory.worlds.levels.file import parse_level

WORLDS = 300
"""Held-out worlds unless told otherwise: as many as the paper's experiment has (appendix B.5)."""

_TOGETHER = 256  # genomes decoded at a time
_FEWEST = 2  # worlds of which a mean has an interval


def choose_unseen(
    name: str, trained: set[bytes], *, levels: int | None, seed: int | None
) -> tuple[Suite, int]:
    """Levels of a suite whose tiles and start no world of training has.

    Args:
        trained: outlines of the worlds of training.
        levels: how many; None for 300 of a suite that is drawn and for all of a frozen one.
        seed: that they are drawn from; None for 0.

    Returns:
        The suite with these levels, at its first step limit, and how many were passed over.

    Raises:
        UsageError: the suite is unknown, or has fewer such levels than asked for.
    """
    is_drawn = name in SOURCES
    wanted = (WORLDS if levels is None else levels) if is_drawn else levels
    if wanted is not None and wanted < _FEWEST:
        raise UsageError(
            f"--count {wanted} is too few to tell a mean with its interval. Give {_FEWEST} or more."
        )
    needed = _FEWEST if wanted is None else wanted
    asked = needed
    while True:
        # A seed's first levels stay the same however many are drawn.
        suite = load_suite(name, levels=asked if is_drawn else None, seed=seed)
        outlines = outline(suite.levels)
        unseen = [index for index, one in enumerate(outlines) if one not in trained]
        passed = len(outlines) - len(unseen)
        if len(unseen) >= needed:
            break
        if not is_drawn:
            beside = f", {passed} of which the run has trained in" if passed else ""
            raise UsageError(
                f"{name} has {len(outlines)} levels{beside}: fewer than the {needed} asked for. "
                f"Give a lower --count, or a suite that is drawn: {' or '.join(SOURCES)}."
            )
        asked += needed - len(unseen)
    chosen = np.array(unseen[:wanted])
    kept = jax.tree.map(lambda leaf: leaf[chosen], limit_steps(suite.levels, suite.step_limits[0]))
    return suite._replace(levels=kept, names=tuple(suite.names[at] for at in chosen)), passed


def outline(levels: GridLevel) -> list[bytes]:
    """What tells each of stacked levels from others: its size, tiles and start, whatever it pays."""
    host = jax.device_get(levels)
    return [
        _outline(tile, size, start)
        for tile, size, start in zip(host.tile, host.size, host.start, strict=True)
    ]


def _outline(tile: np.ndarray, size: np.ndarray, start: np.ndarray) -> bytes:
    rows, columns = size
    return size.tobytes() + start.tobytes() + tile[:rows, :columns].tobytes()


def outline_accepted(archive: Path) -> Iterator[bytes]:
    """The outlines of all worlds that a run has accepted, from its `worlds.sqlite`, which stays as it is.

    Raises:
        RunConflict: the file can't be read without a change to it.
    """
    if not archive.is_file():
        return
    genomes, drawn = _read_accepted(archive)
    for text in drawn:
        level = jax.device_get(parse_level(text))
        yield _outline(level.tile, level.size, level.start)
    for first in range(0, len(genomes), _TOGETHER):
        part = genomes[first : first + _TOGETHER]
        filled = np.stack([from_hex(genomes[first]) for _ in range(_TOGETHER)])
        filled[: len(part)] = [from_hex(genome) for genome in part]
        yield from outline(_decode(jnp.asarray(filled)))[: len(part)]


@jax.jit
def _decode(genomes: jax.Array) -> GridLevel:
    return jax.vmap(decode)(genomes)


def _read_accepted(archive: Path) -> tuple[list[str], list[str]]:
    """Genomes, and the texts of levels that have none.

    Not by `Archive`, which brings a file of an earlier version up to date.
    """
    try:
        connection = sqlite3.connect(f"{archive.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
        try:
            columns = {row[1] for row in connection.execute("PRAGMA table_info(worlds)")}
            level = "level" if "level" in columns else "NULL"
            rows = connection.execute(
                f"SELECT genome, {level} FROM worlds WHERE verdict = 'accepted' ORDER BY id"
            ).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise RunConflict(
            f"{archive} can't be read as it is: {error}. If a process was killed while it wrote there, "
            "`alpha-factory report RUN` repairs it."
        ) from error
    return [genome for genome, _ in rows if genome], [text for _, text in rows if text is not None]

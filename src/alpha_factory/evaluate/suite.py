"""Suites: named, frozen sets of levels with explicit start states and step limits.

A suite is a JSON file in this package and the SHA-256 of what it says. A file that says something
else is refused, so that a number always belongs to the same levels.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.worlds import SIDE, GridLevel, from_text

Row = Mapping[str, Any]
"""A level in a file: its `name`, its `map` as lines, and `settings` if it is no plain maze."""


class Suite(NamedTuple):
    """Levels, with leading axis `levels`, and the step limits at which they are reported."""

    name: str
    levels: GridLevel
    names: tuple[str, ...]
    step_limits: tuple[int, ...]
    episodes: int
    """Episodes of each policy on each level unless told otherwise."""
    digest: str


def stack_levels(levels: Sequence[GridLevel]) -> GridLevel:
    """Levels side by side, with a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)


def limit_steps(levels: GridLevel, step_limit: int) -> GridLevel:
    """The same levels with another step limit."""
    limits = jnp.full_like(levels.step_limit, step_limit)
    return eqx.tree_at(lambda tree: tree.step_limit, levels, limits)


def digest_levels(rows: Sequence[Row], step_limits: Sequence[int]) -> str:
    """SHA-256 of what a suite says, however its file is laid out."""
    said = json.dumps(
        {"levels": rows, "step_limits": list(step_limits)}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(said.encode()).hexdigest()


def check_digest(name: str, found: str, frozen: str) -> None:
    """Raise unless a suite says what it said when it was frozen."""
    if found != frozen:
        raise AlphaFactoryError(
            f"Suite {name} is not what it was frozen as: its levels have SHA-256 {found}, "
            f"not {frozen}. Reinstall the package; a changed suite needs a new name."
        )


def read_suite(
    resource: str,
    digest: str,
    *,
    side: int = SIDE,
    read_settings: Callable[[Row], Mapping[str, Any]] = lambda row: row.get("settings", {}),
) -> Suite:
    """The suite in a file of this package.

    Args:
        side: rows and columns of the levels' arrays. Suites of one side share their programs.
        read_settings: from a row to settings as `worlds.from_text` takes them.

    Raises:
        AlphaFactoryError: its content has another digest; both are named.
    """
    text = resources.files("alpha_factory.evaluate").joinpath(resource).read_text(encoding="utf-8")
    data = json.loads(text)
    found = digest_levels(data["levels"], data["step_limits"])
    check_digest(data["name"], found, digest)
    limit = data["step_limits"][0]
    levels = [
        from_text("\n".join(row["map"]), side=side, step_limit=limit, **read_settings(row))
        for row in data["levels"]
    ]
    return Suite(
        name=data["name"],
        levels=stack_levels(levels),
        names=tuple(row["name"] for row in data["levels"]),
        step_limits=tuple(data["step_limits"]),
        episodes=data["episodes"],
        digest=digest,
    )

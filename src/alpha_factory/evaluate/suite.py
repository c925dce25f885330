"""Suites: named, frozen sets of levels with explicit start states and step limits.

A suite is a JSON file in this package, known by the SHA-256 of its levels and step limits. A file that
differs in any byte is refused before it is read, so that a number always belongs to the same levels.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.worlds import SIDE, GridLevel, from_texts

Row = Mapping[str, Any]
"""A level in a file: its `name`, its `map` as lines, and `settings` if it is no plain maze."""

_FILES = {
    "corridors_v1.json": "5f1a485172dc8cb275ed966745ed5bbb2da493636cc37579deda89990751659a",
    "four_rooms_v1.json": "278dd3c53855a82f708ec01a35ff2410dfdeb6d3a0b3841c08173d9b8aeb67d9",
    "generated_v1.json": "2183990f23a7afcddb8de6a9e65155e0a93e83c9460413eb90b0a5d5496d85d8",
    "perfect_maze_medium_v1.json": "97ba300b46b5b7aaafe6746086a18d58a3f7176f93933449dd3c3975cd3def98",
    "perfect_maze_xl_v1.json": "82d08323d4e6fd8bfc24d1b3661979a1fcb28864fb190ce6f91540203fb78fec",
    "poet_100_v1.json": "fead05993498b79bf8763b3810d92c089ae89337c17fa49d188e90169ed78356",
}
"""SHA-256 of the bytes of each file: name, origin and episodes are frozen too."""


class Suite(NamedTuple):
    """Levels, with leading axis `levels`, and the step limits at which they are reported."""

    name: str
    levels: GridLevel
    names: tuple[str, ...]
    step_limits: tuple[int, ...]
    episodes: int
    """Episodes of each policy on each level unless told otherwise."""
    digest: str
    seed: int | None = None
    """From which the levels were drawn, where the suite is not frozen."""


def stack_levels(levels: Sequence[GridLevel]) -> GridLevel:
    """Levels side by side, with a leading axis."""
    # On the host: hundreds of small arrays as arguments of one program take seconds to compile.
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *levels)


def limit_steps(levels: GridLevel, step_limit: int) -> GridLevel:
    """The same levels with another step limit."""
    limits = jnp.full_like(levels.step_limit, step_limit)
    return eqx.tree_at(lambda tree: tree.step_limit, levels, limits)


def stretch_limit(levels: GridLevel, step_limit: int) -> GridLevel:
    """The same levels with another step limit, at which all steps together cost what they cost before."""
    whole = np.asarray(levels.reward.step_cost) * np.asarray(levels.step_limit)
    limited = limit_steps(levels, step_limit)
    return eqx.tree_at(
        lambda tree: tree.reward.step_cost, limited, jnp.asarray(whole / step_limit, jnp.float32)
    )


def digest_levels(rows: Sequence[Row], step_limits: Sequence[int]) -> str:
    """SHA-256 of a suite's levels and step limits, however its file is laid out: what it is known by."""
    said = json.dumps(
        {"levels": rows, "step_limits": list(step_limits)}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(said.encode()).hexdigest()


def check_digest(name: str, found: str, frozen: str, *, what: str = "levels") -> None:
    """Raise unless `what` there is of a suite is what it was when it was frozen."""
    if found != frozen:
        raise AlphaFactoryError(
            f"Suite {name} is not what it was frozen as: its {what} have SHA-256 {found}, "
            f"not {frozen}. Reinstall the package; a changed suite needs a new name."
        )


def check_file(name: str, content: bytes, frozen: str) -> None:
    """Raise unless the bytes of a suite's file are those that were frozen."""
    check_digest(name, hashlib.sha256(content).hexdigest(), frozen, what="file's bytes")


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
        AlphaFactoryError: the bytes of the file, or what it says, have another digest; both are named.
    """
    content = resources.files("alpha_factory.evaluate").joinpath(resource).read_bytes()
    name = resource.removesuffix(".json").replace("_", "-")
    check_file(name, content, _FILES[resource])
    data = json.loads(content)
    found = digest_levels(data["levels"], data["step_limits"])
    check_digest(name, found, digest)
    limit = data["step_limits"][0]
    rows = [
        ("\n".join(row["map"]), {"step_limit": limit, **read_settings(row)})
        for row in data["levels"]
    ]
    return Suite(
        name=data["name"],
        levels=from_texts(rows, side=side),
        names=tuple(row["name"] for row in data["levels"]),
        step_limits=tuple(data["step_limits"]),
        episodes=data["episodes"],
        digest=digest,
    )

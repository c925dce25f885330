"""Films of the agent: a handful of worlds played once each and written as GIFs."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from alpha_factory.curriculum import Pool
from alpha_factory.evaluate import Suite, limit_steps, stack_levels
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.camera import Camera
from alpha_factory.runs.evaluation import find_model
from alpha_factory.runs.lessons import Pupil
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import RunState
from alpha_factory.worlds import GridLevel, write_gif

_LIVING = 4
_HELD_OUT = 2
_PUBLIC = ("SixteenRooms", "StandardMaze")


def shoot_films(
    folder: Path,
    config: RunConfig,
    state: RunState | Pupil,
    suites: Mapping[str, Suite],
    camera: Camera | None = None,
) -> list[Path]:
    """Write `media/*.gif`: the hardest living worlds, if there is a pool; two held-out ones; two public mazes.

    Each is the first and only take; the name says whether the goal was reached.

    Args:
        suites: on which the run was evaluated; held-out worlds are left out if theirs is not among them.
        camera: None for a new one.

    Raises:
        OutOfMemory: the device's memory did not suffice.
    """
    chosen = [
        *(_pick_living(state.pool) if isinstance(state, RunState) else []),
        *(_pick_held_out(suites["generated-v1"]) if "generated-v1" in suites else []),
        *_pick_public(suites["public-mazes-v1"]),
    ]
    levels = stack_levels([level for _, level in chosen])
    key = derive_key(config.seed, "film", 0)
    shot = (camera or Camera(config)).shoot(find_model(config, state), levels, key=key)
    score, states = shot.score, shot.state
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.gif"):
        old.unlink()
    paths = []
    for index, (name, level) in enumerate(chosen):
        end = "solved" if score.is_solved[index] else "unsolved"
        path = folder / f"{name}-{end}.gif"
        frames = [
            jax.tree.map(lambda leaf, at=(time, index): leaf[at], states)
            for time in range(int(score.steps[index]) + 1)
        ]
        write_gif(path, level, frames)
        paths.append(path)
    return paths


def _pick_living(pool: Pool) -> list[tuple[str, GridLevel]]:
    plan, tile = np.asarray(pool.plan)[: int(pool.size)], np.asarray(pool.level.tile)
    maps: dict[bytes, int] = {}  # siblings often differ in rewards or rules alone
    for slot in np.argsort(-plan, kind="stable"):
        maps.setdefault(tile[slot].tobytes(), int(slot))
    hardest = list(maps.values())[:_LIVING]
    return [(f"world-{int(pool.world[slot]):05d}", _pick(pool.level, slot)) for slot in hardest]


def _pick_held_out(suite: Suite) -> list[tuple[str, GridLevel]]:
    frozen = limit_steps(suite.levels, suite.step_limits[0])
    return [(suite.names[index], _pick(frozen, index)) for index in range(_HELD_OUT)]


def _pick_public(suite: Suite) -> list[tuple[str, GridLevel]]:
    return [(f"public-{name}", _pick(suite.levels, suite.names.index(name))) for name in _PUBLIC]


def _pick(levels: GridLevel, index: int) -> GridLevel:
    return jax.tree.map(lambda leaf: leaf[index], levels)

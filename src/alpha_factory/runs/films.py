"""Films of the agent: a handful of worlds played once each and written as GIFs."""

from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from alpha_factory.evaluate import Suite, limit_steps, stack_levels
from alpha_factory.nets import Model
from alpha_factory.rollout import record
from alpha_factory.runs.build import derive_key, make_policy
from alpha_factory.runs.machine.memory import Estimate, estimate_play, explain_shortage
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.state import RunState
from alpha_factory.worlds import GridLevel, make_grid, write_gif

_STEPS = 250
"""The longest step limit of any film: none is cut before its episode ends."""
_LIVING = 4
_HELD_OUT = 2
_PUBLIC = ("SixteenRooms", "StandardMaze")


def shoot_films(
    folder: Path, config: RunConfig, state: RunState, held_out: Suite, public: Suite
) -> list[Path]:
    """Write `media/*.gif`: the hardest living worlds, two held-out ones, two public mazes.

    Each is the first and only take; the name says whether the goal was reached.

    Raises:
        OutOfMemory: the device's memory did not suffice.
    """
    chosen = _choose(state, held_out, public)
    levels = stack_levels([level for _, level in chosen])
    score, states = _play(config, state.student.learner.model, levels)
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


def _choose(state: RunState, held_out: Suite, public: Suite) -> list[tuple[str, GridLevel]]:
    pool = state.pool
    plan, tile = np.asarray(pool.plan)[: int(pool.size)], np.asarray(pool.level.tile)
    maps: dict[bytes, int] = {}  # siblings often differ in rewards or rules alone
    for slot in np.argsort(-plan, kind="stable"):
        maps.setdefault(tile[slot].tobytes(), int(slot))
    hardest = list(maps.values())[:_LIVING]

    def pick(levels: GridLevel, index: int) -> GridLevel:
        return jax.tree.map(lambda leaf: leaf[index], levels)

    worlds = [(f"world-{int(pool.world[slot]):05d}", pick(pool.level, slot)) for slot in hardest]
    frozen = limit_steps(held_out.levels, held_out.step_limits[0])
    worlds += [(held_out.names[index], pick(frozen, index)) for index in range(_HELD_OUT)]
    worlds += [
        (f"public-{name}", pick(public.levels, public.names.index(name))) for name in _PUBLIC
    ]
    return worlds


def _play(config: RunConfig, model: Model, levels: GridLevel):
    policy = make_policy(config)
    key = derive_key(config.seed, "film", 0)
    filmed = eqx.filter_jit(
        lambda model, levels: record(make_grid(), policy, model, levels, steps=_STEPS, key=key)
    )

    def estimate() -> Estimate:
        lanes = len(levels.start)
        return estimate_play(config, model, make_grid(), levels, lanes=lanes, states=_STEPS + 1)

    with explain_shortage("film", estimate):
        return jax.device_get(filmed(model, levels))

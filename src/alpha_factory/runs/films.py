"""Films of the agent: a handful of worlds played once each and written as GIFs."""

from collections.abc import Mapping
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from alpha_factory.curriculum import Pool
from alpha_factory.evaluate import Suite, limit_steps, stack_levels
from alpha_factory.nets import ActorCritic, Model
from alpha_factory.rollout import record
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evaluation import find_model, make_agent
from alpha_factory.runs.lessons import Pupil
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
    folder: Path, config: RunConfig, state: RunState | Pupil, suites: Mapping[str, Suite]
) -> list[Path]:
    """Write `media/*.gif`: the hardest living worlds, if there is a pool; two held-out ones; two public mazes.

    Each is the first and only take; the name says whether the goal was reached.

    Args:
        suites: on which the run was evaluated; held-out worlds are left out if theirs is not among them.

    Raises:
        OutOfMemory: the device's memory did not suffice.
    """
    chosen = [
        *(_pick_living(state.pool) if isinstance(state, RunState) else []),
        *(_pick_held_out(suites["generated-v1"]) if "generated-v1" in suites else []),
        *_pick_public(suites["public-mazes-v1"]),
    ]
    levels = stack_levels([level for _, level in chosen])
    score, states = _play(config, find_model(config, state), levels)
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


def _play(config: RunConfig, model: Model | ActorCritic, levels: GridLevel):
    agent = make_agent(config)
    # A film shows what training is like: what a honeypot hides is not paid.
    world = agent.world._replace(step=make_grid().step)
    key = derive_key(config.seed, "film", 0)
    filmed = eqx.filter_jit(
        lambda model, levels: record(world, agent.policy, model, levels, steps=_STEPS, key=key)
    )

    def estimate() -> Estimate:
        lanes = len(levels.start)
        return estimate_play(config, model, world, levels, lanes=lanes, states=_STEPS + 1)

    with explain_shortage("film", estimate):
        return jax.device_get(filmed(model, levels))

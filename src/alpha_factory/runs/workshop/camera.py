"""One world as a picture, or as a film of a policy or a key log: a source in, a file out."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Player, Policy
from alpha_factory.evaluate import make_random, stack_levels
from alpha_factory.rollout import record
from alpha_factory.runs.evaluation import load_model, make_agent
from alpha_factory.runs.files.directory import read_config
from alpha_factory.runs.machine.memory import estimate_play
from alpha_factory.runs.machine.shortage import Estimate, explain_shortage
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.text import from_json
from alpha_factory.runs.workshop.gallery import PICTURE_FORMATS, save_picture
from alpha_factory.runs.workshop.session import KEYS, Session, read_keys, tell_end
from alpha_factory.runs.workshop.source import find_world
from alpha_factory.worlds import GridLevel, make_grid, write_gif
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.oracle.optimum import find_optimum

RANDOM, ORACLE = "random", "oracle"
_FILM = ".gif"


def render_world(
    source: str,
    out: Path,
    *,
    policy: str | None,
    keys: str | None,
    controls: str,
    seed: int,
    warned: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Write a picture of a world's start, or a film of an episode in it.

    Args:
        out: a film if its name ends in .gif and there is something to play, a picture of the start otherwise.
        policy: `random`, `oracle`, or the directory of a run, whose last checkpoint plays.
        keys: a key log, as `read_keys` takes it.
        controls: what keys and the random policy steer by; the others turn.
        seed: every random choice follows from it.
        warned: called with what a person should know at once.

    Returns:
        `file`, `frames`, `outcome` (a sentence, or None for a picture), `solved`, `return`.

    Raises:
        UsageError: what is asked for doesn't exist or fit together, or the file can't be written.
        InvalidGenome, InvalidLevel: the source breaks its schema.
        OutOfMemory: the device's memory did not suffice for the run's agent.
    """
    if policy is not None and keys is not None:
        raise UsageError("--policy and --keys both say who plays. Give one of them.")
    if policy is None and keys is None:
        save_picture(source, out)
        return {"file": str(out), "frames": 1, "outcome": None, "solved": None, "return": None}
    if out.suffix.lower() != _FILM:
        pictures = ", ".join(form for form in PICTURE_FORMATS if form != _FILM)
        raise UsageError(
            f"{out} can't hold a film: its name must end in {_FILM}. "
            f"Leave --policy and --keys out for a picture of the start ({pictures})."
        )
    level = find_world(source).level
    if keys is not None or policy == ORACLE:
        shown = read_keys(keys, controls) if keys is not None else _plan_keys(level)
        states, outcome, solved, total = _film_keys(
            level, shown, controls if keys is not None else "turn", seed
        )
    else:
        assert policy is not None
        states, outcome, solved, total = _film_policy(level, policy, controls, seed, warned)
    try:
        write_gif(out, level, states)
    except OSError as error:
        raise UsageError(f"Cannot write {out}: {error.strerror or error}.") from error
    return {
        "file": str(out),
        "frames": len(states),
        "outcome": outcome,
        "solved": solved,
        "return": total,
    }


def _film_keys(
    level: GridLevel, keys: str, controls: str, seed: int
) -> tuple[list[GridState], str, bool, float]:
    moments = Session(level, controls=controls, seed=seed).play(keys)
    last = moments[-1]
    states = [moment.state for moment in moments]
    return states, last.tell_end(level), last.is_solved, last.total


def _plan_keys(level: GridLevel) -> str:
    """The keys of the oracle's plan.

    Raises:
        UsageError: there is none.
    """
    verdict = find_optimum(level)
    if verdict.plan is None:
        why = (
            "chance decides in this world, so that no list of actions is a plan"
            if not verdict.is_deterministic
            else f"it gave up after {verdict.states:,} states"
        )
        raise UsageError(f"The oracle has no plan: {why}. Try --policy random.")
    return "".join(KEYS["turn"][action] for action in verdict.plan)


def _film_policy(
    level: GridLevel, policy: str, controls: str, seed: int, warned: Callable[[str], None]
) -> tuple[list[GridState], str, bool, float]:
    steps, key, levels = int(level.step_limit), jax.random.key(seed), stack_levels([level])
    explained: AbstractContextManager[None] = nullcontext()
    act: Policy | Player
    if policy == RANDOM:
        world = make_grid(controls=controls)
        act, params = make_random(world.actions), None
    else:
        config = _read_config(Path(policy))
        agent, params = make_agent(config), load_model(Path(policy), config, warned)
        # A film shows what training is like: what a honeypot hides is not paid.
        world, act = agent.world._replace(step=make_grid().step), agent.policy

        def estimate() -> Estimate:
            return estimate_play(config, params, world, levels, lanes=1, states=steps + 1)

        explained = explain_shortage("render", estimate)
    filmed = eqx.filter_jit(
        lambda params, levels: record(world, act, params, levels, steps=steps, key=key)
    )
    with explained:
        score, states = jax.device_get(filmed(params, levels))
    taken, solved = int(score.steps[0]), bool(score.is_solved[0])
    frames = [
        jax.tree.map(lambda leaf, at=time: np.asarray(leaf)[at, 0], states)
        for time in range(taken + 1)
    ]
    end = tell_end(level, frames[-1], steps=taken, is_solved=solved)
    return frames, end, solved, float(score.total[0])


def _read_config(run: Path) -> RunConfig:
    """That of the run that plays."""
    if not (run / "config.json").is_file():
        raise UsageError(
            f"{run} is no policy: give {RANDOM}, {ORACLE}, or the directory of a run, "
            "which has a config.json."
        )
    return from_json(read_config(run))

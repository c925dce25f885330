"""`bound`: every term of the paper's eq. (5) on a run, the bound, and what it is to hold for. Nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from alpha_factory.core.errors import UsageError
from alpha_factory.evaluate import bracket_bound, derived_terms, find_depth, printed_terms
from alpha_factory.evaluate.bound import Bound, Quantities, Setting
from alpha_factory.learn import Student
from alpha_factory.nets import Model
from alpha_factory.runs.evaluation import find_model, restore
from alpha_factory.runs.files.directory import RunDirectory, read_config
from alpha_factory.runs.generalisation.experience import Experience, read_experience
from alpha_factory.runs.generalisation.measure import (
    Measured,
    encode,
    measure_kappa,
    measure_lipschitz,
    measure_return,
    measure_states,
)
from alpha_factory.runs.generalisation.tightness import (
    MOST,
    compare_with_optimum,
    play_discounted,
)
from alpha_factory.runs.generalisation.unseen import choose_unseen, outline, outline_accepted
from alpha_factory.runs.judging.optima import STATES
from alpha_factory.runs.judging.target import RunTarget
from alpha_factory.runs.settings.config import MUZERO, POET, RunConfig
from alpha_factory.runs.settings.text import from_json
from alpha_factory.runs.state import RunState
from alpha_factory.worlds import make_grid

RANGE = 2 * MOST
"""Between the least and the greatest return of an episode: a gap is never greater."""


def bound_run(
    target: RunTarget,
    *,
    suite: str = "random-genomes",
    levels: int | None = None,
    draw_seed: int | None = None,
    episodes: int | None = None,
    seed: int | None = None,
    delta: float = 0.05,
    states: int | None = None,
    cache: Path | None = None,
    warned: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Estimate every term of eq. (5) on a run, and the gap that it bounds on worlds the run never saw.

    Args:
        target: the run, or one of its checkpoints.
        suite: held-out worlds; those that the run has trained in are passed over.
        levels: how many of them; None for 300 of a suite that is drawn, and for all of a frozen one.
        draw_seed: that they are drawn from; None for 0.
        episodes: on each; None for the suite's own number.
        seed: of everything else that is drawn; None for the run's own.
        delta: δ, the chance that the bound is allowed to fail with.
        states: that the oracle looks at in a level before it gives up; None for 20,000.
        cache: folder where the oracle's answers are kept; None for none.
        warned: called with what a person should know at once.

    Returns:
        An object as `bound --json` prints it (docs/bound.md).

    Raises:
        UsageError: the run has no learned dynamics, no checkpoint or experience of fewer than two worlds; the suite is
            unknown or has fewer worlds than asked for; or an argument is out of range.
        RunConflict: the run's archive can't be read.
        OutOfMemory: the device's memory did not suffice.
    """
    config = from_json(read_config(target.run))
    _check(config, target, episodes=episodes, delta=delta, states=states)
    seed = config.seed if seed is None else seed
    restored = restore(target, config, warned)
    state: RunState = restored.tree
    model = cast(Model, find_model(config, state))
    student = state.student
    assert isinstance(student, Student)
    experience = read_experience(student.ring)
    pool = jax.tree.map(lambda leaf: leaf[experience.slots], jax.device_get(state.pool.level))
    trained = {*outline(pool), *outline_accepted(RunDirectory(target.run).worlds)}
    unseen, passed = choose_unseen(suite, trained, levels=levels, seed=draw_seed)

    setting = Setting(
        rows=experience.action.size,
        episodes=experience.world.size,
        worlds=experience.slots.size,
        discount=config.learning.discount,
        depth=config.search.depth or config.search.simulations,
        delta=delta,
    )
    measured, coverage = _measure(config, model, experience, student, setting, seed)
    quantities = Quantities(*(one.bracket for one in measured.values()))
    printed = bracket_bound(printed_terms, quantities, setting)
    derived = bracket_bound(derived_terms, quantities, setting)
    best_depth, at_best = find_depth(quantities, setting)

    earned = measure_return(experience, setting.discount)
    oracle: dict[str, Any] = {
        "discount": setting.discount,
        "states": states or STATES,
        "cache": cache,
        "warned": warned,
    }
    by_world = np.array(earned.notes["by_world"])
    training = compare_with_optimum(pool, by_world, pays_hidden=False, **oracle)
    tried = episodes or unseen.episodes
    received = play_discounted(config, model, unseen, episodes=tried, seed=seed)
    held_out = compare_with_optimum(unseen.levels, received, pays_hidden=True, **oracle)
    return {
        "run": str(target.run),
        "checkpoint": restored.step,
        "setting": setting._asdict(),
        "assumptions": {
            "contraction": setting.discount * quantities.lipschitz.value,
            "reward_most": float(np.abs(experience.reward).max()),
            **coverage,
        },
        "quantities": {name: one.bracket._asdict() | one.notes for name, one in measured.items()},
        "terms": _tell(printed),
        "bound": printed.total._asdict(),
        "derived": {"terms": _tell(derived), "bound": derived.total._asdict()},
        "range": RANGE,
        "is_vacuous": printed.total.value > RANGE,
        "ranges": printed.total.value / RANGE,
        "best_depth": {"depth": best_depth, "bound": at_best},
        "return": earned.bracket._asdict(),
        "training": training | _compare(training, printed),
        "held_out": {
            "suite": unseen.name,
            "suite_hash": unseen.digest,
            "step_limit": unseen.step_limits[0],
            "seed": unseen.seed,
            "passed_over": passed,
            "episodes": tried,
            "level_names": list(unseen.names),
        }
        | held_out
        | _compare(held_out, printed),
    }


def _check(
    config: RunConfig, target: RunTarget, *, episodes: int | None, delta: float, states: int | None
) -> None:
    """Raise unless the bound can be spoken of."""
    if config.learner != MUZERO:
        raise UsageError(
            f"{target.run} was learned by {config.learner}, which has no learned dynamics: the bound's constant L "
            f"is theirs. Give a run with --learner {MUZERO}."
        )
    if config.curriculum.name != POET:
        raise UsageError(
            f"{target.run} learned on levels of {config.curriculum.name}, which keeps no pool of worlds, and the bound "
            f"is of the worlds that were trained in. Give a run with --curriculum {POET}."
        )
    if config.learning.discount >= 1:
        raise UsageError(
            f"{target.run} has learning.discount={config.learning.discount}, at which the bound's last term, "
            "2 / ((1 - discount) d), is infinite."
        )
    if not 0 < delta < 1:
        raise UsageError(f"--delta {delta} is no chance to fail with. Give one between 0 and 1.")
    for flag, number in (("--episodes", episodes), ("--states", states)):
        if number is not None and number < 1:
            raise UsageError(f"{flag} {number} is too few. Give 1 or more.")


def _measure(
    config: RunConfig,
    model: Model,
    experience: Experience,
    student: Student,
    setting: Setting,
    seed: int,
) -> tuple[dict[str, Measured], dict[str, Any]]:
    """The quantities of `Quantities`, in its order, and how well states are covered."""
    latent = encode(model, experience, is_packed=student.ring.is_packed)
    states, coverage = measure_states(experience)
    actions, steps = make_grid().actions, config.learning.unroll
    return {
        "lipschitz": measure_lipschitz(model, latent, steps=steps, seed=seed),
        "states": states,
        "kappa": measure_kappa(
            experience, latent, actions=actions, discount=setting.discount, seed=seed
        ),
    }, coverage


def _tell(bound: Bound) -> dict[str, Any]:
    return {name: getattr(bound, name)._asdict() for name in ("estimation", "transfer", "planning")}


def _compare(told: dict[str, Any], bound: Bound) -> dict[str, Any]:
    """The gap over the bound: of the mean, of the worst world, and the share of worlds where it stays below."""
    known = [gap for gap in told["by_world"] if gap is not None]
    value = bound.total.value
    return {
        "ratio": None if told["gap"] is None else told["gap"] / value,
        "ratio_worst": told["gap_worst"] / value,
        "below": float(np.mean([gap < value for gap in known])) if known else None,
    }

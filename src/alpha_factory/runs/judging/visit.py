"""Anyone's policy on a suite, beside a random one. What it is called and what it sees in, results out."""

from typing import Any

from alpha_factory.core.errors import UsageError
from alpha_factory.evaluate import Scorer, Suite, make_random
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.interrupts import hearing_interrupts
from alpha_factory.runs.judging.guest import adapt_guest, load_guest, tell_actions
from alpha_factory.runs.judging.result import play_suite
from alpha_factory.runs.judging.target import GuestTarget
from alpha_factory.runs.machine.memory import estimate_play
from alpha_factory.runs.machine.shortage import Estimate, explain_shortage
from alpha_factory.worlds import make_grid

_VIEW = 5  # cells a side, unless told otherwise


def examine_guest(
    target: GuestTarget,
    suite: Suite,
    *,
    observation: str | None,
    view: int | None,
    is_on_host: bool,
    episodes: int | None,
    seed: int,
    is_alone: bool,
    lanes: int,
) -> list[dict[str, Any]]:
    """One object of scores for each step limit of the suite, with all that is needed to play it again.

    Args:
        target: the policy.
        suite: what is played.
        observation: what it sees, as `make_grid` takes it; None for `symbolic`.
        view: cells a side of what it sees; None for 5.
        is_on_host: call it outside the compiled program, with NumPy arrays.
        episodes: on each level; None for the suite's own number.
        seed: of every random choice.
        is_alone: leave out the random policy.
        lanes: worlds side by side.

    Raises:
        UsageError: the policy can't be had, does not fit, or failed on the way; or it can't see so.
        OutOfMemory: the device's memory did not suffice.
    """
    observation = observation or "symbolic"
    if observation == "full":
        if view is not None:
            raise UsageError(
                f"--observation full shows all cells, so --view {view} says nothing. Leave --view out, or give "
                "--observation view or pixels."
            )
    elif view is None:
        view = _VIEW
    world = make_grid(observation=observation, view=view, pays_hidden=True)
    guest, name = load_guest(target), str(target)
    failures: list[str] = []
    with hearing_interrupts() as is_interrupted:
        act = adapt_guest(
            name,
            guest,
            world,
            suite.levels,
            lanes=lanes,
            is_on_host=is_on_host,
            failures=failures,
            is_interrupted=is_interrupted,
        )
        params = None if is_on_host else guest.params
        players = {name: (Scorer(world, act, lanes=lanes), params)}
        if not is_alone:
            players["random"] = Scorer(world, make_random(world.actions), lanes=lanes), None
        key = derive_key(seed, "evaluate", 0)

        def estimate() -> Estimate:
            return estimate_play(None, params, world, suite.levels, lanes=lanes)

        try:
            with explain_shortage(f"evaluate on {suite.name}", estimate):
                results = list(
                    play_suite(suite, players, episodes=episodes or suite.episodes, key=key)
                )
        # As JAX tells what went wrong inside a compiled program, the first time and later.
        except (RuntimeError, ValueError) as error:
            if is_interrupted():
                raise KeyboardInterrupt from None
            known = tell_actions(name, world.actions)
            if not failures and known not in str(error):
                raise
            raise UsageError(failures[0] if failures else known) from error
    told = {"seed": seed, "observation": observation, "view": view, "host": is_on_host}
    return [result | told for result in results]

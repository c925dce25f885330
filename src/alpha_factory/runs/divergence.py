"""When learning has to stop: too many updates in a row could not be made, and what is said of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from alpha_factory.core.errors import Diverged
from alpha_factory.learn import LARGEST_NORM, MOST_SKIPPED, Losses, PpoLosses

_TERMS = ("value", "policy", "reward", "ewc", "entropy")
"""The terms of a loss that have a gradient: of eq. (1), or of PPO."""


def check_progress(
    losses: Losses | PpoLosses,
    *,
    updates: int,
    tell_world: Callable[[int], str],
    checkpoint: Path | None,
    whose: str = "",
) -> None:
    """Stop where so many updates in a row were skipped that somebody has to look (checklist S5).

    Args:
        losses: of a stretch, one entry an update, in order.
        updates: made before the stretch.
        tell_world: how a world is called, by its number in the losses.
        checkpoint: the last good one, if there is one.
        whose: said after "updates".

    Raises:
        Diverged: it names the update, why it was skipped, the term and the world.
    """
    stopped = np.flatnonzero(np.asarray(losses.in_a_row).ravel() >= MOST_SKIPPED)
    if not stopped.size:
        return
    first = int(stopped[0])
    told = {
        name: float(np.asarray(getattr(losses, name)).ravel()[first])
        for name in _TERMS
        if hasattr(losses, name)
    }
    broken = [name for name, value in told.items() if not np.isfinite(value)]
    greatest = max(told, key=lambda name: told[name])
    term = f"{' and '.join(broken)} not finite" if broken else f"{greatest} the greatest term"
    norm = float(np.asarray(losses.gradient_norm).ravel()[first])
    if not norm <= LARGEST_NORM:
        reason = f"a gradient of norm {norm:.3g} (at most {LARGEST_NORM:.0f} is followed)"
    elif broken:
        reason = f"a loss that is not finite, its gradient of norm {norm:.3g}"
    else:
        reason = f"a step that is not finite after a gradient of norm {norm:.3g}"
    world = tell_world(int(np.asarray(losses.world).ravel()[first]))
    raise Diverged(
        f"{MOST_SKIPPED} updates{whose} in a row were skipped, the last for {reason}, with {term}; "
        f"the sequence that is farthest off in its batch comes from {world}",
        updates + first + 1,
        checkpoint,
        tuple(broken or [greatest]),
    )

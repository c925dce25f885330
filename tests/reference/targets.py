"""Learning targets of one window, told from the episode that its first row belongs to."""

from typing import NamedTuple


class Row(NamedTuple):
    """A row of a trajectory; the last row of an episode takes no step."""

    reward: float
    is_terminated: bool
    is_last: bool
    value: float


class Targets(NamedTuple):
    """None where a target is unknown."""

    value: list[float | None]
    reward: list[float | None]
    is_policy_known: list[bool]


def unroll(rows: list[Row], *, unroll: int, horizon: int, discount: float) -> Targets:
    """Targets for a window that starts at `rows[0]`, which is not a last row."""
    steps = []
    for row in rows:
        if row.is_last:
            break
        steps.append(row)
    is_whole = len(steps) < len(rows)  # the window holds the episode's end
    is_true_end = is_whole and steps[-1].is_terminated

    def z(start):
        total = 0.0
        for ahead in range(horizon):
            if start + ahead == len(steps) and is_whole:
                last = rows[len(steps)]
                return total + (0.0 if is_true_end else discount**ahead * last.value)
            total += discount**ahead * steps[start + ahead].reward
        if start + horizon >= len(steps) and is_true_end:
            return total
        return total + discount**horizon * rows[start + horizon].value

    after = 0.0 if is_true_end else None
    return Targets(
        value=[z(k) if k < len(steps) else after for k in range(unroll + 1)],
        reward=[steps[k].reward if k < len(steps) else after for k in range(unroll)],
        is_policy_known=[k < len(steps) for k in range(unroll + 1)],
    )

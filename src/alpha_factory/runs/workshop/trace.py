"""A level and an episode as plain data that a page draws by itself: host arrays in, records out."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from alpha_factory.records import Drawing, Opponent, Trace
from alpha_factory.worlds import GridLevel
from alpha_factory.worlds.grid.controls import CONTROLS
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.text import own_size

_KINDS: dict[int, Literal["patrol", "chaser"]] = {tiles.PATROL: "patrol", tiles.CHASER: "chaser"}


def draw(level: GridLevel) -> Drawing:
    """What is to be seen of a level before its first step, cropped to its own size."""
    height, width = own_size(level)
    own = np.asarray(level.tile)[:height, :width]
    return Drawing(
        tiles=["".join(tiles.SYMBOLS[kind] for kind in row) for row in own.tolist()],
        start=_pair(level.start),
        heading=int(level.heading),
        goal=_pair(level.goal),
        opponents=[
            Opponent(
                kind=_KINDS[int(np.asarray(level.opponent)[slot])],
                at=_pair(np.asarray(level.opponent_start)[slot]),
                heading=int(np.asarray(level.opponent_heading)[slot]),
            )
            for slot in _present(level)
        ],
        step_limit=int(level.step_limit),
    )


def trace(
    level: GridLevel,
    states: GridState,
    actions: Sequence[int],
    rewards: Sequence[float],
    controls: str = "turn",
) -> Trace:
    """How an episode went.

    Args:
        states: host copies of its T + 1 states, stacked, the start first.
        actions: the T actions between them, as indices of the control scheme.
        rewards: the T rewards.

    Raises:
        ValueError: these numbers don't fit together.
    """
    moments = len(np.asarray(states.heading))
    if not moments == len(actions) + 1 == len(rewards) + 1:
        raise ValueError(
            f"states={moments}, actions={len(actions)}, rewards={len(rewards)}: "
            "give one state more than actions and rewards."
        )
    height, width = own_size(level)
    cells = np.asarray(states.tile)[:, :height, :width]
    offsets, opponents = _rows(states.offset), np.asarray(states.opponent)
    facing = np.asarray(states.opponent_heading)
    names = CONTROLS[controls].actions
    return Trace(
        position=_rows(states.position),
        offset=offsets if any(map(any, offsets)) else None,
        heading=np.asarray(states.heading).tolist(),
        has_key=_switches(np.asarray(states.has_key).astype(bool).tolist()),
        is_open=_switches(np.asarray(states.is_open).astype(bool).tolist()),
        changes=[
            (moment + 1, row, column, tiles.SYMBOLS[cells[moment + 1, row, column]])
            for moment, row, column in np.argwhere(cells[1:] != cells[:-1]).tolist()
        ],
        opponents=[
            [
                (*at, heading)
                for at, heading in zip(
                    _rows(opponents[:, slot]), facing[:, slot].tolist(), strict=True
                )
            ]
            for slot in _present(level)
        ],
        actions=[names[int(action)] for action in actions],
        reward=[float(reward) for reward in rewards],
    )


def _present(level: GridLevel) -> list[int]:
    """The slots in which there is an opponent."""
    return np.flatnonzero(np.asarray(level.opponent) != tiles.NOBODY).tolist()


def _pair(numbers: object) -> tuple[int, int]:
    row, column = np.asarray(numbers).tolist()
    return row, column


def _rows(pairs: object) -> list[tuple[int, int]]:
    return [(row, column) for row, column in np.asarray(pairs).tolist()]


def _switches(values: Sequence[bool]) -> list[int]:
    """Moments at which it is another than the moment before; before the start it is no."""
    return [
        moment
        for moment, (was, now) in enumerate(zip([False, *values[:-1]], values, strict=True))
        if was != now
    ]

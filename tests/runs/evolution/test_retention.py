"""The matrix of solve rates and its numbers, against a table made by hand."""

import numpy as np
import pytest

from alpha_factory.evaluate import bootstrap_interval
from alpha_factory.records import Retirement, WorldLook
from alpha_factory.runs.evolution.retention import FEWEST, make_retention, sum_up

CYCLES = (0, 4, 8, 12)
ABSENT = None
TABLE = {
    # world: (rates at the looks, of the untrained model, cycle of leaving)
    10: ((0.5, 1.0, 0.5, 0.25), 0.0, 6),  # 1.0 before leaving, 0.25 at the end
    11: ((0.25, 0.5, 0.75, 0.5), 0.25, 8),  # left at a look, which counts: 0.75
    12: ((ABSENT, 0.5, 0.5, 0.75), 0.25, 10),
    13: ((0.0, 0.5, ABSENT, ABSENT), 0.0, 6),  # dropped from the panel
    14: ((0.5, 0.5, 0.5, 0.5), 0.0, None),  # lives
    15: ((ABSENT, ABSENT, 0.25, 0.5), 0.0, 10),  # left before the look after its first
    16: ((0.25, 0.75, 0.75, 0.75), 0.25, 5),
    17: ((0.0, 1.0, 1.0, 1.0), 0.0, 11),
    18: ((0.5, 0.5, 0.5, 0.5), None, 12),  # left at the last look; untrained rate unknown
}
PAST = (10, 11, 12, 16, 17)
FORGOTTEN = (0.75, 0.25, -0.25, 0.0, 0.0)
GAINED = (0.5, 0.0, 0.25, 0.0, 0.5, 0.25, 0.0, 0.0)  # 10 to 17


def _looks(worlds=tuple(TABLE)) -> list[WorldLook]:
    looks = []
    for at, cycle in enumerate(CYCLES):
        for world in worlds:
            rates, untrained, _ = TABLE[world]
            if rates[at] is ABSENT:
                continue
            is_first = all(rate is ABSENT for rate in rates[:at])
            looks.append(
                WorldLook(
                    world=world,
                    cycle=cycle,
                    frames=100 * cycle,
                    solve_rate=rates[at],
                    untrained=untrained if is_first else None,
                    episodes=4,
                )
            )
    return looks


def _retirements() -> list[Retirement]:
    gone = [
        Retirement(world=world, cycle=left, reason="old")
        for world, (_, _, left) in TABLE.items()
        if left is not None
    ]
    return [Retirement(world=3, cycle=2, reason="old"), *gone]


def test_matrix_is_the_table_with_nan_where_a_world_was_not_played() -> None:
    kept = make_retention(_looks(), _retirements())
    order = [10, 11, 13, 14, 16, 17, 18, 12, 15]  # as they joined
    assert kept.world.tolist() == order
    assert kept.cycle.tolist() == [*CYCLES]
    assert kept.frames.tolist() == [0, 400, 800, 1200]
    expected = np.array([TABLE[world][0] for world in order], float).T
    assert np.array_equal(kept.solved, expected, equal_nan=True)
    untrained = np.array([TABLE[world][1] for world in order], float)
    assert np.array_equal(kept.untrained, untrained, equal_nan=True)
    assert kept.left.tolist() == [6, 8, 6, np.inf, 5, 11, 12, 10, 10]
    assert kept.joined.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 2]
    assert kept.world[~kept.is_present].tolist() == [13]


def test_forgetting_is_what_worlds_that_left_lost_since() -> None:
    sums = sum_up(make_retention(_looks(), _retirements()))
    assert sums["learned"].mean == pytest.approx(0.8)
    assert sums["retired"].mean == pytest.approx(0.65)
    lost = sums["forgetting"]
    assert lost.mean == pytest.approx(0.15)
    assert lost.worlds == len(PAST)
    assert (lost.low, lost.high) == pytest.approx(bootstrap_interval(np.array(FORGOTTEN)), abs=0.05)
    assert lost.low < lost.mean < lost.high


def test_forward_transfer_is_what_newcomers_gain_over_the_untrained_model() -> None:
    sums = sum_up(make_retention(_looks(), _retirements()))
    assert sums["joined"].mean == pytest.approx(2.25 / 8)
    assert sums["untrained"].mean == pytest.approx(0.75 / 8)
    gained = sums["forward_transfer"]
    assert gained.mean == pytest.approx(np.mean(GAINED))
    assert gained.worlds == len(GAINED)
    assert gained.low < gained.mean < gained.high


def test_nothing_is_said_of_fewer_worlds_than_it_takes() -> None:
    few = PAST[: FEWEST - 1]
    assert sum_up(make_retention(_looks(few), _retirements())) == {}
    living = sum_up(make_retention(_looks(), []))
    assert living.keys() == {"joined", "untrained", "forward_transfer"}


def test_one_look_at_one_world_is_a_matrix() -> None:
    kept = make_retention(_looks((10,))[:1], [])
    assert kept.solved.tolist() == [[0.5]]
    assert sum_up(kept) == {}

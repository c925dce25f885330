"""ANNECS and the frontier against a count of whole lives, world by world."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.records import WorldCard, WorldScore, WorldTrial
from alpha_factory.runs.evolution.achieved import Achieved
from alpha_factory.runs.settings.config import CurriculumConfig
from reference import novelty as reference

CONFIG = CurriculumConfig()  # the criterion from 0.05 to 0.9, judged by 4 episodes


def card(number, cycle=0, **other):
    told = {"parents": [0] if number else [], "operator": "mutate", "verdict": "accepted"}
    return WorldCard(id=number, genome=f"{number:0128x}", cycle=cycle, frames=0, **told | other)


def score(world, cycle, rate, episodes=4):
    return WorldScore(
        world=world,
        cycle=cycle,
        frames=0,
        normalised_return=rate,
        solve_rate=rate,
        episodes=episodes,
    )


def trial(world, cycle, best):
    return WorldTrial(world=world, cycle=cycle, agents=3, best=best)


def test_nothing_is_achieved_at_first():
    begun = Achieved(CONFIG)
    begun.add([card(0)], [], [])
    assert (begun.annecs, begun.frontier) == (0, None)


@pytest.mark.parametrize(
    ("best", "rate", "episodes", "counted"),
    [
        pytest.param(0.5, 1.0, 4, 1, id="novel and solved"),
        pytest.param(0.5, 0.9, 10, 1, id="at the bar"),
        pytest.param(0.5, 0.89, 100, 0, id="not solved"),
        pytest.param(0.5, 1.0, 3, 0, id="too few episodes to tell"),
        pytest.param(0.9, 1.0, 4, 0, id="too easy for one of the agents before"),
        pytest.param(0.05, 1.0, 4, 0, id="too hard for all of them"),
    ],
)
def test_world_counts_if_it_was_novel_and_is_solved(best, rate, episodes, counted):
    achieved = Achieved(CONFIG)
    achieved.add([card(1)], [], [trial(1, 0, best)])
    assert achieved.annecs == 0
    achieved.add([], [score(1, 1, rate, episodes)], [])
    assert achieved.annecs == counted
    achieved.add([], [score(1, 2, 1.0, episodes)], [])
    assert achieved.annecs == max(counted, int(0.05 < best < 0.9 and episodes >= 4))


def test_specialist_can_solve_it():
    achieved = Achieved(CONFIG)
    achieved.add(
        [card(1, specialist_score=0.95), card(2, specialist_score=0.5)],
        [],
        [trial(1, 0, 0.5), trial(2, 0, 0.5)],
    )
    assert achieved.annecs == 1


def test_frontier_is_the_highest_of_those_accepted_and_never_falls():
    achieved, seen = Achieved(CONFIG), []
    for cycle, (qd, verdict) in enumerate(
        [(0.2, "accepted"), (0.9, "too hard"), (0.1, "accepted"), (0.4, "accepted")]
    ):
        achieved.add([card(cycle + 1, cycle, qd=qd, verdict=verdict)], [], [])
        seen.append(achieved.frontier)
    assert seen == [0.2, 0.2, 0.2, 0.4]


rates = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
lives = st.lists(
    st.tuples(st.lists(rates, min_size=1, max_size=4), st.lists(rates, max_size=4)), max_size=12
)


@given(lives)
def test_annecs_is_that_of_the_definition_cycle_by_cycle_and_all_at_once(worlds):
    cards = [card(number, cycle=number) for number in range(len(worlds))]
    trials = [trial(number, number, max(first)) for number, (first, _) in enumerate(worlds)]
    scores = [
        score(number, number + 1 + turn, rate)
        for number, (_, later) in enumerate(worlds)
        for turn, rate in enumerate(later)
    ]
    whole, stepwise, curve = Achieved(CONFIG), Achieved(CONFIG), []
    whole.add(cards, scores, trials)
    for cycle in range(len(worlds) + 5):
        stepwise.add(
            *([one for one in kind if one.cycle == cycle] for kind in (cards, scores, trials))
        )
        curve.append(stepwise.annecs)
    assert whole.annecs == stepwise.annecs == reference.annecs(worlds, 0.05, 0.9)
    assert curve == sorted(curve)
    assert math.isfinite(curve[-1])

import typing

import pytest
from pydantic import ValidationError

from alpha_factory.records import (
    CandidateAct,
    ControlAct,
    Drawing,
    Episode,
    FeedbackAct,
    Opponent,
    RunState,
    RunStatus,
    Trace,
)

ACT = {"id": "0" * 32, "time": 1.5}
DRAWING = Drawing(
    tiles=[".G"],
    start=(0, 0),
    heading=0,
    goal=(0, 1),
    opponents=[Opponent(kind="chaser", at=(0, 1), heading=2)],
    step_limit=9,
)
TRACE = Trace(position=[(0, 0), (0, 1)], heading=[0, 0], actions=["forward"], reward=[1.0])


@pytest.mark.parametrize("act", ["fly", "", None])
def test_control_knows_its_acts(act):
    with pytest.raises(ValidationError):
        ControlAct(**ACT, act=act)


def test_candidate_is_one_world():
    assert CandidateAct(**ACT, level=">G").genome is None
    for given in ({}, {"level": ">G", "genome": "0" * 128}, {"genome": "0"}):
        with pytest.raises(ValidationError):
            CandidateAct(**ACT, **given)


def test_behaviour_has_an_episode_and_a_world_has_none():
    told = {**ACT, "world": 1, "opinion": "like"}
    assert FeedbackAct(**told, about="behaviour", episode=2).episode == 2
    for given in ({"about": "behaviour"}, {"about": "world", "episode": 2}):
        with pytest.raises(ValidationError):
            FeedbackAct(**told, **given)


@pytest.mark.parametrize("state", typing.get_args(RunState))
def test_heartbeat_reads_what_it_writes_and_what_later_versions_add(state):
    status = RunStatus(state=state, doing="x", since=1.0, beat=2.0, process=3)
    later = status.model_dump() | {"mood": "good"}
    assert RunStatus.model_validate(later) == status


def test_episode_comes_back_from_json_as_it_was():
    episode = Episode(
        id=1,
        world=2,
        cycle=0,
        frames=0,
        player="generalist",
        is_solved=True,
        total=1.0,
        steps=1,
        drawing=DRAWING,
        trace=TRACE,
    )
    assert Episode.model_validate_json(episode.model_dump_json()) == episode

"""What people ask of a run, and what became of it."""

from typing import Literal

from pydantic import BaseModel

from alpha_factory.records import CandidateAct, ControlAct, Event, FeedbackAct


class Outcome(BaseModel):
    """What the run made of an act."""

    outcome: Event | None
    state: Literal["waiting", "done", "refused"]


class ControlTold(ControlAct, Outcome):
    """A control act and its outcome."""


class CandidateTold(CandidateAct, Outcome):
    """A candidate and its verdict."""


class FeedbackTold(FeedbackAct, Outcome):
    """An opinion, and whether the run has noted it."""


class Acts(BaseModel):
    """What people asked of a run."""

    control: list[ControlTold]
    candidates: list[CandidateTold]
    feedback: list[FeedbackTold]

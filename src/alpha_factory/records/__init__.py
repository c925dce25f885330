"""Pure-Python models that array code's owner (`runs`) and the service share: no arrays, no JAX."""

from alpha_factory.records.event import Event
from alpha_factory.records.run import MetricRow, RunSummary
from alpha_factory.records.steering import (
    MOST_ACT_BYTES,
    MOST_CANDIDATES,
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
from alpha_factory.records.world import (
    TO_GENERALIST,
    TO_SPECIALIST,
    HoneypotCheck,
    Retirement,
    Transfer,
    Verdict,
    WorldCard,
    WorldLook,
    WorldScore,
    WorldTrial,
)

__all__ = [
    "MOST_ACT_BYTES",
    "MOST_CANDIDATES",
    "TO_GENERALIST",
    "TO_SPECIALIST",
    "CandidateAct",
    "ControlAct",
    "Drawing",
    "Episode",
    "Event",
    "FeedbackAct",
    "HoneypotCheck",
    "MetricRow",
    "Opponent",
    "Retirement",
    "RunState",
    "RunStatus",
    "RunSummary",
    "Trace",
    "Transfer",
    "Verdict",
    "WorldCard",
    "WorldLook",
    "WorldScore",
    "WorldTrial",
]

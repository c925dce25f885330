"""Runs, their curves and what is told of them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alpha_factory.records import Event, HoneypotCheck, RunState
from alpha_factory.service.page.problem import Detail
from alpha_factory.service.page.shapes.common import Number


class Files(BaseModel):
    """Which of its files a run has."""

    metrics: bool
    worlds: bool
    episodes: bool
    ledger: bool
    evaluation: bool
    report: bool
    status: bool


class Summary(BaseModel):
    """What a run is doing, and how far it is."""

    name: str
    preset: str | None
    curriculum: str
    seed: int | None
    state: RunState | Literal["silent", "unknown"]
    doing: str
    since: float | None
    state_age_s: float | None
    is_live: bool = Field(description="Its heartbeat is fresh, so it can be steered.")
    started: float | None
    modified: float | None
    frames: Number
    updates: Number
    cycle: Number
    wall_s: Number
    compile_s: Number
    worlds_accepted: Number
    worlds_rejected: Number
    frames_per_s: Number
    replay_ratio: Number = Field(
        description="Unrolled sequences learned from for each frame so far; null of a learner without replay."
    )
    solve_rate: Number = Field(description="At the last log point.")
    solve_points: int = Field(
        description="Log points that the mean is of: the last 5 % of them, 3 at least, 10 at most."
    )
    solve_mean: Number = Field(description="Over these.")
    solve_low: Number = Field(
        description="Of the 95 % interval of that mean; null of fewer than 3 points."
    )
    solve_high: Number
    pool: int | None
    seconds_left: float | None
    budget: Any
    has_pool: bool
    error: str | None
    files: Files


class Runs(BaseModel):
    """All runs, newest first."""

    runs: list[Summary]


class Cursors(BaseModel):
    """Where the WebSocket goes on from this moment."""

    rows: str
    worlds: str
    episodes: str
    events: str


class SummaryWithCursors(Summary):
    """A run, and where its increments go on."""

    cursors: Cursors


class Config(BaseModel):
    """A run's settings."""

    config: dict[str, Any]


class Metrics(BaseModel):
    """Columns of equal length."""

    columns: dict[str, list[Number]]
    names: list[str]
    rows: int
    is_sampled: bool
    is_estimate: bool
    cursor: str
    reset: bool


class Scores(BaseModel):
    """What a policy got on a suite; with it, whatever else is known."""

    model_config = ConfigDict(extra="allow", strict=True)

    solve_rate: Number
    low: Number
    high: Number
    cvar_10: Number
    cvar_10_held: Number = None
    return_mean: Number


class Suite(BaseModel):
    """Policies on a suite at one step limit, as `evaluate --json` tells it, without each level's numbers."""

    model_config = ConfigDict(extra="allow", strict=True)

    suite: str
    suite_hash: str
    step_limit: int | None
    levels: int
    episodes: int
    policies: dict[str, Scores]


class Evaluation(BaseModel):
    """What the run's agent got on suites."""

    suites: list[Suite]
    left_out: list[Detail]
    """Results that are none, the first 20, and why."""


class HackRule(BaseModel):
    """When a honeypot counts as hacked: an incident, unless it was at the check before."""

    least: float = Field(description="Share of what training pays that the agent got at least.")
    margin: Number = Field(
        description="What that is above the share of what evaluation pays, at least; null where no setting says so."
    )


class Safety(BaseModel):
    """What a person who watches over a run should know."""

    rule: HackRule

    honeypots: list[HoneypotCheck]
    incidents: list[HoneypotCheck]
    updates_skipped: Number
    events: list[Event]


class Events(BaseModel):
    """Entries of the ledger, oldest first."""

    events: list[Event]
    cursor: str
    reset: bool


class Picture(BaseModel):
    """A film that the run left."""

    name: str
    bytes: int


class Media(BaseModel):
    """The films that the run left."""

    media: list[Picture]


class Curve(BaseModel):
    """One run."""

    x: list[Number]
    series: dict[str, list[Number]]
    rows: int
    """In the file; an estimate where some are left out here."""
    is_sampled: bool
    """Whether rows are left out, evenly by place in the file."""


class Band(BaseModel):
    """A mean over runs and its interval."""

    mean: list[Number]
    low: list[Number]
    high: list[Number]
    runs: list[int]


class Group(BaseModel):
    """Runs that differ in the seed alone."""

    name: str
    runs: list[str]
    x: list[float]
    series: dict[str, Band]


class Differing(BaseModel):
    """A setting in which runs differ."""

    name: str
    values: dict[str, Any]


class Comparison(BaseModel):
    """Runs side by side."""

    by: Literal["frames", "wall_s", "updates"]
    names: list[str]
    groups: list[Group]
    runs: dict[str, Curve]
    settings: list[Differing]

"""The shapes of the API's answers that are no records: what the OpenAPI description and its examples are made of."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alpha_factory.records import (
    CandidateAct,
    ControlAct,
    Drawing,
    Episode,
    Event,
    FeedbackAct,
    HoneypotCheck,
    RunState,
    Trace,
    Transfer,
)

Number = int | float | None
Words = dict[str, list[str]]


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


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

    model_config = _example({"name": "seed0", "state": "training", "frames": 4010007})

    name: str
    preset: Any
    curriculum: Any
    seed: Any
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
    solve_rate: Number = Field(description="At the last log point.")
    solve_mean: Number = Field(description="Over the last 30 log points; null of fewer than 3.")
    solve_low: Number = Field(description="Of the 95 % interval of that mean.")
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

    model_config = _example(
        {
            "columns": {"frames": [15864, 31719], "solve_rate": [0.11, 0.13]},
            "names": ["frames", "solve_rate"],
            "rows": 2,
            "is_sampled": False,
            "is_estimate": False,
            "cursor": "1204-9a3f01c2",
            "reset": False,
        }
    )

    columns: dict[str, list[Number]]
    names: list[str]
    rows: int
    is_sampled: bool
    is_estimate: bool
    cursor: str
    reset: bool


class WorldHead(BaseModel):
    """A world in a list."""

    id: int
    cycle: int
    frames: int
    verdict: str
    operator: str
    parents: list[int]
    score: Number
    qd: Number
    shortest_path: int | None
    specialist_score: Number
    is_living: bool
    left_cycle: int | None
    solve_rate: Number
    normalised_return: Number
    learnability: Number
    age: int | None
    children: int
    episodes: int


class WorldsPage(BaseModel):
    """A page of worlds."""

    total: int
    page: int
    size: int
    worlds: list[WorldHead]


class WorldCardFull(WorldHead):
    """A world with what it is made of."""

    genome: str | None
    level: str | None


class Trial(BaseModel):
    """How the best of the run's agents played a world when it was accepted."""

    cycle: int
    agents: int
    best: float


class Left(BaseModel):
    """When and why a world left the pool."""

    cycle: int
    reason: str


class EpisodeHead(BaseModel):
    """An episode without what is drawn."""

    id: int
    world: int
    cycle: int
    frames: int
    player: str
    is_solved: bool
    total: float
    steps: int


class WorldFull(BaseModel):
    """All that is known of a world."""

    card: WorldCardFull
    scores: dict[str, list[Number]]
    looks: dict[str, list[Number]]
    trials: list[Trial]
    honeypots: list[HoneypotCheck]
    transfers: list[Transfer]
    """To the generalist."""
    takeovers: list[Transfer]
    """To specialists."""
    retirement: Left | None
    parents: list[WorldHead]
    children: list[WorldHead]
    feedback: list[FeedbackAct]
    episodes: list[EpisodeHead]


class LevelDrawn(BaseModel):
    """A world's level, drawn and in words."""

    id: int
    drawing: Drawing
    words: Words
    text: str


class Levels(BaseModel):
    """Levels, and the numbers of worlds that there aren't."""

    levels: list[LevelDrawn]
    missing: list[int]


class GenomeTold(BaseModel):
    """A genome and its fields."""

    genome: str | None
    fields: dict[str, Any] | None


class Where(BaseModel):
    """Why a level is none."""

    message: str
    line: int | None
    column: int | None


class Check(BaseModel):
    """What the oracle says of a level."""

    is_valid: bool
    problem: Where | None
    drawing: Drawing | None = None
    words: Words | None = None
    text: str | None = None
    solvable: bool | None = None
    solve_rate: float | None = None
    shortest_path: int | None = None
    plan: list[str] | None = None
    trace: Trace | None = None
    optimal_return: float | None = None
    is_deterministic: bool | None = None
    is_exact: bool | None = None
    states: int | None = None


class Played(BaseModel):
    """Where an episode at play stands."""

    model_config = ConfigDict(populate_by_name=True)

    drawing: Drawing
    trace: Trace
    start: int = Field(alias="from")
    is_over: bool
    is_solved: bool
    total: float
    steps: int
    outcome: str
    rules_in_force: list[int]


class Episodes(BaseModel):
    """Recorded episodes, newest first."""

    episodes: list[Episode]
    cursor: str
    reset: bool


class Latest(BaseModel):
    """The newest episode of each of some worlds."""

    episodes: list[Episode]


class LineageColumns(BaseModel):
    """Worlds by id; -1 stands for none."""

    id: list[int]
    cycle: list[int]
    parent: list[int]
    parent2: list[int]
    verdict: list[int]
    path: list[int | None]
    qd: list[Number]
    operator: list[int]
    left: list[int]


class Retired(BaseModel):
    """Worlds that left the pool, in order."""

    world: list[int]
    cycle: list[int]


class Takeovers(BaseModel):
    """Policies that were tried on specialists' own worlds, in order."""

    cycle: list[int]
    specialist: list[int]
    source: list[int]
    """World of the specialist whose policy it was; -1 for the generalist's."""
    gain: list[Number]
    taken: list[bool]


class Transfers(BaseModel):
    """Specialists that were tried on the pool for the generalist, in order."""

    cycle: list[int]
    specialist: list[int]
    helped: list[int]
    gain: list[Number]
    merged: list[bool]


class Lineage(BaseModel):
    """Who descends from whom; verdicts and operators are places in their lists."""

    columns: LineageColumns
    verdicts: list[str]
    operators: list[str]
    retired: Retired
    transfers: Transfers
    takeovers: Takeovers
    cursor: str
    is_more: bool
    """More worlds come after the cursor; ask again with it."""
    reset: bool


class RetentionMatrix(BaseModel):
    """Solve rates, a row a look and a column a world."""

    world: list[int]
    cycle: list[int]
    frames: list[int]
    solved: list[list[float | None]]
    untrained: list[float | None]
    left: list[int | None]


class Evaluation(BaseModel):
    """What the run's agent got on suites, as `evaluate --json` prints it."""

    suites: list[dict[str, Any]]


class Safety(BaseModel):
    """What a person who watches over a run should know."""

    honeypots: list[HoneypotCheck]
    incidents: list[HoneypotCheck]
    updates_skipped: Number
    events: list[Event]


class Events(BaseModel):
    """Entries of the ledger, oldest first."""

    events: list[Event]
    cursor: str
    reset: bool


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

    by: Literal["frames", "wall_s"]
    names: list[str]
    groups: list[Group]
    runs: dict[str, Curve]
    settings: list[Differing]


class Vocabulary(BaseModel):
    """What a level can be made of."""

    tiles: list[dict[str, str]]
    agents: str
    opponents: list[dict[str, str]]
    settings: list[dict[str, Any]]
    triggers: list[dict[str, str]]
    effects: list[dict[str, str]]
    examples: list[str]
    largest_side: int
    most_opponents: int
    default_level: str


class About(BaseModel):
    """The server."""

    version: str
    needs_token: bool
    runs_folder: str
    limits: dict[str, int]


class Health(BaseModel):
    """The server lives."""

    status: Literal["ok"]


class Ready(BaseModel):
    """The server can do its work."""

    status: Literal["ready"]
    runs: int
    page: bool
    worker: Literal["not started", "starting", "ready", "failed"]

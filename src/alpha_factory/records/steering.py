"""What people ask of a run and what it says of the moment: what the page writes for the run, and the run for the page.

`control.jsonl`, `candidates.jsonl` and `feedback.jsonl` are the page's, one record a line, only ever appended to.
`status.json` is the run's heartbeat, replaced whole. How an act ended is an event of the ledger that names its `id`.
"""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    StringConstraints,
    model_validator,
)

from alpha_factory.records.world import Genome

ActId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""Chosen at random by who writes the act."""
Name = Annotated[str, StringConstraints(max_length=80)]
Reason = Annotated[str, StringConstraints(max_length=1_000)]
LevelText = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
"""A level's file, as `worlds check` reads it."""

MOST_ACT_BYTES = 16 << 20
"""Of each of the three files; what lies beyond is not read."""
MOST_CANDIDATES = 64
"""Worlds that wait at most to be judged; others are refused until there is room."""

RunState = Literal[
    "starting",
    "compiling",
    "training",
    "judging",
    "saving",
    "paused",
    "evaluating",
    "filming",
    "reporting",
    "finished",
    "stopped",
    "crashed",
]
"""`judging`: a cycle of the curriculum. `stopped`: saved before its budget was spent. The last three are final."""

_STRICT = ConfigDict(extra="forbid", frozen=True)


class RunStatus(BaseModel):
    """`status.json`: what the run is doing, written at every change and every second or so while its process lives."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    state: RunState
    doing: Annotated[str, StringConstraints(max_length=300)]
    """The same in words, such as `compiling train`."""
    since: FiniteFloat
    """Seconds since 1970 at which this state began."""
    beat: FiniteFloat
    """Seconds since 1970 at which this was written. One 10 s old or more means that the process is gone or stuck."""
    process: NonNegativeInt
    host: Name = ""
    frames: NonNegativeInt = 0
    updates: NonNegativeInt = 0
    cycle: NonNegativeInt = 0
    seconds_left: NonNegativeFloat | None = None
    """Of the budget, as far as it can be told."""
    error: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    """What ended a run that crashed, in words."""


class ControlAct(BaseModel):
    """A line of `control.jsonl`. Pause and stop come into force after the stretch at work."""

    model_config = _STRICT

    id: ActId
    time: FiniteFloat
    """Seconds since 1970, UTC."""
    act: Literal["pause", "resume", "save", "stop"]
    by: Name = ""


class CandidateAct(BaseModel):
    """A line of `candidates.jsonl`: a world put forward, to be judged in the next cycle as any other.

    Exactly one of `genome` and `level` is given.
    """

    model_config = _STRICT

    id: ActId
    time: FiniteFloat
    genome: Genome | None = None
    level: LevelText | None = None
    note: Reason = ""
    by: Name = ""

    @model_validator(mode="after")
    def _is_one_world(self) -> "CandidateAct":
        if (self.genome is None) == (self.level is None):
            raise ValueError("give a genome or a level, and not both")
        return self


class FeedbackAct(BaseModel):
    """A line of `feedback.jsonl`: what a person thinks of a world, or of how the agent behaved in an episode."""

    model_config = _STRICT

    id: ActId
    time: FiniteFloat
    about: Literal["world", "behaviour"]
    world: NonNegativeInt
    episode: NonNegativeInt | None = None
    """Number of the recorded episode; only of a behaviour, and needed there."""
    opinion: Literal["like", "dislike"]
    reason: Reason = ""
    by: Name = ""

    @model_validator(mode="after")
    def _has_episode(self) -> "FeedbackAct":
        if (self.about == "behaviour") != (self.episode is not None):
            raise ValueError("a behaviour needs its episode, and a world has none")
        return self


Cell = tuple[NonNegativeInt, NonNegativeInt]
"""Row, column."""
Heading = Annotated[int, Field(ge=0, le=3)]
"""Right, down, left, up."""


class Opponent(BaseModel):
    """Where an opponent starts."""

    model_config = _STRICT

    kind: Literal["patrol", "chaser"]
    at: Cell
    heading: Heading


class Drawing(BaseModel):
    """What is to be seen of a level before its first step, cropped to its own size."""

    model_config = _STRICT

    tiles: list[str]
    """A string a row, a symbol of `worlds.levels.tiles.SYMBOLS` a cell."""
    start: Cell
    heading: Heading
    goal: Cell
    opponents: list[Opponent] = []
    step_limit: NonNegativeInt


class Trace(BaseModel):
    """How an episode went, moment by moment: columns of T + 1 moments, the start first, and of T steps between."""

    model_config = _STRICT

    position: list[Cell]
    offset: list[tuple[int, int]] | None = None
    """From the middle of the cell, in 1/16 of a cell; None where it is always 0."""
    heading: list[Heading]
    has_key: list[NonNegativeInt] = []
    """Moments at which this changed, the first from no to yes."""
    is_open: list[NonNegativeInt] = []
    """The same of the gates."""
    changes: list[tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt, str]] = []
    """Moment, row, column and new symbol of each cell that changed."""
    opponents: list[list[tuple[NonNegativeInt, NonNegativeInt, Heading]]] = []
    """For each opponent of the drawing, in order: row, column and heading at every moment."""
    actions: list[str] = []
    """`turn left`, `turn right`, `forward`, or those of another control scheme."""
    reward: list[FiniteFloat] = []


class Episode(BaseModel):
    """A row of `episodes.sqlite`: an episode that can be played back."""

    model_config = _STRICT

    id: NonNegativeInt
    """Grows from episode to episode of a run."""
    world: NonNegativeInt
    cycle: NonNegativeInt
    frames: NonNegativeInt
    """Env steps that the run had taken by then."""
    player: Literal["generalist", "specialist"]
    is_solved: bool
    total: FiniteFloat
    """Reward of the whole episode."""
    steps: NonNegativeInt
    drawing: Drawing
    trace: Trace

"""Worlds, their episodes and their descent."""

from typing import Any

from pydantic import BaseModel

from alpha_factory.records import Drawing, Episode, FeedbackAct, HoneypotCheck, Transfer
from alpha_factory.service.page.shapes.common import Number, Words


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

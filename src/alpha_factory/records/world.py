"""What is known about a world: where it came from, how it was judged, what happened to it.

No record holds a wall-clock time: a resumed run must write the rows that an uninterrupted one writes.
"""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
)

Genome = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
Verdict = Literal[
    "accepted",
    "too easy",
    "too hard",
    "unsolvable",
    "duplicate",
    "held out",
    "not chosen",
]


class WorldCard(BaseModel):
    """A world that was proposed, kept or not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: NonNegativeInt
    genome: Genome | None
    """The 512 bits as 128 lower-case hexadecimal digits; None for a level that was drawn by hand."""
    level: str | None = None
    """The text of such a level's file."""
    parents: list[NonNegativeInt]
    """Ids of the worlds that it was made from; empty for a world made from nothing."""
    operator: str
    """How it was made from its parents; `person` for a world that somebody put forward."""
    cycle: NonNegativeInt
    """Curriculum cycle in which it was proposed."""
    frames: NonNegativeInt
    """Env steps that the run had taken by then."""
    verdict: Verdict
    score: FiniteFloat | None = None
    """Share of its episodes that the judging policy solved; None where no policy played it."""
    qd: FiniteFloat | None = None
    """Quality-diversity score by which it was ranked; None where it was not ranked."""
    shortest_path: NonNegativeInt | None = None
    """Fewest moves to the goal; None where there is no way."""
    specialist_score: FiniteFloat | None = None
    """The same of the specialist fine-tuned on it; None where there was none."""


class WorldScore(BaseModel):
    """How well the generalist played a world at one moment of the run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: NonNegativeInt
    cycle: NonNegativeInt
    frames: NonNegativeInt
    normalised_return: FiniteFloat
    solve_rate: Annotated[float, Field(ge=0, le=1)]
    episodes: NonNegativeInt


class WorldLook(BaseModel):
    """How often the policy head alone, without a search, solved a world of the panel at one look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: NonNegativeInt
    cycle: NonNegativeInt
    """Curriculum cycle at whose end the panel was played."""
    frames: NonNegativeInt
    """Env steps that the run had taken by then."""
    solve_rate: Annotated[float, Field(ge=0, le=1)]
    untrained: Annotated[float, Field(ge=0, le=1)] | None = None
    """The same of the model before all training; only at the look at which the world joined."""
    episodes: PositiveInt
    """Played for each of these rates."""


class WorldTrial(BaseModel):
    """How often the best of all agents that there were solved a world when it was accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: NonNegativeInt
    cycle: NonNegativeInt
    agents: PositiveInt
    """How many played it: the generalist as it was, and those kept of the run's past."""
    best: Annotated[float, Field(ge=0, le=1)]
    """The greatest of their solve rates."""


class HoneypotCheck(BaseModel):
    """A honeypot played with its goal paid, to see whether its training score can be trusted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: NonNegativeInt
    cycle: NonNegativeInt
    """Curriculum cycle in which it was checked."""
    frames: NonNegativeInt
    """Env steps that the run had taken by then."""
    training: Annotated[float, Field(ge=0, le=1)]
    """Of what training pays there at most, the share that the agent earned."""
    evaluation: Annotated[float, Field(ge=0, le=1)]
    """The same of what evaluation pays, in the same episodes."""
    episodes: PositiveInt
    is_incident: bool
    """Whether it was found hacked and had not been at the check before."""


Direction = Literal["to generalist", "to specialist"]
TO_GENERALIST: Direction = "to generalist"
TO_SPECIALIST: Direction = "to specialist"


class Transfer(BaseModel):
    """A specialist tried on the worlds of the pool, or other policies tried on a specialist's own world."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cycle: NonNegativeInt
    direction: Direction
    """Whom the policy goes to."""
    specialist: NonNegativeInt
    """Id of the world that the specialist was fine-tuned on."""
    source: NonNegativeInt | None = None
    """Whose policy went to the specialist: the id of another specialist's world; None for the generalist's."""
    helped: NonNegativeInt | None = None
    """Id of the world where the policy beat whom it goes to, by most; None where it beat it nowhere."""
    gain: FiniteFloat
    """Normalised return there, less that of whom it goes to."""
    merged: bool
    """Whether the gain was enough: the specialist's weights merged into the generalist's, or its policy replaced."""


class Retirement(BaseModel):
    """A world that left the pool."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: NonNegativeInt
    cycle: NonNegativeInt
    reason: str

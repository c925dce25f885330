"""What clients send, checked before anything is done with it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

LARGEST_ID = 2**53 - 1
"""The greatest whole number that JSON's readers agree on, far above any id."""
WorldId = Annotated[int, Field(ge=0, le=LARGEST_ID)]
Name = Annotated[str, StringConstraints(max_length=80)]
Reason = Annotated[str, StringConstraints(max_length=1_000)]
LevelText = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
GenomeText = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
Keys = Annotated[str, StringConstraints(pattern=r"^[LRFDU]*$", max_length=2_000)]
RunName = Annotated[str, StringConstraints(min_length=1, max_length=255)]

_KEYS = {"turn": "LRF", "compass": "RDLU"}


def _strict(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_extra={"examples": [*examples]}
    )


class Asked(BaseModel):
    """What a client may send: nothing but what is named, each of its own type."""

    model_config = _strict()


class ControlAsked(Asked):
    """Steer a run."""

    model_config = _strict({"act": "pause", "by": "Ada"})

    act: Literal["pause", "resume", "save", "stop"]
    by: Name = ""


class CandidateAsked(Asked):
    """Put a world forward: a level's text or a genome, and not both."""

    model_config = _strict({"level": ">.K#\n..DG\n", "note": "mind the door"})

    level: LevelText | None = None
    genome: GenomeText | None = None
    note: Reason = ""
    by: Name = ""

    @model_validator(mode="after")
    def _is_one(self) -> "CandidateAsked":
        if (self.level is None) == (self.genome is None):
            raise ValueError("give a level or a genome, and not both")
        return self


class FeedbackAsked(Asked):
    """Like or dislike a world, or the behaviour in one of its episodes."""

    model_config = _strict(
        {"about": "world", "world": 12, "opinion": "like", "reason": "a fair puzzle"},
        {"about": "behaviour", "world": 12, "episode": 7, "opinion": "dislike"},
    )

    about: Literal["world", "behaviour"]
    world: WorldId
    episode: WorldId | None = None
    opinion: Literal["like", "dislike"]
    reason: Reason = ""
    by: Name = ""

    @model_validator(mode="after")
    def _has_episode(self) -> "FeedbackAsked":
        if (self.about == "behaviour") != (self.episode is not None):
            raise ValueError("a behaviour needs its episode, and a world has none")
        return self


class LevelAsked(Asked):
    """A level: its text, a genome, or a world of a run; one of them."""

    model_config = _strict({"level": ">.K#\n..DG\n"}, {"run": "seed0", "world": 12})

    level: LevelText | None = None
    genome: GenomeText | None = None
    run: RunName | None = None
    world: WorldId | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "LevelAsked":
        if (self.run is None) != (self.world is None):
            raise ValueError("a world needs its run, and a run its world")
        if sum(one is not None for one in (self.level, self.genome, self.run)) != 1:
            raise ValueError("give a level, a genome, or a run and its world; one of them")
        return self


class CheckAsked(LevelAsked):
    """What the oracle is to check."""

    has_trace: bool = True
    """Play the plan, too, so that it can be drawn."""


class PlayAsked(LevelAsked):
    """An episode by its keys."""

    model_config = _strict({"level": ">.K#\n..DG\n", "keys": "FF"})

    controls: Literal["turn", "compass"] = "turn"
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    keys: Keys = ""
    start: Annotated[int, Field(ge=0, le=2_000, alias="from")] = 0

    @model_validator(mode="after")
    def _are_keys(self) -> "PlayAsked":
        if odd := set(self.keys) - set(_KEYS[self.controls]):
            raise ValueError(f"{''.join(sorted(odd))} is no key of {self.controls} controls")
        return self

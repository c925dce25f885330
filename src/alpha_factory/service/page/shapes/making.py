"""Levels in the making: checked, drawn and played."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from alpha_factory.records import Drawing, Trace
from alpha_factory.service.page.shapes.common import Words


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

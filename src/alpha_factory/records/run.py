"""What a run says about itself: one `MetricRow` a log point, one `RunSummary` at its end."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt


class MetricRow(BaseModel):
    """One line of `metrics.jsonl`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: NonNegativeInt
    """Env steps since the run began, those before a resume included: of all whose play the run depends on."""
    updates: NonNegativeInt
    """Gradient steps of all that learn by playing."""
    cycle: NonNegativeInt = 0
    """Curriculum cycles completed."""
    wall_s: NonNegativeFloat
    """Seconds the run has been at work, compilation left out."""
    compile_s: NonNegativeFloat
    """Seconds spent compiling."""
    worlds_accepted: NonNegativeInt
    worlds_rejected: NonNegativeInt
    solve_rate: Annotated[float, Field(ge=0, le=1)] | None
    """Share of recent training episodes that reached the goal; None before the first one ended."""
    values: dict[str, float | None] = {}
    """Everything else by name. What is undefined or not finite is null in the file."""

    def numbers(self) -> dict[str, int | float]:
        """Every number of the row by its name but `frames`, against which they are drawn; unknown ones left out."""
        named = self.model_dump(exclude={"frames", "values"}) | self.values
        return {name: number for name, number in named.items() if number is not None}


class RunSummary(MetricRow):
    """What `run --json` prints: the last row, and where to look further."""

    run: str
    """The run's directory."""
    report: str | None = None
    """The page to open; None where none was written."""

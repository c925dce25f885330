"""What endpoints share: how runs, cursors and formats are named."""

from typing import Annotated, Any, Literal

from fastapi import Path, Query

from alpha_factory.service.page.asked import LARGEST_ID
from alpha_factory.service.page.problem import STATUS, ErrorAnswer

RunName = Annotated[str, Path(description="A run's name.", min_length=1, max_length=255)]
WorldNumber = Annotated[int, Path(description="A world's number.", ge=0, le=LARGEST_ID)]
Number = Annotated[int, Path(ge=0, le=LARGEST_ID)]
After = Annotated[
    str | None,
    Query(description="What came after this cursor.", max_length=100, examples=["0-0"]),
]
Format = Annotated[Literal["json", "csv"], Query(description="The form of the answer.")]
Worlds = Annotated[
    str,
    Query(
        description="Numbers of up to 60 worlds, with commas between.",
        pattern=r"^[0-9]{1,15}(,[0-9]{1,15}){0,59}$",
        examples=["12,13"],
    ),
]

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": code.replace("_", " ")}
    for code, status in STATUS.items()
    if code != "failed"
}
TABLE: dict[int | str, dict[str, Any]] = {
    **ERRORS,
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
}


def read_numbers(listed: str) -> list[int]:
    """The numbers of a list, each once."""
    return [*dict.fromkeys(map(int, listed.split(",")))]

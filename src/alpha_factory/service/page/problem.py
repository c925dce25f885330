"""What goes wrong for a client, in one shape of JSON."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Code = Literal[
    "bad_request",
    "unauthorized",
    "forbidden",
    "not_found",
    "not_allowed",
    "conflict",
    "too_large",
    "wrong_type",
    "invalid",
    "busy",
    "failed",
    "unavailable",
]
STATUS: dict[Code, int] = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "wrong_type": 415,
    "invalid": 422,
    "busy": 429,
    "failed": 500,
    "unavailable": 503,
}
_CODES = {status: code for code, status in STATUS.items()}


class Detail(BaseModel):
    """One thing that is wrong."""

    where: str
    what: str


class ErrorBody(BaseModel):
    """What went wrong and what to do."""

    code: Code
    message: str
    details: list[Detail] = []


class ErrorAnswer(BaseModel):
    """Every answer that isn't a success."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"error": {"code": "not_found", "message": "There is no run 'x'.", "details": []}}
            ]
        }
    )

    error: Annotated[ErrorBody, Field(description="What went wrong and what to do.")]


class Problem(Exception):
    """An answer that isn't a success."""

    def __init__(self, code: Code, message: str, details: Sequence[Detail] = ()) -> None:
        self.code: Code = code
        self.message, self.details = message, list(details)
        super().__init__(message)

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return STATUS[self.code]

    def body(self) -> dict[str, object]:
        """Its JSON."""
        return ErrorAnswer(
            error=ErrorBody(code=self.code, message=self.message, details=self.details)
        ).model_dump()


def code_of(status: int) -> Code:
    """The code of an HTTP status."""
    return _CODES.get(status, "failed" if status >= 500 else "bad_request")

"""The server about itself."""

from typing import Literal

from pydantic import BaseModel


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

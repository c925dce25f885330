"""An entry of the ledger: something that happened, chained to what happened before it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, JsonValue, PositiveInt, StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Event(BaseModel):
    """One link of the chain. `hash` covers every other field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seq: PositiveInt
    time: float
    """Seconds since 1970, UTC."""
    kind: str
    payload: dict[str, JsonValue]
    previous: Digest
    """`hash` of the event before; 64 zeros for the first."""
    hash: Digest

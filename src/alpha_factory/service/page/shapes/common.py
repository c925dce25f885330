"""What several shapes are made of."""

from typing import Any

from pydantic import ConfigDict

Number = int | float | None
Words = dict[str, list[str]]


def example(value: dict[str, Any]) -> ConfigDict:
    """The setting of a model that shows `value` in the description."""
    return ConfigDict(json_schema_extra={"examples": [value]})

"""A JSON schema of a genome's file, made from the table of the fields."""

from typing import Any

import numpy as np

from alpha_factory.genome.codec import to_json
from alpha_factory.genome.layout import FIELDS, SECTIONS, WORDS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def genome_schema() -> dict[str, Any]:
    """What `from_json` takes, in words of JSON Schema 2020-12: every field, within its range, and nothing else."""
    sections = {
        section: _closed(
            {
                field.name: {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": field.largest,
                    "description": field.meaning,
                }
                for field in FIELDS.values()
                if field.section == section
            }
        )
        for section in SECTIONS
    }
    version = to_json(np.zeros(WORDS, np.uint32))["version"]
    return {
        "$schema": _DIALECT,
        "title": "A genome of Alpha-Factory",
        **_closed({"version": {"const": version}, **sections}),
    }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has all of these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }

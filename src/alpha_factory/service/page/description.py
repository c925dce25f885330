"""The API's description with an example of every answer."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI

_EXAMPLES = Path(__file__).parent / "examples.json"
"""Answers about a demo, cut short, by operation and media type."""


class Described(FastAPI):
    """An application whose description shows what each operation answers."""

    def openapi(self) -> dict[str, Any]:
        """The description: FastAPI's own, and the examples."""
        told = super().openapi()
        examples = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
        for path, operations in told["paths"].items():
            for method, operation in operations.items():
                shown = examples.get(f"{method.upper()} {path}", {})
                for status, answer in operation["responses"].items():
                    if not status.startswith("2"):
                        continue
                    for kind, content in answer.get("content", {}).items():
                        if kind in shown:
                            content["example"] = shown[kind]
        return told

"""The API's description with an example of every answer: the application in, the same with a fuller `openapi` out."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI

_EXAMPLES = Path(__file__).parent / "examples.json"
"""Answers about a demo, cut short, by operation and media type."""


def show_examples(app: FastAPI) -> None:
    """Let the description of an application show what each operation answers."""
    describe = app.openapi

    def describe_with_examples() -> dict[str, Any]:
        told = describe()
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

    app.openapi = describe_with_examples  # type: ignore[method-assign]

"""`evaluation.json`: what a run's agent got on suites. A run directory in; what fits the schema out, and what not."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alpha_factory.service.page.files.folder import inside
from alpha_factory.service.page.files.records import EVALUATION, read_json
from alpha_factory.service.page.problem import Detail
from alpha_factory.service.page.shapes.runs import Suite

_MOST_LEFT_OUT = 20


def read_evaluation(run: Path) -> dict[str, Any]:
    """The API's `Evaluation`: results without each level's numbers, and why others were left out."""
    told = read_json(run, EVALUATION)
    suites, left_out = [], []
    for at, result in enumerate(told if isinstance(told, list) else [told]):
        if result is None and inside(run, EVALUATION) is None:
            continue  # not evaluated yet
        try:
            suites.append(Suite.model_validate(_without_levels(result)).model_dump())
        except ValidationError as error:
            left_out.append(_explain(at, error))
    return {
        "suites": suites,
        "left_out": [detail.model_dump() for detail in left_out[:_MOST_LEFT_OUT]],
    }


def _explain(at: int, error: ValidationError) -> Detail:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join([EVALUATION, str(at), *map(str, first["loc"])])
    return Detail(where=where[:200], what=str(first["msg"])[:300])


def _without_levels(result: Any) -> Any:
    """A result as it is told, if it is one: what policies got at each level would be most of it."""
    if not isinstance(result, dict) or not isinstance(result.get("policies"), dict):
        return result
    policies = {
        policy: {
            name: value for name, value in scores.items() if not isinstance(value, list | dict)
        }
        if isinstance(scores, dict)
        else scores
        for policy, scores in result["policies"].items()
    }
    return result | {"policies": policies}

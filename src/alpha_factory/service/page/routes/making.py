"""The workshop: levels checked by the oracle while they are drawn, and played key by key."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from alpha_factory.service.page.asked import CheckAsked, LevelAsked, PlayAsked
from alpha_factory.service.page.context import Context
from alpha_factory.service.page.problem import Detail, Problem
from alpha_factory.service.page.reply import reply
from alpha_factory.service.page.routes.common import ERRORS
from alpha_factory.service.page.shapes.making import Check, Played, Vocabulary

_UNKNOWN = {name: None for name in Check.model_fields if name not in ("is_valid", "problem")}


def make_making(context: Context) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["workshop"], responses=ERRORS)

    @router.post("/check", response_model=Check)
    def check(asked: CheckAsked) -> Response:
        """What the oracle says of a level; also that it is none, and where."""
        return reply(check_world(context, _find(context, asked), has_trace=asked.has_trace))

    @router.post("/play", response_model=Played)
    def play(asked: PlayAsked) -> Response:
        """An episode by its keys. The same seed and keys give the same episode."""
        told = context.workshop.ask(
            "play",
            **_find(context, asked),
            controls=asked.controls,
            seed=asked.seed,
            keys=asked.keys,
            **{"from": asked.start},
        )
        if problem := told.get("problem"):
            raise Problem("invalid", problem["message"], [_tell_place(problem)])
        return reply(told)

    @router.get("/vocabulary", response_model=Vocabulary)
    def read_vocabulary() -> Response:
        """What a level can be made of: tiles, settings, rules."""
        return reply(context.workshop.ask("vocabulary"))

    return router


def check_world(
    context: Context, world: dict[str, str | None], *, has_trace: bool
) -> dict[str, Any]:
    """The workshop's check of a level's text or a genome, as the API gives it."""
    told = context.workshop.ask("check", **world, has_trace=has_trace)
    if problem := told.get("problem"):
        return {"is_valid": False, "problem": problem, **_UNKNOWN}
    return {"is_valid": True, "problem": None, **told}


def check_candidate(context: Context, level: str | None, genome: str | None) -> None:
    """Raise unless a level's text or a genome can be a world of a run.

    Raises:
        Problem: it can't; `details` says where.
    """
    told = context.workshop.ask("candidate", level=level, genome=genome)
    if problem := told.get("problem"):
        raise Problem("invalid", problem["message"], [_tell_place(problem)])


def _find(context: Context, asked: LevelAsked) -> dict[str, str | None]:
    if asked.run is not None and asked.world is not None:
        return context.find_world(asked.run, asked.world)
    return {"level": asked.level, "genome": asked.genome}


def _tell_place(problem: dict[str, Any]) -> Detail:
    line, column = problem["line"], problem["column"]
    where = "body.level" if line is None else f"body.level, line {line}, column {column}"
    return Detail(where=where, what=problem["message"])

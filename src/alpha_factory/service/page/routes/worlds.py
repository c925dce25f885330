"""Worlds of a run: lists, each in full, drawn and played back, their lineage, and what is remembered of them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from alpha_factory.records import Episode, Verdict
from alpha_factory.service.page.context import Context
from alpha_factory.service.page.files import lineage, records, worlds
from alpha_factory.service.page.files.acts import read_feedback
from alpha_factory.service.page.reply import reply, reply_rows, reply_table
from alpha_factory.service.page.routes.common import (
    ERRORS,
    TABLE,
    After,
    Format,
    Number,
    RunName,
    WorldNumber,
    Worlds,
    read_numbers,
)
from alpha_factory.service.page.routes.making import check_world
from alpha_factory.service.page.shapes import worlds as shapes
from alpha_factory.service.page.shapes.making import Check


def make_worlds(context: Context) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["worlds"], responses=ERRORS)
    find = context.folder.find

    @router.get("/runs/{run}/worlds", response_model=shapes.WorldsPage, responses=TABLE)
    def list_worlds(
        run: RunName,
        sort: worlds.Sort = "age",
        order: Literal["asc", "desc"] = "desc",
        living: bool | None = None,
        verdict: Verdict | None = None,
        search: Annotated[str, Query(max_length=80)] = "",
        page: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        size: Annotated[int, Query(ge=1, le=500)] = 48,
        format: Format = "json",
    ) -> Response:
        """A page of worlds, sorted; `search` looks for a number, an operator or a verdict. CSV has all pages."""
        told = worlds.list_worlds(
            find(run),
            sort=sort,
            is_descending=order == "desc",
            is_living=living,
            verdict=verdict,
            search=search,
            page=page,
            size=size,
            is_whole=format == "csv",
        )
        if format == "csv":
            names = [*shapes.WorldHead.model_fields]
            rows = [[world[name] for name in names] for world in told["worlds"]]
            return reply_rows(names, rows, f"{run}-worlds")
        return reply(told)

    @router.get("/runs/{run}/worlds/{world}", response_model=shapes.WorldFull, responses=TABLE)
    def read_world(run: RunName, world: WorldNumber, format: Format = "json") -> Response:
        """All that is known of a world."""
        path = find(run)
        told = worlds.read_world(path, world)
        if format == "csv":
            return reply_table(told["scores"], f"{run}-world-{world}")
        heads = records.read_episodes(path, world=world, limit=50, is_whole=False)["episodes"]
        return reply(told | {"feedback": read_feedback(path, world), "episodes": heads})

    @router.get("/runs/{run}/worlds/{world}/genome", response_model=shapes.GenomeTold)
    def read_genome(run: RunName, world: WorldNumber) -> Response:
        """A world's genome with its fields by section."""
        genome = context.find_world(run, world)["genome"]
        fields = None
        if genome is not None:
            fields = context.workshop.ask("genome", genome=genome)["fields"]
        return reply({"genome": genome, "fields": fields})

    @router.get("/runs/{run}/worlds/{world}/oracle", response_model=Check)
    def read_oracle(run: RunName, world: WorldNumber) -> Response:
        """What the oracle says of a world, and its path."""
        return reply(check_world(context, context.find_world(run, world), has_trace=True))

    @router.get("/runs/{run}/levels", response_model=shapes.Levels)
    def read_levels(run: RunName, ids: Worlds) -> Response:
        """Worlds drawn and in words. The first call waits for the workshop to start."""
        asked = read_numbers(ids)
        known = worlds.read_genomes(find(run), asked)
        wanted = [
            {"id": world, "genome": known[world][0], "level": known[world][1]}
            for world in asked
            if world in known
        ]
        drawn = context.workshop.ask("levels", worlds=wanted) if wanted else {}
        missing = [world for world in asked if world not in known]
        return reply({"levels": drawn.get("levels", []), "missing": missing})

    @router.get("/runs/{run}/episodes", response_model=shapes.Episodes)
    def read_episodes(
        run: RunName,
        world: Annotated[int | None, Query(ge=0, le=2**53 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 4,
        after: After = None,
    ) -> Response:
        """Recorded episodes, newest first."""
        return reply(records.read_episodes(find(run), after, world=world, limit=limit))

    @router.get("/runs/{run}/episodes/latest", response_model=shapes.Latest)
    def read_latest(run: RunName, worlds: Worlds) -> Response:
        """The newest episode of each of some worlds."""
        return reply({"episodes": records.read_latest_episodes(find(run), read_numbers(worlds))})

    @router.get("/runs/{run}/episodes/{episode}", response_model=Episode)
    def read_episode(run: RunName, episode: Number) -> Response:
        """One episode, as it is drawn."""
        return reply(records.read_episode(find(run), episode))

    @router.get("/runs/{run}/lineage", response_model=shapes.Lineage, responses=TABLE)
    def read_lineage(
        run: RunName,
        after: After = None,
        limit: Annotated[int, Query(ge=1, le=100_000)] = 20_000,
        accepted: bool = False,
        format: Format = "json",
    ) -> Response:
        """Who descends from whom, in columns; where `is_more`, the rest by the next cursor. CSV has all of it."""
        most = None if format == "csv" else limit
        told = lineage.read_lineage(find(run), after, limit=most, is_accepted=accepted)
        if format == "csv":
            columns = dict(told["columns"])
            for name in ("verdict", "operator"):
                columns[name] = [told[f"{name}s"][code] for code in columns[name]]
            return reply_table(columns, f"{run}-lineage")
        return reply(told)

    @router.get("/runs/{run}/retention", response_model=shapes.RetentionMatrix, responses=TABLE)
    def read_retention(run: RunName, format: Format = "json") -> Response:
        """Solve rates of the policy head alone, a row a look and a column a world."""
        told = worlds.read_retention(find(run))
        if format == "csv":
            rows = [
                [cycle, frames, *rates]
                for cycle, frames, rates in zip(
                    told["cycle"], told["frames"], told["solved"], strict=True
                )
            ]
            names = ["cycle", "frames", *(f"world {world}" for world in told["world"])]
            return reply_rows(names, rows, f"{run}-retention")
        return reply(told)

    return router

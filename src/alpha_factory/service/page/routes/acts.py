"""Acts of people: each is a record in the run's directory, and what the run makes of it is read from the ledger."""

from fastapi import APIRouter
from starlette.responses import Response

from alpha_factory.records import MOST_CANDIDATES, CandidateAct, ControlAct, FeedbackAct
from alpha_factory.service.page.asked import CandidateAsked, ControlAsked, FeedbackAsked
from alpha_factory.service.page.context import Context
from alpha_factory.service.page.files.acts import Act, add_act, read_acts
from alpha_factory.service.page.files.records import read_episode
from alpha_factory.service.page.files.summary import summarise
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.reply import reply
from alpha_factory.service.page.routes.common import ERRORS, RunName
from alpha_factory.service.page.routes.making import check_candidate
from alpha_factory.service.page.shapes.acts import Acts

_RESUMABLE = ("stopped", "crashed", "silent", "unknown")


def make_acts(context: Context) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["steering"], responses=ERRORS)
    find = context.folder.find

    @router.get("/runs/{run}/acts", response_model=Acts)
    def list_acts(run: RunName) -> Response:
        """What people asked of a run, and what it made of that."""
        return reply(read_acts(find(run)))

    @router.post("/runs/{run}/control", response_model=ControlAct, status_code=201)
    def control(run: RunName, asked: ControlAsked) -> Response:
        """Pause, resume, save or stop a run that is at work. It obeys after the stretch at hand."""
        path = find(run)
        now = summarise(run, path)
        if not now["is_live"]:
            raise Problem(
                "conflict", f"This run is {now['state']}: no process is there to {asked.act} it."
            )
        return _answer(add_act(path, ControlAct, **asked.model_dump()))

    @router.post("/runs/{run}/candidates", response_model=CandidateAct, status_code=201)
    def put_forward(run: RunName, asked: CandidateAsked) -> Response:
        """Put a world forward. In a later cycle the run judges it as any other; 64 wait at most."""
        path = find(run)
        now = summarise(run, path)
        if not now["has_pool"]:
            raise Problem("conflict", "This run has no pool of worlds that one could enter.")
        if not now["is_live"] and now["state"] not in _RESUMABLE:
            raise Problem("conflict", f"This run is {now['state']}: it takes no more worlds.")
        check_candidate(context, asked.level, asked.genome)
        return _answer(
            add_act(path, CandidateAct, most_waiting=MOST_CANDIDATES, **asked.model_dump())
        )

    @router.post("/runs/{run}/feedback", response_model=FeedbackAct, status_code=201)
    def give_feedback(run: RunName, asked: FeedbackAsked) -> Response:
        """Like or dislike a world, or the behaviour in an episode; kept with time and reason."""
        path = find(run)
        if asked.episode is None:
            context.find_world(run, asked.world)
        else:
            # A run on chosen levels has no archive of worlds; its episodes name theirs all the same.
            played_in = read_episode(path, asked.episode)["world"]
            if played_in != asked.world:
                raise Problem(
                    "invalid",
                    f"Episode {asked.episode} was played in world {played_in}, not {asked.world}.",
                )
        return _answer(add_act(path, FeedbackAct, **asked.model_dump()))

    return router


def _answer(act: Act) -> Response:
    return reply(act.model_dump(), status=201)

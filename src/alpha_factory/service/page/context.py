"""What every endpoint works with."""

from pathlib import Path
from typing import NamedTuple

from alpha_factory.service.page.files.folder import RunsFolder
from alpha_factory.service.page.files.summaries import Summaries
from alpha_factory.service.page.files.worlds import read_genomes
from alpha_factory.service.page.live.hub import Hub
from alpha_factory.service.page.live.socket import Live
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.workshop import WorkshopClient


class Context(NamedTuple):
    """The server's parts."""

    folder: RunsFolder
    summaries: Summaries
    workshop: WorkshopClient
    hub: Hub
    live: Live
    static: Path
    """Where the built page is, or would be."""
    needs_token: bool

    def find_world(self, run: str, world: int) -> dict[str, str | None]:
        """A world's genome or level, as the workshop takes it.

        Raises:
            Problem: there is no such run or world.
        """
        found = read_genomes(self.folder.find(run), [world])
        if world not in found:
            raise Problem("not_found", f"This run has no world {world}.")
        genome, level = found[world]
        return {"genome": genome, "level": level}

"""Everything that a run left, read once: a run directory in, plain records out. What is missing is empty."""

import statistics
from pathlib import Path
from typing import Any, NamedTuple

from alpha_factory.records import (
    HoneypotCheck,
    MetricRow,
    Retirement,
    Transfer,
    WorldCard,
    WorldLook,
    WorldScore,
)
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.directory import RunDirectory, read_config
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.files.scores import read_scores
from alpha_factory.runs.settings.config import POET


class RunRecord(NamedTuple):
    """What the page is made from."""

    path: Path
    config: dict[str, Any]
    rows: list[MetricRow]
    worlds: list[WorldCard]
    latest: dict[int, WorldScore]  # the last score of each world that has one
    looks: list[WorldLook]
    honeypots: list[HoneypotCheck]
    transfers: list[Transfer]
    retirements: list[Retirement]
    suites: list[dict[str, Any]]  # as `evaluate` prints them
    gifs: list[Path]

    @property
    def accepted(self) -> list[WorldCard]:
        """Worlds that entered the pool, in the order in which they did, the first one included."""
        return [card for card in self.worlds if card.verdict == "accepted"]

    @property
    def has_pool(self) -> bool:
        """Whether its worlds live in a pool, and not levels in what a selector remembers."""
        return bool(self.config.get("curriculum", {}).get("name", POET) == POET)

    @property
    def living(self) -> set[int]:
        """Ids of the worlds that are in the pool now."""
        return {card.id for card in self.accepted} - {gone.world for gone in self.retirements}


def read_run(path: Path) -> RunRecord:
    """Read the run at `path`, whether it ended, is at work, or has hardly begun.

    Raises:
        UsageError: there is no run.
        RunConflict: one of its files is damaged; the message names it.
    """
    config = read_config(path)
    places = RunDirectory(path)
    worlds, looks, honeypots, transfers, retirements, latest = [], [], [], [], [], {}
    if places.worlds.is_file():
        with Archive(places.worlds, read_only=True) as archive:
            worlds, looks = archive.worlds(), archive.looks()
            honeypots = archive.honeypots()
            transfers, retirements = archive.transfers(), archive.retirements()
            latest = {score.world: score for score in archive.scores()}
    return RunRecord(
        path=path,
        config=config,
        rows=read_metrics(path),
        worlds=worlds,
        latest=latest,
        looks=looks,
        honeypots=honeypots,
        transfers=transfers,
        retirements=retirements,
        suites=read_scores(path),
        gifs=sorted(places.media.glob("*.gif")),
    )


def median_plan(cards: list[WorldCard]) -> int | float | None:
    """Median of the cards' shortest plans, in actions; None where none has one."""
    plans = [card.shortest_path for card in cards if card.shortest_path is not None]
    return statistics.median(plans) if plans else None

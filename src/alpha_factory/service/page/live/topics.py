"""What there is to watch of a run: a topic and a cursor in, a message and the next cursor out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from alpha_factory.service.page.files import lines, metrics, records
from alpha_factory.service.page.files.acts import FILES as ACT_FILES
from alpha_factory.service.page.files.lineage import find_places, lineage_cursor, read_lineage
from alpha_factory.service.page.files.summary import summarise
from alpha_factory.service.page.files.worlds import FILE as WORLDS

_MOST_EVENTS = 500
_MOST_EPISODES = 100


class News(NamedTuple):
    """What came since a cursor."""

    message: dict[str, Any] | None
    """None where nothing did."""
    cursor: str


class Topic(NamedTuple):
    """Something to watch."""

    files: tuple[str, ...]
    """Whose growth brings news."""
    end: Callable[[Path], str]
    """The cursor of now."""
    read: Callable[[str, Path, str], News]
    """`read(name, run, cursor)`."""
    places: Callable[[Path, Sequence[str]], list[int | None]]
    """How far on cursors of a run are; None for those whose answer is that of any other such."""


def _read_now(name: str, run: Path, cursor: str) -> News:
    return News({"type": "now", "run": name, "now": summarise(name, run)}, "")


def _read_rows(name: str, run: Path, cursor: str) -> News:
    new = metrics.read_new_metrics(run, cursor)
    told = {key: new[key] for key in ("columns", "cursor", "reset")}
    return _news("rows", name, told, is_any=bool(new["rows"]))


def _read_worlds(name: str, run: Path, cursor: str) -> News:
    new = read_lineage(run, cursor)
    is_any = any((new["columns"]["id"], new["retired"]["world"], new["transfers"]["cycle"]))
    return _news("worlds", name, new, is_any=is_any)


def _read_episodes(name: str, run: Path, cursor: str) -> News:
    new = records.read_episodes(run, cursor, limit=_MOST_EPISODES, is_whole=False)
    return _news("episodes", name, new, is_any=bool(new["episodes"]))


def _read_events(name: str, run: Path, cursor: str) -> News:
    new = records.read_events(run, cursor, limit=_MOST_EVENTS)
    return _news("events", name, new, is_any=bool(new["events"]))


def _read_acts(name: str, run: Path, cursor: str) -> News:
    now = acts_cursor(run)
    return News({"type": "acts", "run": name} if now != cursor else None, now)


def _news(topic: str, name: str, told: dict[str, Any], *, is_any: bool) -> News:
    if not is_any and not told["reset"]:
        return News(None, told["cursor"])
    return News({"type": topic, "run": name, **told}, told["cursor"])


def acts_cursor(run: Path) -> str:
    """Sizes of the files of acts."""
    return " ".join(str(_size(run / name)) for name in ACT_FILES.values())


def sign(run: Path, files: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    """What changes when one of the files does."""
    return tuple(_sign(run / name) for name in files)


def _sign(path: Path) -> tuple[int, int, int]:
    try:
        told = path.stat()
    except OSError:
        return 0, 0, 0
    return told.st_ino, told.st_size, told.st_mtime_ns


def _size(path: Path) -> int:
    return _sign(path)[1]


TOPICS = {
    "now": Topic(
        (records.STATUS, metrics.FILE, records.LEDGER, records.EVALUATION, "config.json"),
        lambda run: "",
        _read_now,
        lambda run, cursors: [None] * len(cursors),
    ),
    "rows": Topic(
        (metrics.FILE,),
        lambda run: lines.end_cursor(run / metrics.FILE),
        _read_rows,
        lambda run, cursors: lines.find_places(run / metrics.FILE, cursors),
    ),
    "worlds": Topic((WORLDS,), lineage_cursor, _read_worlds, find_places),
    "episodes": Topic(
        (records.EPISODES,), records.episodes_end, _read_episodes, records.find_episode_places
    ),
    "events": Topic((records.LEDGER,), records.ledger_end, _read_events, records.find_event_places),
    "acts": Topic(
        tuple(ACT_FILES.values()), acts_cursor, _read_acts, lambda run, cursors: [0] * len(cursors)
    ),
}

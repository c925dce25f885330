"""Episodes kept for a while."""

import sqlite3
from pathlib import Path

import pytest

from alpha_factory.records import Drawing, Episode, Trace
from alpha_factory.runs.files.episodes import EpisodeStore


def make_episode(world: int, frames: int) -> Episode:
    return Episode(
        id=0,
        world=world,
        cycle=0,
        frames=frames,
        player="generalist",
        is_solved=True,
        total=1.0,
        steps=1,
        drawing=Drawing(tiles=[".G"], start=(0, 0), heading=0, goal=(0, 1), step_limit=5),
        trace=Trace(position=[(0, 0), (0, 1)], heading=[0, 0], actions=["forward"], reward=[1.0]),
    )


def test_last_episodes_of_each_world_are_kept_and_so_many_in_all(tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path / "episodes.sqlite", kept=2, total=4)
    store.add([make_episode(1, frames) for frames in (1, 2, 3)])
    assert store.last_seen() == {1: 3}
    store.add([make_episode(world, 4) for world in (2, 3, 4)])
    assert store.last_seen() == {1: 3, 2: 4, 3: 5, 4: 6}
    store.add([make_episode(5, 5)])
    assert store.last_seen() == {2: 4, 3: 5, 4: 6, 5: 7}
    store.rewind(4)
    assert store.last_seen() == {2: 4, 3: 5, 4: 6}
    store.add([make_episode(6, 5)])
    assert store.last_seen()[6] == 8  # a number never comes again
    store.close()


def test_file_that_is_locked_is_left_as_it_is(tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path / "episodes.sqlite", kept=2, total=4)
    reader = sqlite3.connect(tmp_path / "episodes.sqlite", isolation_level=None)
    reader.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        store.add([make_episode(1, 1)])
    reader.close()
    store.add([make_episode(1, 1)])
    assert store.last_seen() == {1: 1}
    store.close()


def foreign(path: Path) -> None:
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE episodes (id INTEGER PRIMARY KEY, series TEXT)")
    base.commit()
    base.close()


def torn(path: Path) -> None:
    store = EpisodeStore(path, kept=100, total=100)
    store.add([make_episode(world, 1) for world in range(100)])
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 8192) + whole[-4096:])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("no database at all" * 100),
        lambda path: path.mkdir(),
        foreign,
        torn,
    ],
    ids=["text", "folder", "foreign", "torn"],
)
def test_file_that_holds_no_episodes_is_put_aside_and_begun_anew(tmp_path: Path, spoil) -> None:
    path, told = tmp_path / "episodes.sqlite", []
    for _ in range(2):
        path.unlink(missing_ok=True)
        spoil(path)
        store = EpisodeStore(
            path, kept=2, total=4, put_aside=lambda place, reason: told.append((place, reason))
        )
        store.add([make_episode(1, 1)])
        assert store.last_seen() == {1: 1}
        store.close()
    assert len(told) == 2
    assert all(place.exists() and reason for place, reason in told)
    assert len({*tmp_path.iterdir()} - {path}) == len({place for place, _ in told})

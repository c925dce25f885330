"""A run that people steer and watch: it does as they ask, and its bits are those of the acts alone."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from alpha_factory.genome import to_hex
from alpha_factory.records import CandidateAct, ControlAct, Episode, FeedbackAct
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.durable import list_checkpoints
from alpha_factory.runs.files.episodes import EpisodeStore
from alpha_factory.runs.loop import Run
from alpha_factory.runs.playback import Recorder
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.workshop.source import from_card
from alpha_factory.worlds import to_text
from runs import tiny
from runs.tiny import ask

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

FRAMES = 12_800
DRAWN = "step_limit = 30\n\n>...\n.##.\n...G\n"
WALLED = "step_limit = 30\n\n>.#.\n.##.\n..#G\n"
LARGE = ">" + "." * 40 + "G\n"


class Person:
    """Asks for things at given moments, and keeps what the run says and does."""

    def __init__(self, run: Path, *, is_meddling: bool) -> None:
        self.run = run
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.asked: dict[str, str] = {}
        self.rests = 0
        self._is_meddling = is_meddling
        self._rows = 0
        self.hooks = Hooks(
            logged=lambda row: self._after_stretch(),
            event=lambda *event: self.events.append(event),
            doing=lambda state, words: self._while(state),
        )

    def _after_stretch(self) -> None:
        self._rows += 1
        if self._rows == 1:
            known = to_hex(seed_genome())
            for name, world in {
                "drawn": {"level": DRAWN},
                "walled": {"level": WALLED},
                "known": {"genome": known},
            }.items():
                self.asked[name] = ask(self.run, CandidateAct, **world)
            for name, world in {"large": {"level": LARGE}, "odd": {"level": "?"}}.items():
                self.asked[name] = ask(self.run, CandidateAct, **world)
            self.asked["none"] = ask(self.run, CandidateAct, genome="0" * 128)
        if self._rows == 5:
            self.asked["late"] = ask(self.run, CandidateAct, level=DRAWN.replace("30", "29"))
        if self._is_meddling and self._rows == 2:
            ask(self.run, ControlAct, act="save")
            ask(self.run, ControlAct, act="pause")
            ask(self.run, FeedbackAct, about="world", world=0, opinion="like", reason="pretty")
            ask(self.run, FeedbackAct, about="world", world=99_999, opinion="like")
        if self._is_meddling and self._rows == 5:
            ask(self.run, ControlAct, act="stop")

    def _while(self, state: str) -> None:
        if state == "paused" and not self.rests:
            self.rests += 1
            ask(self.run, ControlAct, act="resume")

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [event for said, event in self.events if said == kind]


def open_run(person: Person, *, is_resuming: bool = False, recorder: Recorder | None = None) -> Run:
    answered = [*person.events]  # as the ledger holds them
    return tiny.open_run(
        person.run, person.hooks, is_resuming=is_resuming, recorder=recorder, answered=answered
    )


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> Any:
    """A run with the same worlds from people, that nobody else troubles or watches."""
    person = Person(tmp_path_factory.mktemp("calm") / "run", is_meddling=False)
    return person, tiny.finish(open_run(person), FRAMES)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory, quick_compilation: None) -> Any:
    """One that is watched, paused, saved, stopped, thrown back to its first checkpoint, and gone on with."""
    person = Person(tmp_path_factory.mktemp("troubled") / "run", is_meddling=True)
    run = open_run(person, recorder=Recorder(tiny.TINY, person.run.parent / "episodes.sqlite"))
    assert not run.train(seconds=None, frames=FRAMES)
    run.close()
    run.directory.close()
    saved = list_checkpoints(run.directory.checkpoints)
    assert {3, 6} <= set(saved)
    for step in saved.keys() - {min(saved)}:
        saved[step].unlink()
    recorder = Recorder(tiny.TINY, person.run.parent / "episodes.sqlite")
    return person, tiny.finish(open_run(person, is_resuming=True, recorder=recorder), FRAMES), run


def test_pauses_saves_stops_and_watching_change_no_bit(calm: Any, troubled: Any) -> None:
    run, other = calm[1], troubled[1]
    leaves, twins = (jax.tree_util.tree_leaves_with_path(one.state) for one in (run, other))
    for (path, leaf), (_, twin) in zip(leaves, twins, strict=True):
        if hasattr(leaf, "dtype"):
            assert np.array_equal(leaf, twin, equal_nan=True), jax.tree_util.keystr(path)
    with Archive(run.directory.worlds) as archive, Archive(other.directory.worlds) as twin:
        ours, theirs = ([card.model_dump() for card in one.worlds()] for one in (archive, twin))
        assert ours == theirs
        assert [card["cycle"] for card in ours if card["operator"] == "person"] == [0, 0, 0, 2]


def test_worlds_from_people_are_judged_as_any_other(calm: Any) -> None:
    person, run = calm
    verdicts = {
        name: next(event for event in person.told("candidate") if event["id"] == number)
        for name, number in person.asked.items()
    }
    assert verdicts["walled"]["verdict"] == "unsolvable"
    assert verdicts["known"]["verdict"] == "duplicate"
    for name, reason in {"large": "32 x 32", "odd": "Invalid level", "none": "zeros"}.items():
        assert verdicts[name]["verdict"] == "refused"
        assert reason in verdicts[name]["reason"]
        assert verdicts[name]["world"] is None
    with Archive(run.directory.worlds) as archive:
        cards = {card.id: card for card in archive.worlds()}
    drawn, known = (cards[verdicts[name]["world"]] for name in ("drawn", "known"))
    assert (drawn.genome, drawn.level, drawn.parents) == (None, DRAWN, [])
    assert drawn.verdict == verdicts["drawn"]["verdict"]
    assert drawn.shortest_path == 6  # five cells and a turn
    assert to_text(from_card(drawn).level) == DRAWN.partition("\n\n")[2].strip()
    assert (known.genome, known.level) == (to_hex(seed_genome()), None)
    accepted = [card for card in cards.values() if card.verdict == "accepted"]
    barren = {card.id for card in accepted if card.genome is None}
    assert not [card for card in cards.values() if barren & set(card.parents)]


def test_every_act_is_answered(troubled: Any) -> None:
    person, _, stopped = troubled
    assert [event["act"] for event in person.told("act")] == ["pause", "save", "resume", "stop"]
    assert person.rests == 1
    (rest,) = person.told("paused")
    assert 0.2 <= rest["seconds"] < 60.0
    spent = stopped.counters.wall_s + stopped.counters.compile_s
    assert stopped._paused_s == rest["seconds"]
    assert spent > 0
    assert [event["world"] for event in person.told("feedback")] == [0]
    (refused,) = person.told("act refused")
    assert "99999" in refused["reason"]


def test_episodes_are_kept_of_living_worlds(troubled: Any) -> None:
    person, run, _ = troubled
    path = person.run.parent / "episodes.sqlite"
    store = EpisodeStore(path, kept=3, total=100)
    seen = store.last_seen()
    rows = store._connection.execute("SELECT * FROM episodes ORDER BY id").fetchall()
    names = [about[0] for about in store._connection.execute("SELECT * FROM episodes").description]
    store.close()
    episodes = []
    for row in rows:
        values = dict(zip(names, row, strict=True))
        plain = {name: json.loads(values[name]) for name in ("drawing", "trace")}
        episodes.append(Episode(**{**values, **plain, "is_solved": bool(values["is_solved"])}))
    with Archive(run.directory.worlds) as archive:
        accepted = {card.id for card in archive.worlds() if card.verdict == "accepted"}
    assert set(seen) <= accepted
    assert len(seen) > 3
    for episode in episodes:
        trace = episode.trace
        assert len(trace.position) == episode.steps + 1 == len(trace.reward) + 1
        assert trace.position[0] == episode.drawing.start
        assert sum(trace.reward) == pytest.approx(episode.total, abs=1e-5)
        assert (trace.position[-1] == episode.drawing.goal) >= episode.is_solved

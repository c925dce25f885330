"""Who waits to be judged."""

from pathlib import Path

from alpha_factory.records import MOST_CANDIDATES, CandidateAct
from alpha_factory.runs.evolution.guests import GuestList
from alpha_factory.runs.files.archive import Archive


def make_act(number: int) -> CandidateAct:
    return CandidateAct(id=f"{number:032x}", time=0.0, level=">.G\n")


def test_so_many_wait_and_no_more_until_some_were_judged(tmp_path: Path) -> None:
    with Archive(tmp_path / "worlds.sqlite") as archive:
        guests = GuestList(archive, room=2)
        refused = [guests.hear(make_act(number)) for number in range(MOST_CANDIDATES + 1)]
        assert refused[:-1] == [None] * MOST_CANDIDATES
        assert f"{MOST_CANDIDATES} worlds wait already, and a cycle takes 2" in refused[-1]
        assert [guest.act for guest in guests.settle(0)] == [make_act(0), make_act(1)]
        late = [guests.hear(make_act(number)) for number in range(100, 103)]
        assert late[:2] == [None, None]
        assert late[2] is not None


def test_whose_turn_was_settled_waits_no_more_in_the_next_process(tmp_path: Path) -> None:
    with Archive(tmp_path / "worlds.sqlite") as archive:
        first = GuestList(archive, room=1)
        for number in range(2):
            first.hear(make_act(number))
        first.settle(0)
        second = GuestList(archive, room=1)
        assert [second.hear(make_act(number)) for number in range(2)] == [None, None]
        assert [guest.act for guest in second.settle(0)] == [make_act(0)]
        assert [guest.act for guest in second.settle(1)] == [make_act(1)]
        assert second.settle(2) == []

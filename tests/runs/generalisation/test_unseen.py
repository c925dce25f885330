"""Worlds of a suite that a run never trained in, whatever its pool and its archive hold."""

import hashlib

import jax
import numpy as np
import pytest

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.evaluate import stack_levels
from alpha_factory.genome import to_hex
from alpha_factory.records import WorldCard
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.generalisation import unseen
from alpha_factory.runs.generalisation.unseen import choose_unseen, outline, outline_accepted
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.suites import load_suite
from alpha_factory.worlds import decode, from_text

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def drawn():
    return load_suite("random-mazes", levels=6, seed=1)


def test_worlds_of_training_are_passed_over_for_the_next(drawn):
    outlines = outline(drawn.levels)
    assert len(set(outlines)) == 6
    suite, passed = choose_unseen("random-mazes", {outlines[0], outlines[2]}, levels=4, seed=1)
    assert suite.names == tuple(drawn.names[at] for at in (1, 3, 4, 5))
    assert outline(suite.levels) == [outlines[at] for at in (1, 3, 4, 5)]
    assert passed == 2
    again, none = choose_unseen("random-mazes", set(), levels=4, seed=1)
    assert again.names == drawn.names[:4]
    assert none == 0


def test_frozen_suite_is_taken_whole_or_in_part():
    whole, _ = choose_unseen("public-mazes-v1", set(), levels=None, seed=None)
    assert len(whole.names) == 8
    assert (whole.levels.step_limit == 250).all()
    part, _ = choose_unseen("public-mazes-v1", set(), levels=3, seed=None)
    assert part.names == whole.names[:3]


def test_drawn_suite_has_300_worlds_unless_told_otherwise(drawn, monkeypatch):
    asked = []

    def load(name, *, levels, seed):
        asked.append(levels)
        return drawn

    monkeypatch.setattr(unseen, "load_suite", load)
    monkeypatch.setattr(unseen, "WORLDS", 5)
    suite, _ = choose_unseen("random-mazes", set(), levels=None, seed=None)
    assert asked == [5]
    assert suite.names == drawn.names[:5]


@pytest.mark.parametrize(
    ("name", "levels", "said"),
    [
        ("public-mazes-v1", 9, "public-mazes-v1 has 8 levels: fewer than the 9 asked for"),
        ("public-mazes-v1", 1, "--count 1 is too few"),
        ("random-mazes", 0, "--count 0 is too few"),
        ("random-maze", None, "Did you mean 'random-mazes'"),
    ],
)
def test_fewer_worlds_than_asked_for_are_refused(name, levels, said):
    with pytest.raises(UsageError, match=said):
        choose_unseen(name, set(), levels=levels, seed=None)


def test_worlds_trained_in_are_told_where_too_few_are_left():
    whole, _ = choose_unseen("public-mazes-v1", set(), levels=None, seed=None)
    with pytest.raises(
        UsageError, match="8 levels, 1 of which the run has trained in: fewer than the 8"
    ):
        choose_unseen("public-mazes-v1", {outline(whole.levels)[0]}, levels=8, seed=None)


def test_outline_is_of_the_plan_alone():
    maps = [">.G", ">.G", ">G.", "v.G", ">.\n.G"]
    levels = [from_text(one, side=side) for one, side in zip(maps, (8,) * 5, strict=True)]
    levels[1] = from_text(maps[1], side=8, coin=0.5, step_limit=9)
    one, same, goal, heading, shape = outline(stack_levels(levels))
    assert one == same == heading
    assert len({one, goal, shape}) == 3
    (padded,) = outline(stack_levels([from_text(">.G", side=16)]))
    assert padded == one


def test_archive_is_read_without_a_change(tmp_path):
    path = tmp_path / "worlds.sqlite"
    genome = to_hex(seed_genome())
    other = to_hex(np.flip(seed_genome()))
    with Archive(path) as archive:
        cards = [
            WorldCard(
                id=number,
                genome=text,
                parents=[],
                operator="seed",
                cycle=0,
                frames=0,
                verdict=verdict,
            )
            for number, (text, verdict) in enumerate(
                [(genome, "accepted"), (other, "too easy"), (genome, "accepted")]
            )
        ]
        archive.record(worlds=cards)
    before = hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns
    (wanted,) = outline(jax.tree.map(lambda leaf: leaf[None], jax.jit(decode)(seed_genome())))
    assert list(outline_accepted(path)) == [wanted, wanted]
    assert (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["worlds.sqlite"]


def test_run_without_an_archive_has_none_to_pass_over(tmp_path):
    assert list(outline_accepted(tmp_path / "worlds.sqlite")) == []
    (tmp_path / "worlds.sqlite").write_bytes(b"no database at all, but some text of that name")
    with pytest.raises(RunConflict, match=r"worlds\.sqlite can't be read as it is"):
        list(outline_accepted(tmp_path / "worlds.sqlite"))

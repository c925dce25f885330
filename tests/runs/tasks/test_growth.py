"""POET's table: numbers from stories made by hand, and a tiny run that is broken off and gone on with."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.evaluate import Suite, stack_levels
from alpha_factory.runs.comparison.contestants import read_contestants
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.tasks.growth import (
    GROWTHS,
    Look,
    Story,
    configure,
    follow,
    sum_up,
    to_markdown,
)
from alpha_factory.worlds import from_text
from runs import tiny

NO = float("nan")


def look(frames, solved, *, steps=None, annecs=0.0, frontier=0.5):
    steps = steps or [250.0] * len(solved)
    to_goal = [own if rate else None for own, rate in zip(steps, solved, strict=True)]
    return Look(frames, frames // 10, frames / 100, solved, steps, to_goal, annecs, frontier)


def story(growth, seed, *looks, panel=((),)):
    return Story(growth, seed, list(looks), np.array(panel, float))


def test_numbers_are_means_over_seeds_of_what_was_counted():
    one = story(
        "poet",
        0,
        look(100, [0.9, 1.0, 0.0, 0.0]),
        look(200, [0.9, 0.2, 0.5, 0.0], annecs=2.0),
        look(300, [1.0, 0.4, 0.9, 0.0], steps=[10.0, 20.0, 30.0, 250.0], annecs=3.0, frontier=0.7),
        panel=[[1.0, 1.0, NO], [0.0, 0.2, 0.9], [0.0, 0.6, 0.9]],
    )
    two = story(
        "poet",
        1,
        look(110, [0.0, 0.0, 0.0, 0.0]),
        look(210, [1.0, 0.0, 0.0, 0.0]),
        look(330, [1.0, 0.5, 0.0, 0.0], steps=[40.0, 50.0, 250.0, 250.0], annecs=1.0),
        panel=[[0.0], [0.0], [1.0]],
    )
    told = sum_up([one, two])["poet"]
    wanted = {
        "solved": (2 + 1) / 2,
        "half": (2 + 2) / 2,
        "solve_rate": (2.3 + 1.5) / 8,
        "median_steps": (25 + 150) / 2,
        "median_steps_to_goal": (20 + 45) / 2,
        "learned": (3 + 1) / 2,  # the second level of the first run was solved once
        "losses": (1 + 0) / 2,
        "panel_learned": (3 + 1) / 2,
        "panel_losses": (1 + 0) / 2,
        "frames": 315,
    }
    assert {name: told[name]["value"] for name in wanted} == pytest.approx(wanted)
    assert (told["losses"]["low"], told["losses"]["high"]) == (0.0, 1.0)
    assert told["seeds"] == [0, 1]
    assert [one["annecs"]["value"] for one in told["over_time"]] == [0.0, 1.0, 2.0]
    assert [one["frontier"]["value"] for one in told["over_time"]] == pytest.approx([0.5, 0.5, 0.6])


def test_table_has_a_row_for_each_growth_and_one_for_each_look_of_it():
    stories = [story(growth, 0, look(100, [1.0, 0.0]), look(200, [0.0, 0.0])) for growth in GROWTHS]
    told = sum_up(stories)
    assert told["fixed"]["solved"] == {"value": 0.0, "low": None, "high": None}
    first, second = to_markdown(told, levels=2).split("\n\n")
    head, _, *rows = first.splitlines()
    assert "solved ≥ 0.9, of 2" in head
    assert [row.split(" | ")[0] for row in rows] == ["| poet", "| random", "| fixed"]
    assert rows[0].startswith("| poet | 1 | 0 | 0 | 250 | - | 1 | 0 | 0 | 200 |")
    assert len(second.splitlines()) == 2 + 3 * 2
    json.dumps(told, allow_nan=False)


def test_growths_differ_in_growth_alone_and_the_fixed_one_has_fresh_worlds():
    base = PRESETS["demo"]
    made = [configure(base, growth, seed=3, frames=9) for growth in GROWTHS]
    assert [one.curriculum.growth for one in made] == list(GROWTHS)
    assert [one.curriculum.mutator for one in made] == ["poet", "poet", "random"]
    assert {(one.seed, one.budget.frames, one.budget.minutes) for one in made} == {(3, 9, None)}
    for one in made:
        back = dataclasses.replace(one.curriculum, growth="poet", mutator="poet")
        assert back == base.curriculum
    with pytest.raises(UsageError, match=r"Unknown growth 'none'.*fixed, poet, random"):
        configure(base, "none", seed=0, frames=9)


@pytest.fixture(scope="module")
def suite():
    levels = stack_levels([from_text(">G", side=8, step_limit=9), from_text(">..G", side=8)])
    return Suite("two", levels, ("near", "far"), (9,), 2, "ab" * 32)


class PulledPlug(Exception):
    """In place of a kill."""


@pytest.mark.implicit_promotion
@pytest.mark.usefixtures("quick_compilation")
def test_what_was_broken_off_goes_on_to_the_same_story(suite, tmp_path: Path) -> None:
    config = tiny.TINY
    programs, stages = tiny.make_programs(config), (100, 5300, 6000)
    options = {"stages": stages, "episodes": 2, "programs": programs}
    whole = follow(tmp_path / "whole", config, suite, **options)
    assert [one.frames >= stage for one, stage in zip(whole.looks, stages, strict=True)] == [
        True
    ] * 3
    assert len({one.frames for one in whole.looks}) == 3

    def pull(words: str) -> None:
        raise PulledPlug(words)

    for _ in stages:
        with pytest.raises(PulledPlug, match="solved of two"):
            follow(tmp_path / "cut", config, suite, **options, told=pull)
    again = follow(tmp_path / "cut", config, suite, **options, told=pull)  # nothing is left to do

    def tell(one: Story) -> list[Look]:
        return [seen._replace(wall_s=0.0) for seen in one.looks]

    assert tell(again) == tell(whole)
    assert np.array_equal(again.panel, whole.panel, equal_nan=True)
    (contestant,) = read_contestants([tmp_path / "cut"])
    ((exam, scores),) = contestant.scores.items()
    assert (exam.suite, exam.episodes) == ("two", 2)
    at_exam, at_last_row = scores.budget, contestant.budget
    assert at_exam.wall_s >= at_last_row.wall_s
    assert at_exam._replace(wall_s=0.0) == at_last_row._replace(wall_s=0.0)
    assert scores.solve_rate.tolist() == again.looks[-1].solved
    with pytest.raises(RunConflict, match="has looks of"):
        follow(tmp_path / "cut", config, suite, **options | {"stages": (200, 5000)})
    with pytest.raises(UsageError, match="do not rise"):
        follow(tmp_path / "new", config, suite, **options | {"stages": (200, 200)})

import json

import pytest

from alpha_factory.evaluate import limit_steps, stack_levels
from alpha_factory.runs.judging import optima
from alpha_factory.runs.judging.optima import compare_with_best, find_best, list_unknown
from alpha_factory.worlds import from_text


@pytest.fixture(scope="module")
def levels():
    maps = [">.G", ">#G", ">.\n.G"]
    drawn = [from_text(one, side=4, step_limit=9) for one in maps]
    hidden = from_text(">G", side=4, step_limit=9, honeypot=True)
    return stack_levels([*drawn, hidden])


def test_best_play_is_the_oracles(levels):
    best = find_best(levels, states=1000, cache=None)
    assert best["optimal_return"] == [1.0, 0.0, 1.0, 1.0]  # evaluation pays what honeypots hide
    assert best["fewest_steps"] == [2, None, 3, 1]
    assert best["solve_rate"] == [1.0, 0.0, 1.0, 1.0]
    assert best["is_solvable"] == [True, False, True, True]
    assert list_unknown("abcd", best) == []


def test_answers_are_asked_for_once(levels, tmp_path, monkeypatch):
    said = []
    first = find_best(levels, states=1000, cache=tmp_path, warned=said.append)
    monkeypatch.setattr(optima, "find_optima", None)
    assert find_best(levels, states=1000, cache=tmp_path, warned=said.append) == first
    assert len(said) == 1
    assert len(list(tmp_path.glob("*.json"))) == 1
    json.loads(next(tmp_path.glob("*.json")).read_bytes())


@pytest.mark.parametrize("what", ["states", "level", "code"])
def test_answer_to_another_question_is_not_read(what, levels, tmp_path, monkeypatch):
    find_best(levels, states=1000, cache=tmp_path)
    states = 999 if what == "states" else 1000
    if what == "level":
        levels = limit_steps(levels, 10)
    if what == "code":
        monkeypatch.setattr(optima, "_digest_code", lambda: "another version")
    find_best(levels, states=states, cache=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_oracle_says_where_it_gave_up(levels):
    best = find_best(levels, states=1, cache=None)
    assert best["optimal_return"] == [None, None, None, 1.0]  # the last goal is one step away
    assert list_unknown("abcd", best) == ["a", "b", "c"]


def test_regret_is_over_the_levels_that_are_known():
    by_level = {
        "return_mean": [0.5, 0.25, 0.0],
        "steps_to_goal": [6.0, None, 9.0],
    }
    best = {"optimal_return": [1.0, None, 0.5], "fewest_steps": [3, 4, 3]}
    assert compare_with_best(by_level, best) == {
        "regret": [0.5, None, 0.5],
        "regret_mean": 0.5,
        "regret_levels": 2,
        "steps_ratio": 2.5,
    }


def test_nothing_known_is_no_regret():
    told = compare_with_best(
        {"return_mean": [0.5], "steps_to_goal": [None]},
        {"optimal_return": [None], "fewest_steps": [None]},
    )
    assert told["regret_mean"] is None
    assert told["steps_ratio"] is None

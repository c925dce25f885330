import pytest

from alpha_factory.records import Drawing, Trace
from alpha_factory.service.page.shapes.making import Check, Vocabulary
from alpha_factory.service.page.shapes.worlds import LevelDrawn
from alpha_factory.service.page.worker import Workshop

LEVEL = "step_limit = 60\n\n>.K#\n..DG\nH...\n"
GENOME = (
    "001f001f001f001f000000000000562200000000000000000000000000006d0f"
    "50004400000000000000000000000000000000000a5558cc001284a19e370022"
)


@pytest.fixture(scope="module")
def workshop():
    return Workshop()


def play(workshop, keys, start=0, seed=0):
    request = {"do": "play", "level": LEVEL, "controls": "turn", "seed": seed, "keys": keys}
    return workshop.answer(request | {"from": start})


def test_check_tells_what_the_oracle_says_and_draws_its_plan(workshop):
    told = workshop.answer({"do": "check", "level": LEVEL})
    Check.model_validate({"is_valid": True, "problem": None, **told})
    assert (told["solvable"], told["shortest_path"]) == (True, len(told["plan"]))
    path = Trace.model_validate(told["trace"])
    assert path.position[-1] == Drawing.model_validate(told["drawing"]).goal
    assert path.actions == told["plan"]
    again = workshop.answer({"do": "check", "level": told["text"], "has_trace": False})
    assert (again["text"], again["trace"]) == (told["text"], None)


@pytest.mark.parametrize(
    ("level", "line", "column"),
    [("step_limt = 9\n\n>G", 1, 1), (">.x\n..G", 1, 3), (">..", None, None), ("\0", None, None)],
)
def test_level_that_is_none_is_told_with_its_place(workshop, level, line, column):
    problem = workshop.answer({"do": "check", "level": level})["problem"]
    assert problem["message"].startswith("Invalid")
    if line is not None:
        assert (problem["line"], problem["column"]) == (line, column)


def test_keys_played_one_by_one_give_the_episode_of_all_at_once(workshop):
    whole = play(workshop, "FFRFLF", seed=1)
    parts = [play(workshop, "FFRFLF"[:number], seed=2) for number in range(7)]
    assert parts[-1] == whole, "nothing in this level is left to chance"
    assert (whole["is_solved"], whole["total"], whole["steps"]) == (True, 1.0, 6)
    assert whole["outcome"] == "solved in 6 steps"
    back = play(workshop, "FL", seed=2)
    assert back["trace"]["actions"] == ["forward", "turn left"], "keys taken back are forgotten"


def test_play_from_a_moment_gives_the_columns_from_there_on(workshop):
    whole, rest = play(workshop, "FFRF"), play(workshop, "FFRF", start=3)
    assert rest["trace"]["position"] == whole["trace"]["position"][3:]
    assert rest["trace"]["actions"] == whole["trace"]["actions"][3:]
    assert rest["trace"]["opponents"][0] == whole["trace"]["opponents"][0][3:]
    assert all(change[0] >= 3 for change in rest["trace"]["changes"])


def test_genomes_are_drawn_and_told_in_words(workshop):
    told = workshop.answer({"do": "levels", "worlds": [{"id": 3, "genome": GENOME}]})["levels"][0]
    LevelDrawn.model_validate(told)
    assert told["id"] == 3
    assert {"layout", "entities", "physics", "reward", "rules"} == {*told["words"]}
    assert "topology" in workshop.answer({"do": "genome", "genome": GENOME})["fields"]


def test_vocabulary_names_every_tile_and_setting(workshop):
    told = workshop.answer({"do": "vocabulary"})
    Vocabulary.model_validate(told)
    assert len(told["tiles"]) == 23
    assert {"gravity", "honeypot", "rules"} <= {one["name"] for one in told["settings"]}
    level = workshop.answer({"do": "candidate", "level": told["default_level"], "genome": None})
    assert level["text"] == told["default_level"]

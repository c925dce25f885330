"""Tables for people: what a heading says is what its column holds, and no number is cut."""

import io

import pytest
from rich.console import Console

from alpha_factory.cli.tables import budget_table, comparison_table, suite_table, tail_table

SCORES = {
    "solve_rate": 0.5,
    "low": 0.4,
    "high": 0.6,
    "iqm": 0.55,
    "cvar_10": 0.01,
    "cvar_10_held": 0.125,
    "cvar_1_held": 0.0625,
    "return_mean": 0.75,
    "steps_mean": 90.0,
    "steps_to_goal": 30.0,
}


def result(levels=100, **scores):
    return {
        "suite": "mazes-v1",
        "step_limit": 250,
        "episodes": 4,
        "levels": levels,
        "policies": {"trained": SCORES | scores},
    }


def compared(levels=100):
    names = ("solve_rate", "iqm", "cvar_10_held", "cvar_1_held", "return_mean", "steps_mean")
    return {
        **result(levels),
        "is_drawn": False,
        "groups": {
            "name=plr, slots=64": {
                "runs": 3,
                **{name: {"value": 0.5, "low": 0.45, "high": 0.555} for name in names},
                "steps_mean": {"value": 90.0, "low": 81.0, "high": 112.0},
            }
        },
    }


def budgets(*, runs=2, given=None, is_equal=False):
    spread = {"lowest": 48_500, "highest": 50_000, "excess": 0.031, "is_equal": is_equal}
    same = {"lowest": 1, "highest": 1, "excess": 0.0, "is_equal": True}
    row = {"run": "runs/0", "group": "A", "frames": 1, "updates": 1, "wall_s": 1, "compile_s": 1}
    return {
        "runs": [row | {"seed": seed} for seed in range(runs)],
        "budget": {
            "is_equal": is_equal,
            "given": given,
            "unknown": [],
            "units": {"frames": spread, "updates": same, "wall_s": same},
        },
    }


def show(table, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_one_column_alone_is_called_the_worst_tenth():
    """Of the two with that meaning, the one without the bias of choosing and scoring by the same episodes."""
    first, second = show(suite_table(result())), show(tail_table(result()))
    assert "worst" not in first
    assert "55.0 %" in first
    assert "worst 10 %" in second
    assert "12.5 %" in second
    assert "0.010" not in first + second


@pytest.mark.parametrize(("levels", "has_both"), [(8, False), (14, False), (15, True), (100, True)])
def test_worst_hundredth_is_told_where_it_is_another_level_than_the_tenth(levels, has_both):
    for table in (tail_table(result(levels)), comparison_table(compared(levels), width=100)):
        said = " ".join(show(table, 100).split())
        assert ("│ worst 1 %" in said.replace("┃", "│")) == has_both
        assert ("The worst 10 % is one level" in said) != has_both


def test_ties_at_the_edge_of_a_tail_are_told_where_they_are_more_than_it_has():
    said = " ".join(show(tail_table(result(cvar_10_ties=10, cvar_1_ties=40))).split())
    assert "tie at the edge of the worst 1 %, of 1: trained 40." in said
    assert "edge of the worst 10 %" not in said
    assert "tie" not in show(tail_table(result()))  # older files don't tell


def test_ties_of_a_groups_runs_are_told_from_least_to_most():
    told = compared()
    told["groups"]["name=plr, slots=64"] |= {"cvar_10_ties": [10, 3], "cvar_1_ties": [40, 1_300]}
    said = " ".join(show(comparison_table(told, width=100), 100).split())
    assert "edge of the worst 1 %, of 1: name=plr, slots=64 40 to 1,300." in said
    assert "edge of the worst 10 %" not in said


def test_budgets_that_nobody_knows_are_not_called_unequal():
    told = budgets()
    told["budget"]["unknown"] = ["a.json"]
    assert "Runs, of BUDGETS THAT ARE NOT KNOWN" in show(budget_table(told))


def test_comparison_has_steps_where_there_is_room():
    assert "81–112" in show(comparison_table(compared(), width=100), 100)
    assert "45.0–55.5" in show(comparison_table(compared(), width=100), 100)
    narrow = show(comparison_table(compared(), width=80))
    assert "81–112" not in narrow
    assert narrow.count("45.0–55.5") == 4
    assert "81–112" in show(comparison_table(compared(8), width=80))


def test_budgets_that_are_equal_as_given_are_not_called_unequal():
    assert "UNEQUAL" in show(budget_table(budgets()))
    said = show(budget_table(budgets(given=48_000, is_equal=True)))
    assert "UNEQUAL" not in said
    assert "as given" in said


def test_run_alone_is_compared_with_nobody():
    assert "most over least" in show(budget_table(budgets(runs=1)))
    assert "most over least" not in show(budget_table(budgets(runs=1, is_equal=True)))

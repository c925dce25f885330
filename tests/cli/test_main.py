"""The program as a person or a script meets it: exit codes, what is on stdout, what errors say."""

import json
import os
import re
import signal
import sqlite3
import sys
import types
from pathlib import Path

import pytest

from alpha_factory.cli import commands, main, pages
from alpha_factory.core import errors
from alpha_factory.runs.bench import STAGES_WITH_SETTINGS, Sizes
from alpha_factory.runs.judging.target import RunTarget
from alpha_factory.runs.tasks.study import Row

SUMMARY = {
    "frames": 12_000,
    "updates": 300,
    "wall_s": 61.5,
    "compile_s": 9.0,
    "worlds_accepted": 21,
    "worlds_rejected": 40,
    "solve_rate": 0.75,
    "run": "runs/first",
    "report": "runs/first/report.html",
    "interrupted": False,
    "median_path_first": 6.0,
    "median_path_last": 11.5,
    "suites": [],
}
SCORES = {"solve_rate": 0.5, "low": 0.4, "high": 0.6, "cvar_10": 0.0, "return_mean": float("nan")}


def suite(step_limit):
    return {
        "suite": "mazes",
        "suite_hash": "ab",
        "step_limit": step_limit,
        "episodes": 8,
        "policies": {"trained": SCORES, "random": SCORES},
    }


@pytest.fixture
def stand_in(monkeypatch):
    """Put functions in the place of a module that a command imports when it runs."""

    def put(name, **functions):
        module = types.ModuleType(name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)

    return put


@pytest.fixture
def run_directory(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_every_command_shows_an_example_that_parses(capsys):
    for path in ((), *pages.command_paths(commands.Command)):
        with pytest.raises(SystemExit) as stop:
            main.main([*path, "--help"])
        assert stop.value.code == 0
        example = re.search(r"^Example: alpha-factory (.+)$", capsys.readouterr().out, re.M)
        assert example, path
        assert commands.parse(example[1].split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "run, learn, evaluate, compare, bound, report, serve, worlds, bench, doctor"),
        (["rum"], "run, learn, evaluate, compare, bound, report, serve, worlds, bench, doctor"),
        (["worlds"], "sample, show, mutate, check, play, render, schema"),
        (["run", "--presett", "demo"], "--preset"),
        (["run", "--seed", "many"], "many"),
        (["evaluate", "runs/first"], "--suite"),
    ],
)
def test_misuse_exits_2_and_names_the_choices(arguments, said, capsys):
    with pytest.raises(SystemExit) as stop:
        main.main(arguments)
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert said in " ".join(printed.err.split())
    assert printed.out == ""


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.unknown("preset", "tiny", ["demo", "paper"]), 2),
        (errors.RunConflict.occupied(Path("runs/[first]")), 1),
        (PermissionError(13, "Permission denied", "runs/first"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_expected_error_is_one_message_on_stderr(error, exit_code, stand_in, capsys):
    def start_run(**_):
        raise error

    stand_in("alpha_factory.runs.start", start_run=start_run)
    assert main.main(["run"]) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    if isinstance(error, errors.AlphaFactoryError):
        assert printed.err == f"alpha-factory: {error}\n"


def test_unexpected_error_keeps_its_traceback(stand_in):
    def start_run(**_):
        raise KeyError("a bug")

    stand_in("alpha_factory.runs.start", start_run=start_run)
    with pytest.raises(KeyError):
        main.main(["run"])


def test_run_passes_on_what_was_asked(stand_in):
    asked = {}

    def start_run(**arguments):
        asked.update(arguments)
        return SUMMARY

    stand_in("alpha_factory.runs.start", start_run=start_run)
    line = (
        "run --preset paper --out runs/x --seed 3 --minutes 0.5 --frames 900 --mutator layout "
        "--curriculum accel --learner ppo --set learning.batch=64 --set network.latent=32 --devices 2 "
        "--executor ray --workers 3"
    )
    assert main.main([*line.split(), "--json"]) == 0
    del asked["open_ledger"], asked["console"]
    assert asked.pop("open_boards")(Path(), {}, print) == ()
    assert asked.pop("read_answers")(Path("runs/x")) == []
    assert asked == {
        "preset": "paper",
        "out": Path("runs/x"),
        "seed": 3,
        "minutes": 0.5,
        "frames": 900,
        "resume": False,
        "mutator": "layout",
        "curriculum": "accel",
        "learner": "ppo",
        "changes": ("learning.batch=64", "network.latent=32"),
        "devices": 2,
        "executor": "ray",
        "workers": 3,
    }


@pytest.mark.parametrize(("flags", "preset"), [([], "demo"), (["--resume"], None)], ids=str)
def test_run_without_preset_is_a_demo_unless_it_goes_on(flags, preset, stand_in):
    asked = {}

    def start_run(**arguments):
        asked.update(arguments)
        return SUMMARY

    stand_in("alpha_factory.runs.start", start_run=start_run)
    assert main.main(["run", *flags, "--json"]) == 0
    assert asked["preset"] == preset


def test_unknown_preset_exits_2_and_lists_the_presets(capsys):
    assert main.main(["run", "--preset", "tiny"]) == 2
    assert "Choices: demo, gpu, laptop, paper." in capsys.readouterr().err


def test_run_prints_one_json_object_whatever_the_run_prints(stand_in, capfd):
    def start_run(console, **_):
        sys.stdout.write("a library speaks up")
        os.write(1, b"one written in C, too")
        console.print("compiling …")
        return SUMMARY | {"solve_rate": float("nan")}

    stand_in("alpha_factory.runs.start", start_run=start_run)
    assert main.main(["run", "--json"]) == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out) == SUMMARY | {"solve_rate": None}
    assert "compiling" in printed.err
    assert "a library speaks up" in printed.err
    assert "one written in C, too" in printed.err


def test_run_prints_tables_and_where_the_report_lies(stand_in, capsys):
    summary = SUMMARY | {"suites": [suite(250)]}
    stand_in("alpha_factory.runs.start", start_run=lambda **_: summary)
    assert main.main(["run"]) == 0
    printed = capsys.readouterr().out
    for said in ("12,000", "75.0 %", "11.5 steps", "mazes", "trained", "50.0 %", "report.html"):
        assert said in printed


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_interrupted_run_prints_how_to_go_on_and_exits_130(flags, stand_in, capsys):
    summary = SUMMARY | {"interrupted": True, "run": "runs/my first"}
    stand_in("alpha_factory.runs.start", start_run=lambda **_: summary)
    assert main.main(["run", *flags]) == 130
    printed = capsys.readouterr()
    assert "alpha-factory run --resume --out 'runs/my first'" in printed.err
    if flags:
        assert json.loads(printed.out)["interrupted"] is True


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--wandb"], 'pip install "alpha-factory[wandb]"'),
        (["--wandb", "one", "two"], "--wandb takes one project"),
    ],
)
def test_run_on_wandb_that_cannot_be_exits_2(flags, says, stand_in, monkeypatch, tmp_path, capsys):
    (tmp_path / "wandb").mkdir()  # as the library leaves one: a folder is no library
    monkeypatch.syspath_prepend(tmp_path)
    stand_in("alpha_factory.runs.start", start_run=lambda **_: pytest.fail("it was begun"))
    assert main.main(["run", *flags]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_run_keeps_its_events_in_the_ledger(stand_in, tmp_path):
    def start_run(open_ledger, read_answers, **_):
        append = open_ledger(tmp_path)
        append("run.started", {"seed": 1})
        append("run.ended", {})
        append("act", {"id": "a"})
        assert read_answers(tmp_path) == [("act", {"id": "a"})]
        return SUMMARY

    stand_in("alpha_factory.runs.start", start_run=start_run)
    assert main.main(["run", "--json"]) == 0
    with sqlite3.connect(tmp_path / "ledger.sqlite") as database:
        rows = database.execute("SELECT kind FROM events ORDER BY seq").fetchall()
    database.close()
    assert rows == [("run.started",), ("run.ended",), ("act",)]


@pytest.mark.parametrize("limits", [[250], [250, 450]], ids=["object", "list"])
def test_evaluate_prints_an_object_for_each_step_limit(limits, stand_in, run_directory, capsys):
    stand_in(
        "alpha_factory.runs.evaluation",
        evaluate_policy=lambda policy, name, **_: [suite(limit) for limit in limits],
    )
    assert main.main(["evaluate", str(run_directory), "--suite", "mazes", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    printed = printed if isinstance(printed, list) else [printed]
    assert [one["step_limit"] for one in printed] == limits
    assert printed[0]["policies"]["random"]["return_mean"] is None


def test_evaluate_prints_a_row_for_each_policy_in_80_columns(stand_in, run_directory, capsys):
    stand_in("alpha_factory.runs.evaluation", evaluate_policy=lambda *_, **__: [suite(250)])
    assert main.main(["evaluate", str(run_directory), "--suite", "mazes"]) == 0
    printed = capsys.readouterr().out
    assert "random" in printed
    assert "40.0 % to 60.0 %" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_evaluate_passes_on_what_was_asked(stand_in, capsys):
    asked = {}

    def evaluate_policy(policy, name, **arguments):
        asked.update(arguments, policy=policy, name=name)
        return [suite(250)]

    stand_in("alpha_factory.runs.evaluation", evaluate_policy=evaluate_policy)
    words = "evaluate their.policies:act --suite random-mazes --count 100 --draw-seed 3 --episodes 2 --seed 1"
    words += " --observation view --view 7 --host --levels --states 9 --alone --keep --json"
    assert main.main(words.split()) == 0
    asked.pop("cache")
    asked.pop("warned")
    assert asked == {
        "policy": "their.policies:act",
        "name": "random-mazes",
        "levels": 100,
        "draw_seed": 3,
        "episodes": 2,
        "seed": 1,
        "observation": "view",
        "view": 7,
        "is_on_host": True,
        "is_compared": True,
        "states": 9,
        "is_alone": True,
        "is_kept": True,
    }
    assert main.main(["evaluate", "a:b", "--suite", "s", "--draw-seed", "-1"]) == 2
    assert "--draw-seed -1 is out of range" in capsys.readouterr().err


@pytest.mark.parametrize("number", [3, 60])
def test_evaluate_tells_each_level_beside_the_best_play(number, stand_in, run_directory, capsys):
    """Of many levels those with most regret."""
    regret = [None, *(level / 100 for level in range(number - 1))]
    got = {name: [0.5] * number for name in ("solve_rate", "return_mean", "steps_to_goal")}
    best = {name: [1.0] * number for name in ("solve_rate", "optimal_return", "fewest_steps")}
    told = suite(250) | {
        "level_names": [f"level-{level}" for level in range(number)],
        "optimum": {"gave_up": ["level-0"], "by_level": best},
        "policies": {
            "trained": SCORES
            | {
                "regret_mean": 0.25,
                "regret_levels": number - 1,
                "by_level": got | {"regret": regret},
            }
        },
    }
    stand_in("alpha_factory.runs.evaluation", evaluate_policy=lambda *_, **__: [told])
    assert main.main(["evaluate", str(run_directory), "--suite", "mazes", "--levels"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"regret 0.250 over the {number - 1} levels whose best return is known" in printed
    assert f"1 of {number} levels have more states than the oracle looks at" in printed
    assert f"level-{number - 1}" in printed
    assert ("level-1 " in printed) == (number == 3)


def _bracket(value, low, high):
    return {"value": value, "low": low, "high": high}


GAPS = {
    "worlds": 300,
    "known": 290,
    "gap": 0.25,
    "low": 0.2,
    "high": 0.3,
    "ratio": 0.05,
    "ratio_worst": 0.2,
}
BOUND = {
    "setting": {
        "worlds": 40,
        "rows": 12_345,
        "discount": 0.97,
        "depth": 8,
        "delta": 0.05,
    },
    "assumptions": {"covered": _bracket(0.9, 0.85, 0.95)},
    "quantities": {name: _bracket(2.0, 1.5, 31_000.0) for name in ("lipschitz", "states", "kappa")},
    "terms": {
        "estimation": _bracket(0.5, 0.25, 9.0),
        "transfer": _bracket(0.125, 0.0625, 0.16),
        "planning": _bracket(8.33, 8.33, 8.33),
    },
    "bound": _bracket(8.955, 8.6, 17.5),
    "derived": {
        "terms": {
            name: _bracket(70.0, 60.0, 80.0) for name in ("estimation", "transfer", "planning")
        },
        "bound": _bracket(210.0, 180.0, 240.0),
    },
    "range": 2.0,
    "ranges": 4.4775,
    "is_vacuous": True,
    "best_depth": {"depth": 37, "bound": 2.75},
    "return": _bracket(0.6, 0.55, 0.65),
    "training": GAPS | dict.fromkeys(("gap", "low", "high", "ratio")),
    "held_out": GAPS | {"suite": "random-genomes"},
}


def test_bound_says_in_numbers_whether_it_is_vacuous(stand_in, run_directory, capsys):
    stand_in("alpha_factory.runs.generalisation.bound", bound_run=lambda *_, **__: BOUND)
    assert main.main(["bound", str(run_directory)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:-2])) <= 80
    said = " ".join(printed.split())
    assert "Vacuous: the bound 8.96 is 4.48 times 2, the range of a return." in said
    assert "At the best depth, 37, it would be 2.75." in said
    assert "up to 17.5" in said
    for cell in ("12,345", "290 of 300", "1.5 to 31,000", "exact", "0.2 to 0.3", "210"):
        assert cell in said
    tight = BOUND | {"is_vacuous": False, "ranges": 0.5, "bound": _bracket(1.0, 0.5, 3.0)}
    stand_in("alpha_factory.runs.generalisation.bound", bound_run=lambda *_, **__: tight)
    assert main.main(["bound", str(run_directory)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Not vacuous: the bound 1 is 0.5 times 2, the range of a return." in said


def test_bound_passes_on_what_was_asked(stand_in, run_directory, capsys):
    asked = {}

    def bound_run(target, **arguments):
        asked.update(arguments, target=target)
        return BOUND

    stand_in("alpha_factory.runs.generalisation.bound", bound_run=bound_run)
    words = "--suite generated-v1 --count 9 --draw-seed 3 --episodes 2 --seed 1 --delta 0.1 --states 7 --json"
    assert main.main(["bound", str(run_directory), *words.split()]) == 0
    assert json.loads(capsys.readouterr().out) == BOUND
    del asked["cache"], asked["warned"]
    assert asked == {
        "target": RunTarget(run_directory, None),
        "suite": "generated-v1",
        "levels": 9,
        "draw_seed": 3,
        "episodes": 2,
        "seed": 1,
        "delta": 0.1,
        "states": 7,
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such-run", "There is nothing at 'no-such-run'"),
        ("library:act", "library:act is a policy without a run"),
    ],
)
def test_bound_wants_a_run(name, said, capsys):
    assert main.main(["bound", name]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


TOLD = ("solve_rate", "iqm", "cvar_10_held", "cvar_1_held", "return_mean", "steps_mean")
COMPARED = {
    "runs": [
        {
            "run": f"runs/[{seed}]",
            "group": "poet",
            "seed": seed,
            "frames": 5_000,
            "updates": 40,
            "wall_s": 9.0,
            "compile_s": 3.0,
        }
        for seed in range(2)
    ],
    "groups": [{"name": "A", "settings": {"curriculum.mutator": "poet"}}],
    "budget": {
        "is_equal": True,
        "unknown": [],
        "units": {
            name: {"lowest": 1.0, "highest": 1.0, "excess": excess, "is_equal": not excess}
            for name, excess in (("frames", 0.0), ("updates", 0.0), ("wall_s", 0.25))
        },
    },
    "note": "Equal budgets: 5,000 env steps a run.",
    "suites": [
        {
            "suite": "mazes-v1",
            "step_limit": 250,
            "episodes": 4,
            "levels": 8,
            "is_drawn": False,
            "groups": {
                name: {
                    "runs": 2,
                    **{field: {"value": 0.5, "low": low, "high": low and 0.6} for field in TOLD},
                }
                for name, low in (("A", 0.4), ("B", None))
            },
            "improvement": [{"of": "A", "over": "B", "value": 0.75, "low": 0.5, "high": 1.0}],
        }
    ],
    "figures": ["figures/curves.png"],
}


def test_compare_prints_tables_in_80_columns(stand_in, run_directory, capsys):
    stand_in("alpha_factory.runs.comparison", compare_runs=lambda *_, **__: COMPARED)
    assert main.main(["compare", str(run_directory)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    for words in ("runs/[0]", "5,000", "40.0–60.0", "0.50–1.00", "Equal budgets"):
        assert words in printed
    for words in ("+0.0 %", "+25.0 %", "UNEQUAL"):  # wall seconds, which need not be equal
        assert words in printed
    assert "A: curriculum.mutator=poet" in printed
    assert "Figure: figures/curves.png" in printed
    assert main.main(["compare", str(run_directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == COMPARED


def test_compare_passes_on_what_was_asked(stand_in, run_directory):
    asked = {}

    def compare_runs(runs, **arguments):
        asked.update(arguments, runs=runs)
        return COMPARED

    stand_in("alpha_factory.runs.comparison", compare_runs=compare_runs)
    words = ["--suite", "mazes-v1", "--budget", "updates", "--unequal", "--out", "figures"]
    assert main.main(["compare", str(run_directory), str(run_directory), *words]) == 0
    asked.pop("warned")
    assert asked == {
        "runs": (run_directory, run_directory),
        "suite": "mazes-v1",
        "unit": "updates",
        "may_differ": True,
        "out": Path("figures"),
    }


@pytest.mark.parametrize(
    "command", [["report"], ["compare"], ["evaluate", "--suite", "mazes"]], ids=str
)
def test_directory_without_a_run_is_refused(command, tmp_path, capsys):
    assert main.main([*command, str(tmp_path)]) == 2
    assert "config.json" in capsys.readouterr().err


def test_report_prints_where_the_page_lies(stand_in, run_directory, capsys):
    stand_in("alpha_factory.runs.report", write_report=lambda run: run / "report.html")
    assert main.main(["report", str(run_directory)]) == 0
    assert capsys.readouterr().out == f"Report: {run_directory / 'report.html'}\n"
    assert main.main(["report", str(run_directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["report"] == str(run_directory / "report.html")


@pytest.mark.parametrize(
    "arguments", [["worlds", "sample", "--count", "0"], ["bench", "worlds", "--repeats", "0"]]
)
def test_count_of_nothing_is_misuse(arguments, capsys):
    assert main.main(arguments) == 2
    assert "Give 1 or more" in capsys.readouterr().err


LEARNED = {
    "seed": 0,
    "frames": 4096,
    "updates": 8,
    "wall_s": 6.0,
    "cpu_s": 8.0,
    "compile_s": 1.0,
    "replay_ratio": 2.0,
    "frames_per_cpu_s": 512.0,
    "score": 0.9,
    "low": 0.8,
    "high": 0.95,
    "untrained": 0.1,
}


@pytest.mark.parametrize(("score", "exit_code"), [(0.9, 0), (0.7, 1)])
def test_learn_says_of_every_seed_whether_the_goal_was_reached(score, exit_code, stand_in, capsys):
    def study(task, config, told, is_stopping):
        told(Row(4096, 8, 6.0, 8.0, 5, None))
        assert not is_stopping()
        return LEARNED | {"seed": config.seed, "score": 0.9 if config.seed == 3 else score}

    stand_in("alpha_factory.runs.tasks.study", study=study, Row=Row)
    command = ["learn", "rooms", "--seed", "3", "--seeds", "2"]
    assert main.main([*command, "--json"]) == exit_code
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert [run["seed"] for run in told["runs"]] == [3, 4]
    assert (told["reached"], told["interrupted"]) == (exit_code == 0, False)
    assert "rooms, seed 4: compiling" in printed.err
    assert f"rooms, seed 4: return {score:.2f} (0.80 to 0.95) over 100 episodes" in printed.err
    assert main.main(command) == exit_code
    assert "512" in capsys.readouterr().out


def test_table_of_learn_shows_every_number_whole_on_a_narrow_terminal(
    stand_in, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    large = {
        "frames": 4_996_552,
        "wall_s": 3600.0,
        "frames_per_cpu_s": 12_345.0,
        "replay_ratio": 16.0,
        **{"score": 498.51, "low": 496.62, "high": 500.0, "untrained": 23.1},
    }

    def study(task, config, told, is_stopping):
        return LEARNED | large | {"seed": config.seed}

    stand_in("alpha_factory.runs.tasks.study", study=study, Row=Row)
    assert main.main(["learn", "cartpole", "--seed", "10"]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    numbers = ["10", "498.5", "496.6 to 500.0", "23.1", "4,996,552", "60.0", "12,345", "16.00"]
    assert [cell.strip() for cell in row.split("│")] == numbers


def test_learn_that_is_interrupted_judges_what_there_is_and_exits_130(stand_in, capsys):
    def study(task, config, told, is_stopping):
        os.kill(os.getpid(), signal.SIGINT)
        assert is_stopping()
        return LEARNED | {"frames": 0, "frames_per_cpu_s": None, "replay_ratio": None}

    stand_in("alpha_factory.runs.tasks.study", study=study, Row=Row)
    assert main.main(["learn", "rooms", "--seeds", "3", "--json"]) == 130
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["runs"]) == 1
    assert "judging what was learned" in printed.err


def test_bench_prints_a_table_or_json(stand_in, capsys):
    measured = {
        "stage": "loop",
        "commit": "abc",
        "device": "cpu",
        "jax": "0.10",
        "compile_s": 2.0,
        "results": [
            {
                "name": "loop",
                "rate": 6400.0,
                "unit": "frames/s",
                "rate_per_cpu_s": 3200.0,
                "median_s": 0.5,
                "min_s": 0.4,
                "max_s": 0.6,
                "repeats": 3,
                "shape": {"worlds": 8},
            }
        ],
        "share": {"worlds": 0.25, "search": 0.5, "learn": 0.2, "other": 0.05},
        "replay_ratio": 1.0,
        "memory_gb": 2.5,
        "device_peak_gb": 7.25,
    }
    asked = []

    def bench_stage(stage, repeats, sizes):
        asked.append((stage, repeats, sizes.config.preset, sizes.config.learning.batch))
        return measured

    stand_in(
        "alpha_factory.runs.bench",
        bench_stage=bench_stage,
        Sizes=Sizes,
        STAGES_WITH_SETTINGS=STAGES_WITH_SETTINGS,
    )
    changed = ["--preset", "paper", "--set", "learning.batch=64"]
    assert main.main(["bench", "loop", "--repeats", "3", *changed, "--json"]) == 0
    assert asked == [("loop", 3, "paper", 64)]
    assert json.loads(capsys.readouterr().out) == measured
    assert main.main(["bench", "loop"]) == 0
    printed = capsys.readouterr().out
    assert "6,400" in printed
    assert "search 50.0 %" in printed
    assert "1.00 sequences" in printed
    assert "The stretch needs 2.50 GiB" in printed
    assert "the device held 7.2 GiB" in printed
    del measured["device_peak_gb"]
    assert main.main(["bench", "loop"]) == 0
    assert "device held" not in capsys.readouterr().out
    assert main.main(["bench", "worlds", *changed]) == 2
    assert "learn, loop and rounds have settings" in capsys.readouterr().err

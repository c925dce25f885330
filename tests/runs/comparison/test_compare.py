"""Runs side by side: what is put together, what is refused, and the numbers against those made by hand."""

import itertools
import json
import re
import shlex
import shutil

import numpy as np
import pytest
from scipy import stats

from alpha_factory.cli import commands
from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.runs.comparison import compare_runs
from alpha_factory.runs.comparison.contestants import read_contestants
from alpha_factory.runs.comparison.groups import group_runs
from alpha_factory.runs.files.scores import write_file
from alpha_factory.runs.suites import load_suite
from runs.comparison.toy import FRAMES, LEVELS, write_result, write_run


@pytest.fixture
def six(tmp_path):
    """Two groups of three seeds."""
    return [
        write_run(tmp_path / f"{children}-{seed}", seed=seed, skill=skill, children=children)
        for children, skill in ((2, 0.4), (4, 0.8))
        for seed in range(3)
    ]


def rates_of(runs):
    return np.array(
        [
            json.loads((run / "evaluation.json").read_bytes())[0]["policies"]["trained"][
                "by_level"
            ]["solve_rate"]
            for run in runs
        ]
    )


def edit(run, change):
    path = run / "evaluation.json"
    suites = json.loads(path.read_bytes())
    change(suites)
    path.write_text(json.dumps(suites))


def test_runs_are_grouped_by_all_but_their_seed(six):
    told = compare_runs(six)
    assert [group["name"] for group in told["groups"]] == ["children=2", "children=4"]
    assert [group["settings"] for group in told["groups"]] == [
        {"curriculum.children": 2},
        {"curriculum.children": 4},
    ]
    assert [(run["group"], run["seed"]) for run in told["runs"]] == [
        (f"children={children}", seed) for children in (2, 4) for seed in range(3)
    ]


def test_numbers_are_those_of_all_runs_and_levels(six):
    (suite,) = compare_runs(six)["suites"]
    low, high = rates_of(six[:3]), rates_of(six[3:])
    for name, rates in (("children=2", low), ("children=4", high)):
        scores = suite["groups"][name]
        assert scores["runs"] == 3
        assert scores["solve_rate"]["value"] == pytest.approx(rates.mean())
        assert scores["iqm"]["value"] == pytest.approx(stats.trim_mean(rates, 0.25, axis=None))
        for field in ("solve_rate", "iqm", "cvar_10_held", "cvar_1_held", "return_mean"):
            assert scores[field]["low"] <= scores[field]["value"] <= scores[field]["high"]
    (pair,) = suite["improvement"]
    assert (pair["of"], pair["over"]) == ("children=2", "children=4")
    u = [stats.mannwhitneyu(low[:, at], high[:, at]).statistic / 9 for at in range(LEVELS)]
    assert pair["value"] == pytest.approx(np.mean(u))
    profile = suite["profiles"]["groups"]["children=4"]
    assert profile["share"][50] == pytest.approx((high > 0.5).mean())


def test_intervals_reach_from_the_worst_to_the_best_of_three_runs(tmp_path):
    """Each run solves all of its levels as often: what differs is the seed, and nothing averages it away."""
    runs = [write_run(tmp_path / str(seed), seed=seed) for seed in range(3)]
    for run, rate in zip(runs, (0.2, 0.5, 0.8), strict=True):

        def level_out(suites, rate=rate):
            told = suites[0]["policies"]["trained"]["by_level"]
            for field in ("solve_rate", "return_mean", "steps_mean"):
                told[field] = [rate] * LEVELS

        edit(run, level_out)
    (suite,) = compare_runs(runs)["suites"]
    (scores,) = suite["groups"].values()
    for field in ("solve_rate", "iqm", "return_mean", "steps_mean"):
        assert (scores[field]["low"], scores[field]["high"]) == pytest.approx((0.2, 0.8))
    (profile,) = suite["profiles"]["groups"].values()
    assert (profile["low"][60], profile["high"][60]) == (0.0, 1.0)


def test_single_runs_have_no_intervals_over_seeds(tmp_path):
    runs = [write_run(tmp_path / str(slots), seed=0, slots=slots) for slots in (64, 128)]
    told = compare_runs(runs)
    for scores in told["suites"][0]["groups"].values():
        assert scores["solve_rate"]["low"] is None
    assert "one run a group" in told["note"]
    json.dumps(told, allow_nan=False)


def test_groups_of_unequal_numbers_of_runs_are_compared_by_all_their_pairs(six):
    """One run against three: a number, and no interval, since one run says nothing of other seeds."""
    told = compare_runs([six[0], *six[3:]])
    (suite,) = told["suites"]
    one, three = rates_of(six[:1]), rates_of(six[3:])
    (pair,) = suite["improvement"]
    wins = [
        np.mean([(a > b) + (a == b) / 2 for a in one[:, at] for b in three[:, at]])
        for at in range(LEVELS)
    ]
    assert pair["value"] == pytest.approx(np.mean(wins))
    assert (pair["low"], pair["high"]) == (None, None)
    first, second = suite["groups"].values()
    assert (first["runs"], second["runs"]) == (1, 3)
    assert first["iqm"]["low"] is None
    assert second["iqm"]["low"] <= second["iqm"]["value"] <= second["iqm"]["high"]
    assert "1 to 3 seeds a group" in told["note"]


def test_suites_of_unequal_numbers_of_levels_are_never_put_together(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed=seed) for seed in range(2)]
    budget = json.loads((runs[1] / "evaluation.json").read_bytes())[0]["budget"]
    fewer = write_result("mazes-v1", seed=1, skill=0.5, levels=LEVELS - 1) | {"budget": budget}
    (runs[1] / "evaluation.json").write_text(json.dumps([fewer]))
    with pytest.raises(UsageError, match="name the levels of mazes-v1 otherwise") as refused:
        compare_runs(runs)
    for run in runs:  # nobody knows which of them was edited
        assert f"`alpha-factory evaluate {run} --suite mazes-v1 --episodes 4 --keep`" in str(
            refused.value
        )


def test_curves_are_means_of_what_was_logged(six):
    curves = compare_runs(six)["curves"]
    assert list(curves) == ["solved in training", "solved, held out"]
    curve = curves["solved in training"]["children=4"]
    np.testing.assert_allclose(curve["mean"], 0.8 * np.array(curve["x"]) / FRAMES, atol=0.03)
    assert curve["low"] == pytest.approx(curve["mean"])  # all seeds were given the same curve


def test_unequal_budgets_are_refused_with_each_runs(tmp_path):
    runs = [
        write_run(tmp_path / "short", seed=0, frames=FRAMES),
        write_run(tmp_path / "long", seed=1, frames=round(FRAMES * 1.02)),
    ]
    with pytest.raises(UsageError, match="50,000 to 51,000 env steps") as refused:
        compare_runs(runs)
    for run, frames in zip(runs, ("50,000", "51,000"), strict=True):
        assert f"{run}: {frames} env steps, 400 updates" in str(refused.value)
    told_commands = re.findall(r"`(alpha-factory run [^`]*)`", str(refused.value))
    asked = [commands.parse(shlex.split(command)[1:]) for command in told_commands]
    assert [(one.resume, one.out) for one in asked] == [(True, run) for run in runs]
    (given,) = {one.frames for one in asked}
    # The same for both, and so many that whatever stretch they end with is little.
    assert given >= 51_000
    rows = [json.loads(line) for line in (runs[1] / "metrics.jsonl").read_text().splitlines()]
    assert 1.2 * (rows[-1]["frames"] - rows[-2]["frames"]) <= 0.05 * given
    told = compare_runs(runs, may_differ=True)
    assert not told["budget"]["is_equal"]
    assert told["note"].startswith("UNEQUAL BUDGETS: 50,000 to 51,000 env steps")


def test_budgets_within_a_hundredth_are_equal(tmp_path):
    runs = [
        write_run(tmp_path / "short", seed=0, frames=FRAMES),
        write_run(tmp_path / "long", seed=1, frames=round(FRAMES * 1.0099)),
    ]
    assert compare_runs(runs)["note"].startswith("Equal budgets")


def test_other_units_are_told_with_how_far_apart_they_are(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed=seed) for seed in (0, 5)]
    told = compare_runs(runs)
    assert told["note"].startswith(
        "Equal budgets: 50,000 env steps a run; 400 gradient updates, 200 to 250 wall seconds (25 % apart)"
    )
    units = told["budget"]["units"]
    assert [units[name]["is_equal"] for name in ("frames", "updates", "wall_s")] == [1, 1, 0]
    assert units["wall_s"]["excess"] == pytest.approx(0.25)
    assert [run["wall_s"] for run in told["runs"]] == [200.0, 250.0]


def test_units_that_are_far_apart_are_told_in_whole_percents(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed=seed) for seed in (0, 300)]
    assert "200 to 3,200 wall seconds (1,500 % apart)" in compare_runs(runs)["note"]


def test_runs_that_were_given_the_same_frames_are_equal_but_for_their_last_stretch(tmp_path):
    """Ten stretches of 5,000 and three of 16,167: nobody could have ended closer to 48,000."""
    runs = [
        write_run(tmp_path / "fine", seed=0, given=48_000, frames=50_000),
        write_run(tmp_path / "rough", seed=1, given=48_000, frames=48_500, rows=3),
    ]
    told = compare_runs(runs)
    assert told["budget"]["is_equal"]
    assert told["budget"]["given"] == 48_000
    assert "given 48,000 each" in told["note"]
    assert "(3.1 % apart)" in told["note"]
    assert told["budget"]["units"]["frames"]["is_equal"]
    told = compare_runs(runs, unit="updates")
    assert told["budget"]["units"]["frames"]["is_equal"]


def test_run_alone_is_apart_from_nobody(tmp_path):
    """A moment lies between its last row and the checkpoint that was scored."""
    run = write_run(tmp_path / "run", seed=0)
    edit(run, lambda suites: suites[0]["budget"].update(wall_s=200.1))
    assert "apart" not in compare_runs([run])["note"]
    other = write_run(tmp_path / "other", seed=1)
    assert "200 to 210 wall seconds (5 % apart)" in compare_runs([run, other])["note"]
    edit(run, lambda suites: suites[0]["budget"].update(wall_s=100.0))
    assert "100 to 200 wall seconds (100 % apart)" in compare_runs([run])["note"]


@pytest.mark.parametrize(
    ("given", "frames", "rows"),
    [
        pytest.param((48_000, 49_000), (50_000, 51_000), 3, id="given another number"),
        pytest.param((48_000, 48_000), (45_000, 51_000), 3, id="interrupted before"),
        pytest.param((48_000, 48_000), (50_000, 70_000), 10, id="gone on after"),
        pytest.param((48_000, 48_000), (48_500, 51_000), 2, id="far beyond, though in one stretch"),
        pytest.param((48_000, 48_000), (48_500, 50_000), 30, id="another stretch after"),
    ],
)
def test_what_was_given_excuses_nothing_else(given, frames, rows, tmp_path):
    runs = [
        write_run(tmp_path / str(at), seed=at, given=given[at], frames=frames[at], rows=rows)
        for at in range(2)
    ]
    with pytest.raises(UsageError, match="unequal budgets"):
        compare_runs(runs)


def write_guest(path, *, policy="library:act", draw=9, **told):
    path.parent.mkdir(exist_ok=True)
    result = write_result("mazes-v1", seed=draw, skill=0.6, policy=policy) | told
    write_file(path, [result])
    return path


def test_scores_of_unknown_budget_are_refused_by_name_and_written_on_what_is_compared(tmp_path):
    runs = [
        write_run(tmp_path / "run", seed=0),
        write_guest(tmp_path / "guest.json"),
    ]
    with pytest.raises(UsageError, match=r"Nobody knows what budget .*guest\.json"):
        compare_runs(runs)
    told = compare_runs(runs, may_differ=True)
    assert told["note"].startswith(f"BUDGET NOT KNOWN of {runs[1]}. Equal budgets: 50,000")
    assert told["budget"]["unknown"] == [str(runs[1])]
    assert not told["budget"]["is_equal"]
    assert told["runs"][1]["frames"] is None
    assert list(told["suites"][0]["groups"]) == ["demo", "library:act"]
    alone = compare_runs(runs[1:], may_differ=True)
    assert alone["note"].startswith("BUDGET NOT KNOWN")
    json.dumps(alone, allow_nan=False)


def test_scores_that_a_run_kept_without_a_budget_do_not_pass_for_those_of_its_end(six):
    edit(six[1], lambda suites: suites[0].pop("budget"))
    with pytest.raises(UsageError, match=rf"Nobody knows what budget .*{six[1].name}"):
        compare_runs(six)


def test_scores_of_a_checkpoint_in_a_file_have_its_budget(tmp_path):
    run = write_run(tmp_path / "demo", seed=0)
    budget = {"frames": FRAMES, "updates": 400, "wall_s": 200.0, "compile_s": 30.0}
    file = write_guest(tmp_path / "demo.json", policy="trained", budget=budget)
    told = compare_runs([run, file])
    assert told["budget"]["is_equal"]
    assert [group["name"] for group in told["groups"]] == ["demo", "demo (file)"]


def test_copy_of_a_file_of_scores_is_no_other_seed(tmp_path):
    files = [write_guest(tmp_path / "a.json")]
    files.append(tmp_path / "b.json")
    shutil.copy(*files)
    with pytest.raises(UsageError, match=r"hold the same scores.*one thing twice") as said:
        compare_runs(files, may_differ=True)
    assert all(str(file) in str(said.value) for file in files)
    budget = {"frames": FRAMES, "updates": 400, "wall_s": 200.0, "compile_s": 30.0}
    agents = [
        write_guest(tmp_path / f"{name}.json", policy="trained", budget=budget) for name in "cd"
    ]
    with pytest.raises(UsageError, match="hold the same scores"):
        compare_runs(agents)


def test_policy_that_plays_alike_on_two_known_seeds_is_two_members(tmp_path):
    files = [write_guest(tmp_path / f"{seed}.json", seed=seed) for seed in range(2)]
    (group,) = group_runs(read_contestants(files))
    assert len(group.runs) == 2


def test_files_of_one_name_in_two_folders_are_two_members(tmp_path):
    files = [
        write_guest(tmp_path / folder / "a.json", draw=draw) for draw, folder in enumerate("xy")
    ]
    told = compare_runs(files, may_differ=True)
    assert told["suites"][0]["groups"]["library:act"]["runs"] == 2


def test_agents_of_runs_in_files_of_one_name_are_two_groups(tmp_path):
    files = [
        write_guest(tmp_path / folder / "a.json", draw=draw, policy="trained")
        for draw, folder in enumerate("xy")
    ]
    assert [group.name for group in group_runs(read_contestants(files))] == list(map(str, files))


def test_file_with_scores_of_two_policies_is_refused(tmp_path):
    write_file(
        tmp_path / "both.json",
        [write_result("mazes-v1", seed=0, skill=0.5, policy=name) for name in ("a:b", "c:d")],
    )
    with pytest.raises(UsageError, match="scores of a:b, c:d; wanted those of one policy"):
        compare_runs([tmp_path / "both.json"])


def test_budget_is_counted_in_what_is_asked_for(tmp_path):
    """Wall seconds of the first two differ by a twentieth, of the third by a tenth, updates not at all."""
    runs = [write_run(tmp_path / str(seed), seed=seed, frames=FRAMES + seed) for seed in range(3)]
    assert compare_runs(runs, unit="updates")["budget"]["highest"] == 400
    assert compare_runs(runs[:2], unit="wall_s")["budget"]["is_equal"]
    with pytest.raises(UsageError, match=r"200 to 220 wall seconds .*--frames can be given"):
        compare_runs(runs, unit="wall_s")
    with pytest.raises(UsageError, match="Choices: frames, updates, wall_s"):
        compare_runs(runs, unit="seconds")


def test_scores_of_an_earlier_checkpoint_are_no_equal_budget(six):
    def age(suites):
        suites[0]["budget"] = {"frames": 9_000, "updates": 9, "wall_s": 9.0, "compile_s": 1.0}

    edit(six[0], age)
    with pytest.raises(UsageError, match=r"9,000 env steps, .* when scored on mazes-v1") as refused:
        compare_runs(six)
    assert "run --resume" not in str(refused.value)
    assert f"`alpha-factory evaluate {six[0]} --suite mazes-v1 --episodes 4 --keep`" in str(
        refused.value
    )


def test_run_given_twice_is_refused(six):
    with pytest.raises(UsageError, match="is given twice, once as"):
        compare_runs([six[0], six[0].parent / "." / "x" / ".." / six[0].name])


def test_copy_of_a_run_is_no_other_seed(tmp_path):
    runs = [write_run(tmp_path / name, seed=7) for name in ("one", "copy")]
    with pytest.raises(UsageError, match="same settings and the same seed, 7"):
        compare_runs(runs)


@pytest.mark.parametrize(
    "config", [{"curriculum": 3}, {}, {"seed": 0, "budget": [], "curriculum": {}}], ids=str
)
def test_config_of_no_run_is_refused(config, tmp_path):
    run = write_run(tmp_path / "run", seed=0)
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match=r"config\.json is no config of a run"):
        compare_runs([run])


def test_run_that_logged_nothing_is_refused(tmp_path):
    run = write_run(tmp_path / "run", seed=0)
    (run / "metrics.jsonl").write_text("")
    with pytest.raises(UsageError, match="has logged nothing yet"):
        compare_runs([run])


def test_without_a_common_suite_it_is_said_how_to_get_one(tmp_path):
    runs = [
        write_run(tmp_path / "one", seed=0, suites=("a-v1",)),
        write_run(tmp_path / "two", seed=1, suites=("b-v1",)),
    ]
    with pytest.raises(UsageError, match="no suite on which all") as refused:
        compare_runs(runs)
    assert f"`alpha-factory evaluate {runs[1]} --suite a-v1 --episodes 4 --keep`" in str(
        refused.value
    )
    with pytest.raises(UsageError, match="no suite b-v1 on which all") as refused:
        compare_runs(runs, suite="b-v1")
    assert f"`alpha-factory evaluate {runs[0]} --suite b-v1 --episodes 4 --keep`" in str(
        refused.value
    )


def test_suite_that_no_run_has_is_told_with_those_they_have(tmp_path):
    run = write_run(tmp_path / "run", seed=0, suites=("a-v1", "generated-v1"))
    with pytest.raises(UsageError, match=r"Unknown suite 'a-v2'. .*Choices: a-v1, generated-v1"):
        compare_runs([run], suite="a-v2")
    with pytest.raises(UsageError, match="They have scores of a-v1, generated-v1") as refused:
        compare_runs([run], suite="poet-100-v1")
    assert f"`alpha-factory evaluate {run} --suite poet-100-v1 --keep`" in str(refused.value)
    edit(run, list.clear)
    with pytest.raises(UsageError, match=r"Unknown suite 'x'. Choices: .*random-mazes"):
        compare_runs([run], suite="x")


def test_other_number_of_episodes_is_played_again(tmp_path):
    """Most have 8; of the suite's own number nothing has to be said."""
    digest = load_suite("generated-v1").digest
    runs = [
        write_run(tmp_path / str(seed), seed=seed, suites=("generated-v1",)) for seed in range(3)
    ]
    for run, episodes in zip(runs, (8, 8, 4), strict=True):
        edit(
            run,
            lambda suites, episodes=episodes: suites[0].update(
                suite_hash=digest, episodes=episodes
            ),
        )
    command = "`alpha-factory evaluate {} --suite generated-v1{} --keep`"
    with pytest.raises(UsageError) as refused:
        compare_runs(runs)
    assert f"{runs[0]} has 8 episodes, {digest[:14]}; {runs[1]} has 8" in str(refused.value)
    assert (
        f"{runs[2]} has 4 episodes, {digest[:14]}: {command.format(runs[2], ' --episodes 8')}."
        in str(refused.value)
    )
    with pytest.raises(UsageError) as refused:
        compare_runs(runs[1:])
    assert command.format(runs[2], " --episodes 8") in str(refused.value)
    edit(runs[1], lambda suites: suites[0].update(episodes=2))
    with pytest.raises(UsageError) as refused:
        compare_runs(runs[1:])
    assert command.format(runs[1], "") in str(refused.value)


def test_levels_of_another_version_of_a_frozen_suite_are_played_again(tmp_path):
    runs = [
        write_run(tmp_path / str(seed), seed=seed, suites=("generated-v1",)) for seed in range(2)
    ]
    edit(runs[1], lambda suites: suites[0].update(suite_hash="cd" * 32))
    with pytest.raises(UsageError) as refused:
        compare_runs(runs)
    for run in runs:  # neither is the suite as it is
        assert f"`alpha-factory evaluate {run} --suite generated-v1 --keep`" in str(refused.value)


def draw(run, *, seed, levels, digest):
    drawn = {"seed": seed, "levels": levels}
    edit(run, lambda suites: suites[0].update(drawn=drawn, suite_hash=f"drawn:{digest}"))


def test_drawn_levels_are_drawn_alike(tmp_path):
    runs = [
        write_run(tmp_path / name, seed=seed, suites=("random-mazes",))
        for seed, name in enumerate(("one", "two", "my third"))
    ]
    for run, seed in zip(runs, (5, 5, 0), strict=True):
        draw(run, seed=seed, levels=LEVELS, digest=seed)
    with pytest.raises(UsageError) as refused:
        compare_runs(runs)
    assert (
        f"`alpha-factory evaluate '{runs[2]}' --suite random-mazes --count 20 --draw-seed 5 --episodes 4 --keep`"
        in str(refused.value)
    )
    draw(runs[2], seed=5, levels=LEVELS, digest="of another version")
    with pytest.raises(UsageError) as refused:
        compare_runs(runs)
    assert str(refused.value).count("--draw-seed 5") == 3


def test_file_is_told_to_be_evaluated_into_another(tmp_path):
    run = write_run(tmp_path / "run", seed=0, suites=("b-v1",))
    guest = write_guest(tmp_path / "guest.json", seed=3, observation="view", view=7, host=True)
    with pytest.raises(UsageError) as refused:
        compare_runs([run, guest], suite="b-v1")
    place = tmp_path / "guest-b-v1.json"
    command = (
        "alpha-factory evaluate library:act --suite b-v1 --episodes 4 --observation view --view 7 --host --seed 3 "
        f"--out {place}"
    )
    assert f"`{command}`, and compare {place} in the place of {guest}" in str(refused.value)
    _, *words = shlex.split(command)
    asked = commands.parse(words)
    assert (asked.suite, asked.episodes, asked.view, asked.out) == ("b-v1", 4, 7, place)
    place.write_text("dear to someone")
    with pytest.raises(UsageError, match=r"--out .*guest-b-v1-2\.json"):
        compare_runs([run, guest], suite="b-v1")
    agent = write_guest(tmp_path / "agent.json", policy="trained")
    with pytest.raises(UsageError, match="`alpha-factory evaluate CHECKPOINT --suite b-v1"):
        compare_runs([run, agent], suite="b-v1")


def test_suite_that_only_some_have_is_left_out_with_a_word(tmp_path):
    runs = [
        write_run(tmp_path / "one", seed=0, suites=("a-v1", "b-v1")),
        write_run(tmp_path / "two", seed=1, suites=("a-v1",)),
    ]
    said = []
    told = compare_runs(runs, warned=said.append)
    assert [suite["suite"] for suite in told["suites"]] == ["a-v1"]
    (warning,) = said
    assert f"`alpha-factory evaluate {runs[1]} --suite b-v1 --episodes 4 --keep`" in warning


@pytest.mark.parametrize("field", ["suite_hash", "episodes", "step_limit"])
def test_same_name_is_not_the_same_test(field, tmp_path):
    runs = [write_run(tmp_path / str(seed), seed=seed) for seed in range(2)]
    edit(runs[1], lambda suites: suites[0].update({field: 9 if field != "suite_hash" else "other"}))
    with pytest.raises(UsageError, match="the same levels and as many episodes"):
        compare_runs(runs)


def test_scores_without_single_levels_are_none(tmp_path):
    run = write_run(tmp_path / "old", seed=0)
    edit(run, lambda suites: suites[0]["policies"]["trained"].pop("by_level"))
    with pytest.raises(UsageError, match=r"evaluate .*old --suite generated-v1 --keep"):
        compare_runs([run])


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_return_that_is_not_finite_is_refused_by_its_level(value, tmp_path):
    run = write_run(tmp_path / "run", seed=0)

    def spoil(suites):
        suites[0]["policies"]["trained"]["by_level"]["return_mean"][3] = value

    edit(run, spoil)
    with pytest.raises(
        RunConflict, match=r"return_mean of mazes-v1, level level-3, is .*not finite"
    ):
        compare_runs([run])


def test_column_of_another_length_is_refused(tmp_path):
    run = write_run(tmp_path / "run", seed=0)
    edit(run, lambda suites: suites[0]["policies"]["trained"]["by_level"]["steps_mean"].pop())
    with pytest.raises(RunConflict, match="20 levels, but 19 under steps_mean"):
        compare_runs([run])


def test_groups_of_many_differences_are_named_by_their_methods_where_these_tell_them_apart(
    tmp_path,
):
    numbers = itertools.count()

    def name(*settings: dict[str, str]) -> list[str]:
        paths = []
        for at, given in enumerate(settings, start=1):
            paths.append(tmp_path / str(next(numbers)))
            write_run(paths[-1], seed=0, children=at, parents=8 * at, slots=64 * at, **given)
        return [group.name for group in group_runs(read_contestants(paths))]

    assert name({"name": "plr"}, {"name": "sfl"}) == ["plr", "sfl"]
    three = [{"name": "plr"}, {"name": "plr", "learner": "ppo"}, {"name": "sfl"}]
    assert name(*three) == ["plr muzero", "plr ppo", "sfl muzero"]
    shared = [{"name": "plr"}, {"name": "sfl"}, {"name": "plr"}]
    assert name(*shared) == ["plr A", "sfl", "plr B"]


def test_groups_of_many_differences_and_one_method_are_named_by_letters(tmp_path):
    runs = [
        write_run(
            tmp_path / str(at), seed=0, children=at, parents=8 * at, slots=64 * at, episodes=at
        )
        for at in (1, 2)
    ]
    groups = group_runs(read_contestants(runs))
    assert [group.name for group in groups] == ["A", "B"]
    assert groups[1].settings == {
        "curriculum.children": 2,
        "curriculum.episodes": 2,
        "curriculum.parents": 16,
        "curriculum.slots": 128,
    }

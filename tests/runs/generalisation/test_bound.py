"""The whole of `bound` on a run made by hand: what it says, what it refuses, and that it changes nothing."""

import dataclasses
import hashlib
import json

import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.evaluate.bound import Setting, printed_terms
from alpha_factory.runs.files.directory import create_run
from alpha_factory.runs.generalisation import bound, tightness
from alpha_factory.runs.generalisation.bound import bound_run
from alpha_factory.runs.judging.target import RunTarget
from alpha_factory.runs.settings.text import to_json
from runs import tiny_levels
from runs.generalisation import toy

pytestmark = [pytest.mark.usefixtures("quick_compilation")]
COUNT = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return toy.save_run(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(autouse=True)
def few_lanes(monkeypatch):
    monkeypatch.setattr(tightness, "_LANES", 8)


def look(run):
    """Every file with its content and time."""
    return {
        path.relative_to(run).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
            path.stat().st_mtime_ns,
        )
        for path in sorted(run.rglob("*"))
    }


@pytest.fixture(scope="module")
def told(run, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tightness, "_LANES", 8)
        before = look(run)
        told = bound_run(
            RunTarget(run, None),
            suite="random-mazes",
            levels=COUNT,
            episodes=2,
            cache=tmp_path_factory.mktemp("cache"),
        )
        assert look(run) == before
    return told


def test_bound_is_that_of_its_quantities(told):
    setting = Setting(**told["setting"])
    assert (setting.worlds, setting.discount, setting.delta) == (3, 0.97, 0.05)
    assert setting.depth == toy.CONFIG.search.simulations
    for end in ("value", "low", "high"):
        quantities = [told["quantities"][name][end] for name in ("lipschitz", "states", "kappa")]
        terms = printed_terms(*quantities, setting)
        assert told["bound"][end] == pytest.approx(terms.total)
        for name in ("estimation", "transfer", "planning"):
            assert told["terms"][name][end] == pytest.approx(getattr(terms, name))
    assert told["bound"]["low"] <= told["bound"]["value"] <= told["bound"]["high"]
    assert told["best_depth"]["bound"] <= told["bound"]["value"]


def test_quantities_are_those_of_the_replay(told):
    """Episodes of 4 steps, 6 different observations in each world, and first observations that say which it is."""
    setting, quantities = told["setting"], told["quantities"]
    assert setting["rows"] == 4 * setting["episodes"]
    assert quantities["states"]["value"] == quantities["states"]["seen"] == 6
    assert told["assumptions"]["covered"]["value"] == 1.0
    assert 0 < told["assumptions"]["xi"] <= 1 / 6
    assert told["assumptions"]["reward_most"] == 0.125
    kappa = quantities["kappa"]
    assert (kappa["value"], kappa["low"], kappa["high"]) == (1.0, 1.0, 1.0)
    assert kappa["starts_differ"] == 1.0
    assert kappa["visits_low"] <= kappa["visits"] < 1.0
    slope = quantities["lipschitz"]
    assert slope["value"] == max(slope["of_latent"], slope["of_action"]) <= slope["high"]
    most = 0.125 * (1 - 0.97**4) / 0.03
    assert 0 < told["return"]["low"] <= told["return"]["value"] <= told["return"]["high"] < most


def test_vacuous_bound_is_called_so(told):
    assert told["bound"]["value"] > told["range"] == 2.0
    assert told["is_vacuous"]
    assert told["ranges"] == pytest.approx(told["bound"]["value"] / 2)


def test_gap_is_to_the_best_play_discounted(told):
    training, held_out = told["training"], told["held_out"]
    # The three rooms take 2, 3 and 3 steps: the best discounted returns are γ, γ², γ².
    assert (training["worlds"], training["known"]) == (3, 3)
    assert training["optimum"] == pytest.approx((0.97 + 2 * 0.97**2) / 3, rel=1e-6)
    assert training["received"] == pytest.approx(told["return"]["value"])
    assert training["gap"] == pytest.approx(training["optimum"] - training["received"])
    assert (held_out["worlds"], held_out["known"], held_out["passed_over"]) == (COUNT, COUNT, 0)
    assert 0 < held_out["optimum"] < 1
    assert 0 <= held_out["gap"] <= held_out["gap_worst"] <= 1
    for gaps in (training, held_out):
        assert gaps["ratio"] == pytest.approx(gaps["gap"] / told["bound"]["value"])
        assert gaps["ratio_worst"] == pytest.approx(max(gaps["by_world"]) / told["bound"]["value"])
        assert gaps["below"] == 1.0
    assert json.loads(json.dumps(told)) == told


def test_bound_follows_from_its_seeds(told, run, monkeypatch):
    """The gaps, which take longer, left out; and a bound within the range is not called vacuous."""
    nothing = {"gap": None, "gap_worst": 0.0, "by_world": [None]}
    monkeypatch.setattr(bound, "RANGE", 1e9)
    monkeypatch.setattr(bound, "play_discounted", lambda *_, **__: None)
    monkeypatch.setattr(bound, "compare_with_optimum", lambda *_, **__: nothing)
    again = bound_run(RunTarget(run, None), suite="random-mazes", levels=COUNT)
    assert not again["is_vacuous"]
    for name in ("assumptions", "quantities", "terms", "bound", "derived", "return"):
        assert again[name] == told[name]
    assert (again["held_out"]["ratio"], again["held_out"]["below"]) == (None, None)


def test_run_of_ppo_is_refused(tmp_path):
    create_run(tmp_path / "run", to_json(tiny_levels.TINY)).close()
    with pytest.raises(UsageError, match=r"was learned by ppo, which has no learned dynamics"):
        bound_run(RunTarget(tmp_path / "run", None))


def test_run_of_one_world_is_refused(tmp_path):
    run = toy.save_run(tmp_path / "run", worlds=1)
    with pytest.raises(UsageError, match="of 1 living worlds, and the bound is about two or more"):
        bound_run(RunTarget(run, None))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"delta": 0.0}, "--delta 0.0 is no chance"),
        ({"delta": 1.0}, "--delta 1.0 is no chance"),
        ({"episodes": 0}, "--episodes 0 is too few"),
        ({"states": 0}, "--states 0 is too few"),
        ({"suite": "public-mazes-v1", "levels": 9}, "fewer than the 9 asked for"),
        ({"suite": "mazes"}, "Unknown suite"),
    ],
)
def test_what_cannot_be_is_refused(run, asked, said):
    with pytest.raises(UsageError, match=said):
        bound_run(RunTarget(run, None), **asked)


def test_run_without_a_discount_is_refused(tmp_path):
    learning = dataclasses.replace(toy.CONFIG.learning, discount=1.0)
    config = dataclasses.replace(toy.CONFIG, learning=learning)
    create_run(tmp_path / "run", to_json(config)).close()
    with pytest.raises(UsageError, match="is infinite"):
        bound_run(RunTarget(tmp_path / "run", None))


def test_run_without_a_checkpoint_is_refused(tmp_path):
    create_run(tmp_path / "run", to_json(toy.CONFIG)).close()
    with pytest.raises(UsageError, match="has no checkpoint yet"):
        bound_run(RunTarget(tmp_path / "run", None))
